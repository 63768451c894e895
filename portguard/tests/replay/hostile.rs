//! Captures that are cut off, damaged or made to hurt: what was read is answered, nothing panics, and memory stays what it
//! was.

use std::{
    cell::Cell,
    fmt::Write as _,
    fs,
    io::{self, Read},
    process::Command,
};

use insta::assert_snapshot;
use portguard::replay::{Capture, CaptureError};
use proptest::prelude::*;

use crate::{
    file::{
        ETHERNET, MICROSECONDS, Order, block, interface, packet, pcap, pcap_header, pcap_record, section,
        simple_packet,
    },
    frames::{NODE, NODE6, tcp, udp},
    replayed,
    support::{directory as directory_of_tests, portguard},
};

const SITE: &[&str] = &["--site", "sites/both.toml"];

fn frames() -> [Vec<u8>; 3] {
    let syn = tcp(("10.0.0.1", 40_000), (NODE, 8001), "S", 0);
    [syn, udp(("2001:db8:1::7", 5353), (NODE6, 53)), vec![0xff; 20]]
}

fn ng(order: Order) -> Vec<u8> {
    let mut file = [section(order), interface(order, 1, 0)].concat();
    for frame in frames() {
        file.extend(packet(order, 0, &frame, frame.len(), Some(1)));
    }
    file
}

/// How many packets come before the end or the error.
fn read(file: impl Read) -> (u64, Option<CaptureError>) {
    let mut capture = match Capture::open(file) {
        Ok(capture) => capture,
        Err(error) => return (0, Some(error)),
    };
    let mut packets = 0;
    loop {
        match capture.next_packet() {
            Ok(Some(packet)) => {
                packets += 1;
                assert_eq!(packet.index, packets);
                assert!(packet.wire_len >= packet.bytes.len());
            }
            Ok(None) => return (packets, None),
            Err(error) => return (packets, Some(error)),
        }
    }
}

#[test]
fn a_capture_that_is_cut_off_answers_what_is_whole_and_then_says_so() {
    let file = pcap(&frames());
    assert_snapshot!(replayed("cut.pcap", &file[..file.len() - 7], SITE));
    let file = ng(Order::Little);
    assert_snapshot!("cut-ng", replayed("cut.pcapng", &file[..file.len() - 7], SITE));
}

#[test]
fn every_cut_is_noticed_wherever_it_is() {
    let header = pcap(&[]).len();
    let mut ends: Vec<usize> = vec![header];
    for frame in frames() {
        ends.push(ends[ends.len() - 1] + 16 + frame.len());
    }
    let file = pcap(&frames());
    for len in 1..=file.len() {
        let (packets, error) = read(&file[..len]);
        let whole = ends.iter().filter(|&&end| end <= len).count();
        assert_eq!(packets, whole.saturating_sub(1) as u64, "{len} bytes");
        assert_eq!(error.is_none(), ends.contains(&len), "{len} bytes: {error:?}");
    }
    let file = ng(Order::Big);
    let whole = (1..=file.len()).filter(|&len| read(&file[..len]).1.is_none()).count();
    assert_eq!(whole, 5, "the section, the interface and the packets end once each");
}

#[test]
fn what_is_no_capture_is_told_apart() {
    let little = Order::Little;
    let header = || pcap_header(little, MICROSECONDS, ETHERNET);
    let start = || [section(little), interface(little, 1, 0)].concat();
    let lying = |len: u32| {
        let mut file = pcap_record(little, &[0; 60], 60);
        file[8..12].copy_from_slice(&len.to_le_bytes());
        [header(), file].concat()
    };
    let mut beyond = packet(little, 0, &[0; 60], 60, None);
    beyond[20..24].copy_from_slice(&1_000_u32.to_le_bytes());
    let mut unequal = packet(little, 0, &[0; 60], 60, None);
    let last = unequal.len() - 4;
    unequal[last] ^= 4;
    let block_len = |len: u32| [&start()[..], &[6, 0, 0, 0], &len.to_le_bytes(), &[0; 64]].concat();
    let many = std::iter::repeat_with(|| interface(little, 1, 0)).take(5000).flatten();
    let cases = [
        ("nothing", Vec::new()),
        ("three bytes", vec![0xd4, 0xc3, 0xb2]),
        ("text", b"mode = \"enforce\"\nposture = \"drop\"\n".to_vec()),
        ("packed by gzip", vec![0x1f, 0x8b, 8, 0]),
        ("packed by zstd", vec![0x28, 0xb5, 0x2f, 0xfd, 4]),
        ("half a header", header()[..20].to_vec()),
        ("a section that is cut off", section(little)[..20].to_vec()),
        ("a record of 4 GB", lying(u32::MAX)),
        ("a record of 70 KB in a file of less", lying(70_000)),
        ("a block of 4 GB", block_len(u32::MAX - 3)),
        ("a block of 4 bytes", block_len(4)),
        ("a block of no bytes", block_len(0)),
        ("a packet that is longer than its block", [start(), beyond].concat()),
        ("two lengths that differ", [start(), unequal].concat()),
        ("a packet before any interface", [section(little), simple_packet(little, &[0; 60], 60)].concat()),
        (
            "a packet of an interface that is not there",
            [start(), packet(little, 7, &[0; 60], 60, None)].concat(),
        ),
        ("a block of the drafts", [start(), block(little, 2, &[0; 80])].concat()),
        (
            "the same in the other byte order",
            [section(Order::Big), interface(Order::Big, 1, 0), block(Order::Big, 2, &[0; 80])].concat(),
        ),
        ("five thousand interfaces", section(little).into_iter().chain(many).collect()),
    ];
    let mut told = String::new();
    for (name, file) in cases {
        let shown = replayed("hostile.pcap", &file, SITE);
        let (_, error) = shown.split_once("error: ").unwrap_or_else(|| panic!("{name}: {shown}"));
        assert!(shown.starts_with("exit code 2\n"), "{name}: {shown}");
        write!(told, "{name}\n  {error}").unwrap();
    }
    assert_snapshot!(told);
}

