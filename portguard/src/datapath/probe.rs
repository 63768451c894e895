//! What this kernel can do for the data path, by trying it. Nothing is left behind, and no interface of the node is
//! touched.

use std::{os::fd::AsFd, thread};

use aya::{
    maps::MapType,
    programs::{
        LinkOrder, ProgramError, ProgramType, SchedClassifier, TcAttachType, Xdp, tc::TcAttachOptions,
        xdp::XdpMode,
    },
    sys::{BpfHelper, SyscallError, is_helper_supported, is_map_supported, is_program_supported},
};
use portguard_common::abi::names;

use super::{
    DatapathError, Loaded,
    clsact::{self, Refusal},
    embedded, leave_network,
};
use crate::{
    compile::{Image, Node, compile},
    matrix::{Attach, Dormant, Fragments, Hook, Interface, Matrix, Mode, Posture, Zone, ZoneId},
};

/// The name that the kernel has for programs of ours.
pub const OUR_PROGRAM: &str = names::PROGRAM;

/// The loopback interface of a network that has just been made.
const LOOPBACK: &str = "lo";
/// The kernel's number for it.
const LOOPBACK_INDEX: u32 = 1;

/// What came of trying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It works.
    Works,
    /// The kernel refuses, and says this.
    Refused(String),
    /// This process may not try.
    NotPermitted,
    /// It could not be tried at all.
    NotTried(String),
}

/// Whether the kernel takes XDP programs.
pub fn xdp() -> Probe {
    supported(is_program_supported(ProgramType::Xdp), "the kernel knows no XDP programs")
}

/// Whether XDP programs may ask for TCP sockets in every state.
pub fn socket_lookup() -> Probe {
    let lookup = is_helper_supported(ProgramType::Xdp, BpfHelper::BPF_FUNC_skc_lookup_tcp);
    supported(lookup, "XDP programs have no bpf_skc_lookup_tcp")
}

/// Whether counters can be kept for each CPU.
pub fn per_cpu_arrays() -> Probe {
    let arrays = is_map_supported(MapType::PerCpuArray).map_err(ProgramError::SyscallError);
    supported(arrays, "the kernel knows no per-CPU arrays")
}

/// Whether the verifier takes the program of this binary, with the smallest tables.
pub fn program() -> Probe {
    program_of(&smallest())
}

/// Whether it takes it with the tables of `image`.
pub fn program_of(image: &Image) -> Probe {
    match load(image) {
        Ok(_) => Probe::Works,
        Err(probe) => probe,
    }
}

/// Whether a program can be attached by a link, on the loopback interface of a network that is made for it.
pub fn xdp_link() -> Probe {
    elsewhere(|| match load(&smallest()) {
        Ok(mut loaded) => loaded.xdp().map_or_else(of_error, attach),
        Err(probe) => probe,
    })
}

/// Whether a program can be attached by tcx, likewise.
pub fn tcx() -> Probe {
    elsewhere(|| match load(&smallest_with_tcx()) {
        Ok(mut loaded) => loaded.tc(Hook::Tcx).map_or_else(of_error, attach_tcx),
        Err(probe) => probe,
    })
}

/// Whether a program can be attached in clsact, likewise.
pub fn clsact() -> Probe {
    elsewhere(|| {
        // Any program for tc will do.
        let mut loaded = match load(&smallest_with_tcx()) {
            Ok(loaded) => loaded,
            Err(probe) => return probe,
        };
        loaded.tc(Hook::Tcx).map_or_else(of_error, |program| match program.fd() {
            Ok(program) => attach_filter(program),
            Err(error) => of_program_error(&error),
        })
    })
}

/// Tries something in a network that is made for it.
fn elsewhere(attempt: impl FnOnce() -> Probe + Send + 'static) -> Probe {
    thread::spawn(|| leave_network().map_or_else(of_error, |()| attempt()))
        .join()
        .unwrap_or_else(|_| Probe::NotTried("the thread that tried it panicked".to_owned()))
}

/// The name of the program with this id, if this process may see it.
pub fn program_name(id: u32) -> Option<String> {
    let program =
        aya::programs::loaded_programs().filter_map(Result::ok).find(|program| program.id() == id)?;
    program.name_as_str().map(str::to_owned)
}

