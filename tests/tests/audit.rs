//! The audit store on file systems that are full, or read-only, and for those who may only read.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::Command,
};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use portguard::{
    audit::{AuditError, Detail, DropFilter, FILE, Harvest, Limits, Order, Reader, SourceDrops, Span, Store},
    matrix::Direction,
    observe::{Count, CounterReport, PortRow, ReasonRow},
};
use portguard_tests::lab::copied_binary;
use tempfile::TempDir;

/// 2026-11-21, 00:00 UTC.
const DAY: u64 = 1_795_219_200;

/// A small file system of its own, which goes with it.
struct Disk(TempDir);

impl Disk {
    fn new(size: &str) -> Self {
        let disk = Self(TempDir::new().expect("a directory"));
        let options = format!("size={size},mode=0755");
        mount(Some("tmpfs"), disk.path(), Some("tmpfs"), MsFlags::empty(), Some(options.as_str()))
            .expect("root may mount");
        disk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn store(&self) -> std::path::PathBuf {
        self.path().join(FILE)
    }

    fn make_read_only(&self) {
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, self.path(), None::<&str>, flags, None::<&str>).expect("root may mount");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Nothing may be left, whatever failed before.
        let _: nix::Result<()> = umount2(self.path(), MntFlags::MNT_DETACH);
    }
}

/// A harvest of `epoch` fillings of the table, one packet of each of `sources` sources in each.
fn harvest(epoch: u64, sources: u32) -> Harvest {
    let packets = (epoch + 1) * u64::from(sources);
    let count = |packets| Count { packets, bytes: packets * 60 };
    let drops = (0..sources).map(|source| SourceDrops {
        source: Some(std::net::Ipv4Addr::from((u32::try_from(epoch).unwrap_or(0) << 16) + source).into()),
        zone: "default".to_owned(),
        port: "8086/tcp".to_owned(),
        reason: "source_not_admitted".to_owned(),
        rules: Vec::new(),
        process: None,
        would: false,
        packets: 1,
        bytes: 60,
        first: DAY * 1000,
        last: DAY * 1000,
    });
    let totals = CounterReport {
        undocumented: Vec::new(),
        ports: vec![PortRow {
            direction: Direction::In,
            zone: "default".to_owned(),
            port: "8086/tcp".to_owned(),
            rules: Vec::new(),
            dropped: count(packets),
            would_drop: Count::default(),
        }],
        reasons: vec![ReasonRow {
            direction: Direction::In,
            reason: "source_not_admitted".to_owned(),
            action: "drop".to_owned(),
            says: String::new(),
            counted: count(packets),
            would_drop: Count::default(),
        }],
    };
    let detail = Detail { generation: 1, epoch, drops: drops.collect(), lost: Count::default() };
    Harvest { at: DAY + epoch * 3600, instance: "boot".to_owned(), totals, details: vec![detail] }
}

/// Dropped packets by counters, and by source.
fn dropped(path: &Path) -> (u64, u64) {
    let span = Span { since: DAY, until: DAY + 100 * 86_400 };
    let reader = Reader::open(path).expect("it can be read");
    let (source, port, rule, reason) = (None, None, None, None);
    let filter = DropFilter { span, source, port, rule, reason, order: Order::Latest, limit: usize::MAX };
    (
        reader.totals(span).expect("it answers").iter().map(|port| port.dropped.packets).sum(),
        reader.drops(&filter).expect("it answers").rows.iter().map(|row| row.counted.packets).sum(),
    )
}

#[test]
fn a_full_disk_loses_nothing_that_was_recorded_and_counts_are_written_when_there_is_space_again() {
    let disk = Disk::new("2m");
    let mut store = Store::open(&disk.store(), Limits::default()).unwrap();
    let mut epoch = 0;
    let error = loop {
        match store.record(&harvest(epoch, 1000)) {
            Ok(()) => epoch += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, AuditError::Full { .. }), "{error}");
    assert!(epoch > 3, "{epoch}");
    assert_eq!(dropped(&disk.store()), (epoch * 1000, epoch * 1000));
    // Time goes by, and the kernel's table is overwritten meanwhile; its counters go on.
    assert!(store.record(&harvest(epoch + 1, 1000)).is_err());
    let options = Some("size=8m");
    mount(None::<&str>, disk.path(), None::<&str>, MsFlags::MS_REMOUNT, options).unwrap();
    store.record(&harvest(epoch + 2, 1000)).unwrap();
    assert_eq!(dropped(&disk.store()), ((epoch + 3) * 1000, (epoch + 1) * 1000));
    drop(store);
    assert!(Reader::open(&disk.store()).unwrap().verify(None).unwrap().is_whole());
}

#[test]
fn a_record_on_a_file_system_that_is_read_only_can_be_read_and_one_with_a_log_beside_it_is_told() {
    let disk = Disk::new("8m");
    let mut store = Store::open(&disk.store(), Limits::default()).unwrap();
    store.record(&harvest(0, 10)).unwrap();
    // As a power failure leaves them.
    let torn = disk.path().join("torn");
    fs::create_dir(&torn).unwrap();
    for suffix in ["", "-wal"] {
        let name = format!("{FILE}{suffix}");
        fs::copy(disk.path().join(&name), torn.join(&name)).unwrap();
    }
    drop(store);
    disk.make_read_only();
    assert_eq!(dropped(&disk.store()), (10, 10));
    let error = Reader::open(&torn.join(FILE)).unwrap_err();
    assert!(matches!(error, AuditError::Unjoined { .. }), "{error}");
    let place = TempDir::new().unwrap();
    for suffix in ["", "-wal"] {
        let name = format!("{FILE}{suffix}");
        fs::copy(torn.join(&name), place.path().join(&name)).unwrap();
    }
    assert_eq!(dropped(&place.path().join(FILE)), (10, 10), "as the error says");
}

/// `audit verify` as a user of the group with that number: exit code, and what it says.
fn verify_as(group: u32, directory: &Path) -> (Option<i32>, String) {
    let mut run = Command::new("setpriv");
    run.args(["--reuid=65534", "--clear-groups", &format!("--regid={group}")]);
    // The binary may lie where nobody else may look.
    let place = TempDir::new().expect("a directory");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    run.arg(copied_binary(place.path()).expect("it is built"))
        .args(["audit", "verify", "--state-dir"])
        .arg(directory);
    let output = run.output().expect("setpriv is there");
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code(), told.concat())
}

#[test]
fn the_group_reads_with_a_writer_and_without_and_others_do_not() {
    const GROUP: u32 = 54_321;
    let disk = Disk::new("8m");
    let mut store = Store::open(&disk.store(), Limits::default()).unwrap();
    let admit = |path: &Path| {
        chown(path, None, Some(GROUP)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
    };
    // As the store does where the node has the group.
    drop(store);
    admit(&disk.store());
    store = Store::open(&disk.store(), Limits::default()).unwrap();
    store.record(&harvest(0, 10)).unwrap();
    for suffix in ["-wal", "-shm"] {
        let beside = disk.path().join(format!("{FILE}{suffix}"));
        assert_eq!(fs::metadata(beside).unwrap().permissions().mode() & 0o777, 0o640, "{suffix}");
    }
    let told = verify_as(GROUP, disk.path());
    assert_eq!(told.0, Some(0), "{}", told.1);
    assert_eq!(verify_as(GROUP + 1, disk.path()).0, Some(2));
    drop(store);
    let told = verify_as(GROUP, disk.path());
    assert_eq!(told.0, Some(0), "{}", told.1);
}
