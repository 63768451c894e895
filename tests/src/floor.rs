//! The floor of every measurement: an XDP program that returns at once, run by the same system call.

#![expect(unsafe_code, reason = "the bpf system call takes pointers as numbers")]

use std::{
    fs, io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    time::Duration,
};

use anyhow::Context as _;

/// `BPF_PROG_LOAD` and `BPF_PROG_TEST_RUN` of `enum bpf_cmd`, `BPF_PROG_TYPE_XDP` of `enum bpf_prog_type`
/// (`include/uapi/linux/bpf.h`).
const PROG_LOAD: libc::c_long = 5;
const PROG_TEST_RUN: libc::c_long = 10;
const PROG_TYPE_XDP: u32 = 6;
/// `r0 = XDP_PASS; exit`.
const RETURN_AT_ONCE: [u64; 2] = [0x0000_0002_0000_00b7, 0x0000_0000_0000_0095];

/// The part of `union bpf_attr` that loading needs.
#[repr(C)]
#[derive(Default)]
struct LoadAttr {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
}

/// The part of `union bpf_attr` that a test run needs.
#[repr(C)]
#[derive(Default)]
struct TestAttr {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
}

/// The loaded program.
#[derive(Debug)]
pub struct Floor(OwnedFd);

impl Floor {
    /// Loads it.
    pub fn load() -> anyhow::Result<Self> {
        let mut attr = LoadAttr {
            prog_type: PROG_TYPE_XDP,
            insn_cnt: 2,
            insns: RETURN_AT_ONCE.as_ptr().addr() as u64,
            license: c"GPL".as_ptr().addr() as u64,
        };
        let descriptor = bpf(PROG_LOAD, &mut attr).context("loading a program that returns at once")?;
        // SAFETY: the kernel has just made this descriptor for us, and nobody else has it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// The kernel's number for it, by which tools know it.
    pub fn id(&self) -> anyhow::Result<u32> {
        let path = format!("/proc/self/fdinfo/{}", self.0.as_raw_fd());
        let lines = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let id = lines.lines().find_map(|line| line.strip_prefix("prog_id:")).context("no prog_id there")?;
        Ok(id.trim().parse()?)
    }

    /// The mean time of one of `repeat` runs over `frame`.
    pub fn run(&self, frame: &[u8], repeat: u32) -> anyhow::Result<Duration> {
        let mut attr = TestAttr {
            prog_fd: self.0.as_raw_fd().cast_unsigned(),
            data_size_in: u32::try_from(frame.len())?,
            data_in: frame.as_ptr().addr() as u64,
            repeat,
            ..TestAttr::default()
        };
        bpf(PROG_TEST_RUN, &mut attr).context("running a program that returns at once")?;
        Ok(Duration::from_nanos(u64::from(attr.duration)))
    }
}

fn bpf<T>(command: libc::c_long, attr: &mut T) -> io::Result<i32> {
    // SAFETY: `attr` is the beginning of a `union bpf_attr` of the length that is passed along; what it points to
    // outlives the call, since the caller holds it.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<T>()) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(i32::try_from(result).expect("a descriptor is an int"))
    }
}