fn attach(program: &mut Xdp) -> Probe {
    let link = match program.attach_to_if_index(LOOPBACK_INDEX, XdpMode::Skb) {
        Ok(link) => link,
        Err(error) => return of_program_error(&error),
    };
    let Ok(link) = program.take_link(link) else {
        return Probe::NotTried("the link was gone at once".to_owned());
    };
    // Where the kernel has no links for XDP, aya attaches by netlink instead.
    match aya::programs::links::FdLink::try_from(link) {
        Ok(_) => Probe::Works,
        Err(_) => Probe::Refused("the kernel has no links for XDP".to_owned()),
    }
}

fn attach_tcx(program: &mut SchedClassifier) -> Probe {
    let order = TcAttachOptions::TcxOrder(LinkOrder::first());
    match program.attach_with_options(LOOPBACK, TcAttachType::Ingress, order) {
        Ok(_) => Probe::Works,
        Err(ProgramError::SyscallError(call)) if call.io_error.raw_os_error() == Some(libc::EINVAL) => {
            Probe::Refused("the kernel has no tcx".to_owned())
        }
        Err(error) => of_program_error(&error),
    }
}

fn attach_filter(program: impl AsFd) -> Probe {
    let attached = clsact::prepare(LOOPBACK_INDEX).and_then(|_| clsact::put(LOOPBACK_INDEX, program));
    match attached {
        Ok(()) => Probe::Works,
        Err(Refusal::Kernel(error)) if error.raw_os_error() == Some(libc::EPERM) => Probe::NotPermitted,
        Err(Refusal::Kernel(error)) => Probe::Refused(error.to_string()),
        Err(Refusal::Occupied | Refusal::OtherQdisc(_)) => {
            Probe::NotTried("the network that was made for it is somebody else's".to_owned())
        }
    }
}

fn load(image: &Image) -> Result<Loaded, Probe> {
    let object = embedded()
        .ok_or_else(|| Probe::NotTried("this binary was built without its eBPF program".to_owned()))?;
    Loaded::new(object, image, &[]).map_err(of_error)
}

/// The image of a site without rules.
fn smallest() -> Image {
    compile_for(Vec::new())
}

/// The same with an interface at tcx.
fn smallest_with_tcx() -> Image {
    let name = LOOPBACK.to_owned();
    compile_for(vec![Interface { name, zone: ZoneId::new(0), attach: Attach::Tcx, dhcp: false }])
}

fn compile_for(interfaces: Vec<Interface>) -> Image {
    let matrix = Matrix {
        mode: Mode::Observe,
        posture: Posture::Pass,
        transit: Posture::Pass,
        fragments: Fragments::Admitted,
        outbound: None,
        details: true,
        zones: vec![Zone { name: "probe".to_owned() }],
        interfaces,
        groups: Vec::new(),
        rules: Vec::new(),
        dormant: Dormant::default(),
    };
    compile(&matrix, &Node::default().forwarding(true)).expect("a site without rules fits in the tables")
}

fn supported(answer: Result<bool, ProgramError>, otherwise: &str) -> Probe {
    match answer {
        Ok(true) => Probe::Works,
        Ok(false) => Probe::Refused(otherwise.to_owned()),
        Err(error) => of_program_error(&error),
    }
}

fn of_error(error: DatapathError) -> Probe {
    match error {
        DatapathError::NotPermitted => Probe::NotPermitted,
        error => Probe::Refused(chain(&error)),
    }
}

fn of_program_error(error: &ProgramError) -> Probe {
    match error {
        ProgramError::SyscallError(SyscallError { io_error, .. })
            if io_error.raw_os_error() == Some(libc::EPERM) =>
        {
            Probe::NotPermitted
        }
        error => Probe::Refused(chain(error)),
    }
}

/// An error with all that led to it, of a verifier's log no more than what it complains about.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    let complaint = text.lines().rev().find(|line| !is_statistics(line));
    match (text.split_once(VERIFIER_LOG), complaint) {
        (Some((error, _)), Some(complaint)) => format!("{error}{complaint}"),
        _ => text,
    }
}

/// What aya puts before the verifier's log, which ends with statistics and, from aya, the error once more.
const VERIFIER_LOG: &str = "Verifier output: ";

fn is_statistics(line: &str) -> bool {
    ["verification time", "stack depth", "processed", ":"].iter().any(|word| line.starts_with(word))
}
