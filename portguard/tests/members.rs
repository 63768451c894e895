//! Members of groups that move: those of a file, and those that a host name stands for.

mod support;

use std::{collections::BTreeSet, fs, net::IpAddr, path::Path};

use insta::assert_snapshot;
use portguard::{
    input::{Bundle, Loaded, read_site},
    names::of_hosts_file,
    site::{Answer, Answers, HostName},
};
use support::portguard;

/// A site whose one rule admits the group `peers`, in a directory with the file `peers.txt`.
fn site(directory: &Path, members: &str, file: &str) -> Loaded {
    let path = directory.join("site.toml");
    let text = format!(
        "mode = \"enforce\"\nposture = \"drop\"\n[interfaces.eth0]\n[groups]\npeers = [{members}]\n\
         [[rules]]\nname = \"x\"\nports = [\"1/tcp\"]\nfrom = [\"peers\"]\n"
    );
    fs::write(&path, text).expect("the directory is there");
    fs::write(directory.join("peers.txt"), file).expect("the directory is there");
    read_site(&path).unwrap_or_else(|error| panic!("{error:?}"))
}

/// The addresses of the group, as tables show them.
fn peers(loaded: &Loaded) -> Vec<String> {
    loaded.matrix.groups[0].prefixes.iter().map(ToString::to_string).collect()
}

fn answers(name: &str, addresses: &[&str]) -> Answers {
    let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().expect("an address")).collect();
    Answers::from([(HostName::new(name).expect("a name"), Answer { addresses, failure: None })])
}

#[test]
fn a_file_is_found_beside_the_site_file_and_followed_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let loaded =
        site(directory.path(), "\"@peers.txt\", \"10.9.0.1\"", "10.0.0.1 # one\n\n#\n10.0.1.0/24\r\n");
    assert_eq!(peers(&loaded), ["10.0.0.1/32", "10.0.1.0/24", "10.9.0.1/32"]);
    assert_eq!(loaded.files, ["site.toml", "peers.txt"].map(|name| directory.path().join(name)));
    let absolute = format!("\"@{}\"", directory.path().join("peers.txt").display());
    assert_eq!(peers(&site(directory.path(), &absolute, "10.0.0.1")), ["10.0.0.1/32"]);
}

#[test]
fn what_editors_of_other_systems_begin_a_file_with_is_no_part_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let loaded = site(directory.path(), "\"@peers.txt\"", "\u{feff}10.0.0.1\r\n10.0.0.2\r\n");
    assert_eq!(peers(&loaded), ["10.0.0.1/32", "10.0.0.2/32"]);
    let names = BTreeSet::from([HostName::new("db1").unwrap()]);
    let told = of_hosts_file("\u{feff}10.2.0.1 db1\r\n", &names).unwrap();
    assert_eq!(told, answers("db1", &["10.2.0.1"]));
}

#[test]
fn a_site_that_is_to_take_the_place_of_another_is_told_by_its_own_name_and_read_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = Path::new("elsewhere/new.toml");
    drop(site(directory.path(), "\"@peers.txt\"", "10.0.0.1\n"));
    let path = directory.path().join("site.toml");
    let text = fs::read_to_string(&path).unwrap();
    let (loaded, bundle) = Bundle::of_file(&path, text.clone(), elsewhere).unwrap();
    assert_eq!((peers(&loaded), bundle.site()), (vec!["10.0.0.1/32".to_owned()], path.as_path()));
    let wrong = Bundle::of_file(&path, text.replace("posture", "postrue"), elsewhere).unwrap_err();
    let shown = wrong.render(portguard::reading::Colour::Never);
    assert!(shown.contains("[elsewhere/new.toml:2:1]") && !shown.contains("site.toml"), "{shown}");
}

#[test]
fn what_two_members_have_in_common_stands_in_the_group_once() {
    let directory = tempfile::tempdir().unwrap();
    let members = "\"@peers.txt\", \"10.0.0.0/24\", \"name:db1\"";
    let mut loaded = site(directory.path(), members, "10.0.0.0/16\n");
    loaded.answer(&answers("db1", &["10.0.0.1", "10.7.0.1"]));
    assert_eq!(peers(&loaded), ["10.0.0.0/16", "10.7.0.1/32"]);
}

#[test]
fn a_host_name_stands_for_its_last_answer_and_for_nobody_before() {
    let directory = tempfile::tempdir().unwrap();
    let mut loaded = site(directory.path(), "\"name:DB1.example.org\", \"10.0.0.1\"", "");
    assert_eq!(loaded.host_names(), BTreeSet::from([HostName::new("db1.example.org").unwrap()]));
    assert_eq!(peers(&loaded), ["10.0.0.1/32"]);
    loaded.answer(&answers("db1.example.org", &["10.2.0.1", "2001:db8::1"]));
    assert_eq!(peers(&loaded), ["10.0.0.1/32", "10.2.0.1/32", "2001:db8::1/128"]);
    loaded.answer(&answers("db1.example.org", &["10.2.0.2"]));
    assert_eq!(peers(&loaded), ["10.0.0.1/32", "10.2.0.2/32"]);
    loaded.answer(&Answers::new());
    assert_eq!(peers(&loaded), ["10.0.0.1/32"]);
}

#[test]
fn no_answer_makes_a_group_everybody() {
    let directory = tempfile::tempdir().unwrap();
    let mut loaded = site(directory.path(), "\"name:db1\"", "");
    loaded.answer(&answers(
        "db1",
        &["0.0.0.0", "::", "127.0.0.1", "::1", "224.0.0.1", "ff02::1", "::ffff:10.0.0.1"],
    ));
    assert_eq!(peers(&loaded), [""; 0]);
}

#[test]
fn a_file_that_is_no_file_keeps_nobody_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let path = directory.path().join("site.toml");
    fs::write(
        &path,
        "mode = \"enforce\"\nposture = \"drop\"\n[interfaces.eth0]\n[groups]\ng = [\"@pipe\"]\n",
    )
    .unwrap();
    let refused = read_site(&path).unwrap_err().render(portguard::reading::Colour::Never);
    assert!(refused.contains("PG0218") && refused.contains("not a regular file"), "{refused}");
}

#[test]
fn each_verb_takes_the_names_of_a_file_and_tells_what_it_does_not_have() {
    let names = ["--names", "groups/hosts"];
    let ask = |arguments: &[&str]| portguard(&[arguments, &names].concat());
    let site = "warnings/members.toml";
    assert_snapshot!(
        "explain",
        ask(&["explain", "--site", site, "--from", "2001:db8:2::1", "--to", "22/tcp"])
    );
    let matrix = ask(&["matrix", "--site", site, "--format", "json"]);
    assert!(matrix.contains("10.2.0.2/32") && matrix.contains("PG0314"), "{matrix}");
    let exported = ask(&["export", "nft", "--site", site]);
    assert!(exported.contains("10.2.0.2"), "{exported}");
    let same = ask(&["diff", site, site]);
    assert!(same.contains("Nothing changes"), "{same}");
    let nobody = portguard(&["matrix", "--site", site, "--names", "/dev/null", "--format", "csv"]);
    assert!(!nobody.contains("10.2.0.1"), "{nobody}");
    let gone = portguard(&["matrix", "--site", site, "--names", "gone"]);
    assert!(gone.starts_with("exit code 2\n") && gone.contains("cannot read gone"), "{gone}");
}