#[test]
fn a_disk_without_space_for_the_answers_is_not_the_captures_fault() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sound.pcap");
    fs::write(&file, pcap(&frames())).unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portguard"))
        .args(["replay", "--site", "sites/both.toml"])
        .arg(&file)
        .current_dir(directory_of_tests())
        .stdout(full)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot write the answers") && !said.contains("sound.pcap"), "{said}");
}

#[test]
fn files_that_cannot_be_read_are_an_error() {
    assert_snapshot!(portguard(&["replay", "gone.pcap", "--site", "sites/both.toml"]));
    assert_snapshot!("directory", portguard(&["replay", "sites", "--site", "sites/both.toml"]));
}

#[test]
fn a_length_that_lies_does_not_make_memory_grow() {
    struct Endless<'a>(io::Chain<&'a [u8], io::Repeat>, &'a Cell<usize>);
    impl Read for Endless<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(to)?;
            self.1.set(self.1.get() + read);
            Ok(read)
        }
    }
    let little = Order::Little;
    let mut record = pcap_header(little, MICROSECONDS, ETHERNET);
    record.extend([[0; 8].as_slice(), &[0xf0, 0xff, 0xff, 0x7f], &[0; 4]].concat());
    let block = [section(little), vec![6, 0, 0, 0, 0xf0, 0xff, 0xff, 0x7f]].concat();
    for start in [record, block] {
        let taken = Cell::new(0);
        let file = Endless(start.as_slice().chain(io::repeat(1)), &taken);
        let (packets, error) = read(file);
        assert_eq!(packets, 0);
        assert!(matches!(error, Some(CaptureError::TooLong { .. })), "{error:?}");
        assert!(taken.get() < 6 << 20, "{} bytes were held", taken.get());
    }
}

#[test]
fn a_file_that_comes_in_small_pieces_is_the_same_file() {
    struct Slow<R>(R);
    impl<R: Read> Read for Slow<R> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let len = to.len().min(3);
            self.0.read(&mut to[..len])
        }
    }
    assert!(matches!(read(Slow(pcap(&frames()).as_slice())), (3, None)));
    assert!(matches!(read(Slow(ng(Order::Little).as_slice())), (3, None)));
}

#[test]
fn a_reader_that_fails_in_the_middle_is_told_in_the_systems_words() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _to: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let file = pcap(&frames());
    let (_, error) = read(file.as_slice().chain(Broken));
    let Some(CaptureError::Unreadable { source, .. }) = error else { panic!("{error:?}") };
    assert_eq!(source.to_string(), "the disk is gone");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_changed_in_a_capture_nothing_panics(
        big in any::<bool>(),
        is_ng in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let order = if big { Order::Big } else { Order::Little };
        let mut file = if is_ng { ng(order) } else {
            let mut file = pcap_header(order, MICROSECONDS, ETHERNET);
            for frame in &frames() {
file.extend(pcap_record(order, frame, frame.len()));
}
            file
        };
        for (place, byte) in changes {
            let place = place.index(file.len());
            file[place] = byte;
        }
        file.truncate(cut.index(file.len() * 2).max(4));
        let (packets, _) = read(file.as_slice());
        prop_assert!(packets <= (file.len() / 12) as u64);
    }
}
