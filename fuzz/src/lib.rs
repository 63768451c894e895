//! What must hold of PortGuard's readers, whatever they are given: no panic, no hang, memory in proportion to the input,
//! and an answer that keeps its promises. And of its verdict, whatever the frame is.
//!
//! Each function takes a text, or bytes, and panics where a promise is broken; a fuzz target hands it what libFuzzer
//! makes up.

mod verdict;

use std::{net::Ipv4Addr, sync::LazyLock};

use peak_alloc::PeakAlloc;
use portguard::{
    explain::Destination,
    lint::{Surroundings, lint},
    matrix::{self, Availability, Library},
    policy::{self, BUILT_IN, Citation, PolicyName, PortExpression, import, unsupported},
    reading::{self, Colour, Faults, FileReport, Located, Report, Source, short_prefix},
    site::{self, HostName},
};

pub use verdict::verdict;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Memory that a reader may take for an empty text.
const BYTES: usize = 1 << 20;
/// Memory that it may take for each byte of a text: a byte of a list in TOML (`1,`) becomes a value with its place.
const BYTES_PER_BYTE: usize = 512;

/// Runs `read` and checks that its memory is in proportion to `text`.
fn in_proportion<T>(text: &str, read: impl FnOnce() -> T) -> T {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = read();
    let taken = MEMORY.peak_usage().saturating_sub(before);
    let most = BYTES + BYTES_PER_BYTE * text.len();
    assert!(taken <= most, "{taken} bytes of memory for {} bytes of text; the most is {most}", text.len());
    result
}

/// A policy is read, or refused with diagnostics that can be shown; what is accepted can be held against any document.
pub fn policy(text: &str) {
    let source = Source::new("policy.toml", text);
    match in_proportion(text, || policy::parse(&source)) {
        Ok(policy) => {
            let _ = unsupported(&policy, text);
        }
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a reason");
            show(source, faults);
        }
    }
}

/// A site is read with the policies that come with portguard and becomes a matrix if and only if nothing is wrong.
pub fn site(text: &str) {
    static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
        let read = |built_in: &policy::BuiltIn| {
            let policy = policy::parse(&Source::new(built_in.file, built_in.text)).expect("it is sound");
            (site::PolicyReference::new(built_in.name), Availability::Sound(Box::new(policy)))
        };
        BUILT_IN.iter().map(read).collect()
    });
    let library = &*LIBRARY;
    let source = Source::new("site.toml", text);
    let (mut site, matrix, faults) = in_proportion(text, || {
        let mut faults = Faults::default();
        let site = site::read(&source, &mut faults);
        let matrix = matrix::resolve(&site, library, &mut faults);
        (site, matrix, faults)
    });
    assert_eq!(matrix.is_some(), faults.is_empty(), "a matrix exists if and only if nothing is wrong");
    show(source.clone(), faults.into_sorted());
    if let Some(matrix) = matrix {
        let addresses = vec![Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(10, 0, 0, 1).into()];
        let answer = site::Answer { addresses, failure: None };
        site.answer(&site.host_names().into_iter().map(|name| (name, answer.clone())).collect());
        let mut faults = Faults::default();
        assert!(matrix::resolve(&site, library, &mut faults).is_some(), "an answer is no fault");
        show(source, lint(&site, library, &matrix, &Surroundings::default()).warnings);
    }
}

/// A page makes a draft that is a sound policy and cites lines of the page, or none.
pub fn page(text: &str) {
    static NAME: LazyLock<PolicyName> = LazyLock::new(|| "page".parse().expect("it is a name"));
    let name = &*NAME;
    let Ok(draft) = in_proportion(text, || import(text, "page.md", name)) else { return };
    let Some(drafted) = draft.text else { return };
    let policy = policy::parse(&Source::new("draft.toml", &drafted))
        .unwrap_or_else(|faults| panic!("{faults:#?}\nof\n{drafted}"));
    assert_eq!(policy.rules.len(), draft.rules);
    // A port may be written so that no line of the source has its digits together: `80<b>80</b>`.
    let mut wrong = unsupported(&policy, text);
    wrong.retain(|citation| !matches!(citation, Citation::WithoutPort { .. }));
    assert!(wrong.is_empty(), "{wrong:#?}\nof\n{drafted}");
}

/// The small words of both files and of the command line; what is read and written again is the same.
pub fn words(text: &str) {
    if let Ok(ports) = PortExpression::parse(text) {
        assert_eq!(PortExpression::parse(&ports.to_string()), Ok(ports));
    }
    // Whether it is one is for tests to say; here it must merely come to an end.
    let _ = text.parse::<Destination>();
    let located = |text: &str| Located::new(text.to_owned(), (0, text.len()).into());
    let mut faults: Faults<reading::Fault> = Faults::default();
    match reading::prefix(&located(text), &mut faults) {
        Some(prefix) => {
            let again = reading::prefix(&located(&short_prefix(&prefix.value)), &mut faults);
            assert_eq!(again.map(|prefix| prefix.value), Some(prefix.value));
            assert!(faults.is_empty());
        }
        None => show(Source::new("word", text), faults.into_sorted()),
    }
    if let Ok(name) = text.parse::<PolicyName>() {
        assert!(!name.to_title().is_empty());
    }
    if let Ok(name) = HostName::new(text) {
        assert_eq!(HostName::new(name.as_str()), Ok(name));
    }
    // No name of an interface is longer.
    if text.len() <= 15 {
        assert!(matrix::covers(text, text), "what a pattern matches it matches");
    }
    let (members, faults) = in_proportion(text, || site::read_group_file(&Source::new("members", text)));
    assert!(members.is_sorted(), "{members:?}");
    show(Source::new("members", text), faults);
}

/// Diagnostics can be shown, whatever they quote.
fn show<D: miette::Diagnostic + Send + Sync + 'static>(source: Source, diagnostics: Vec<D>) {
    let mut report = Report::default();
    report.add(FileReport::new(source, diagnostics));
    let _ = report.render(Colour::Never);
}
