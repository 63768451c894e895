//! The floors of measurements, and neighbours to live with: programs of a few instructions for XDP and tc, loaded, run and attached by bare system calls.

#![expect(unsafe_code, reason = "the bpf system call takes pointers as numbers")]

mod judging;

use std::{
    fs, io,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
    time::Duration,
};

use anyhow::Context as _;
use portguard::datapath::{Answer, TestRun};

/// Of `enum bpf_cmd`, `enum bpf_prog_type` and `enum bpf_attach_type` (`include/uapi/linux/bpf.h`).
const PROG_LOAD: libc::c_long = 5;
const PROG_TEST_RUN: libc::c_long = 10;
const LINK_CREATE: libc::c_long = 28;
const LINK_UPDATE: libc::c_long = 29;
const PROG_TYPE_SCHED_CLS: u32 = 3;
const PROG_TYPE_XDP: u32 = 6;
const ATTACH_XDP: u32 = 37;
const ATTACH_TCX_INGRESS: u32 = 46;
const ATTACH_TCX_EGRESS: u32 = 47;
/// `BPF_F_TEST_XDP_LIVE_FRAMES`: what the program answers is done.
const LIVE_FRAMES: u32 = 1 << 1;
/// `XDP_FLAGS_DRV_MODE` of `include/uapi/linux/if_link.h`.
const IN_DRIVER: u32 = 1 << 2;
/// `BPF_F_BEFORE`: before all that are there.
const BEFORE: u32 = 1 << 3;
/// Of `enum tcx_action_base`: passes, whoever comes behind; drops; leaves it to those behind.
const TCX_PASS: u32 = 0;
const TCX_DROP: u32 = 2;
const TCX_NEXT: u32 = u32::MAX;
/// Of `enum xdp_action`.
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;

/// `exit`.
const EXIT: u64 = 0x95;
/// `call bpf_redirect`.
const CALL_REDIRECT: u64 = 23 << 32 | 0x85;

/// `call bpf_sk_lookup_udp`.
const CALL_UDP_SOCKET: u64 = 85 << 32 | 0x85;
/// `call bpf_sk_release`.
const CALL_RELEASE: u64 = 86 << 32 | 0x85;
/// `call bpf_skb_vlan_push`.
const CALL_VLAN_PUSH: u64 = 18 << 32 | 0x85;
/// `call bpf_get_prandom_u32`.
const CALL_RANDOM: u64 = 7 << 32 | 0x85;
/// Operations, of `include/uapi/linux/bpf_common.h` and `bpf.h`.
const MOVE: u8 = 0xbf;
const LOAD: u8 = 0x61;
const STORE: u8 = 0x63;
const ADD: u8 = 0x07;
const AND: u8 = 0x57;
const OR: u8 = 0x47;
const TO_NETWORK_ORDER: u8 = 0xdc;
const JUMP_IF_GREATER: u8 = 0x2d;
const JUMP_IF_ZERO: u8 = 0x15;
/// The register of the stack's end.
const STACK: u8 = 10;

/// `struct bpf_insn`.
const fn instruction(operation: u8, to: u8, from: u8, offset: u16, value: u32) -> u64 {
    (value as u64) << 32 | (offset as u64) << 16 | (from as u64) << 12 | (to as u64) << 8 | operation as u64
}

/// `rREGISTER = value`.
const fn load(register: u8, value: u32) -> u64 {
    (value as u64) << 32 | (register as u64) << 8 | 0xb7
}

/// The context in the sixth register and the frame in the seventh, if it has `end` bytes; over the next `skip` instructions, if
/// not.
const fn frame_of(end: u32, skip: u16) -> [u64; 6] {
    [
        instruction(MOVE, 6, 1, 0, 0),
        // `data` and `data_end` of `struct xdp_md`.
        instruction(LOAD, 7, 6, 0, 0),
        instruction(LOAD, 8, 6, 4, 0),
        instruction(MOVE, 2, 7, 0, 0),
        instruction(ADD, 2, 0, 0, end),
        instruction(JUMP_IF_GREATER, 2, 8, skip, 0),
    ]
}

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
#[derive(Clone, Copy, Default)]
struct TestAttr {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
    flags: u32,
    cpu: u32,
    batch_size: u32,
    padding: u32,
}

/// The part of `union bpf_attr` that a link needs.
#[repr(C)]
#[derive(Default)]
struct LinkAttr {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

/// The part of `union bpf_attr` that giving a link to another program needs.
#[repr(C)]
#[derive(Default)]
struct UpdateAttr {
    link_fd: u32,
    new_prog_fd: u32,
    flags: u32,
    old_prog_fd: u32,
}

/// A program that does one thing.
#[derive(Debug)]
pub struct Floor(OwnedFd);

impl Floor {
    /// Passes every packet at once.
    pub fn load() -> anyhow::Result<Self> {
        Self::of(&[load(0, XDP_PASS), EXIT])
    }

    /// Drops every packet at once.
    pub fn dropping() -> anyhow::Result<Self> {
        Self::of(&[load(0, XDP_DROP), EXIT])
    }

    /// Drops every packet, which must be UDP over IPv4, once it has asked for the socket that would take it.
    pub fn asking() -> anyhow::Result<Self> {
        // The header of UDP ends here, if that of IPv4 has no options; source and destination begin there, and the ports
        // follow.
        const END: u32 = 42;
        const SOURCE: u16 = 26;
        const TUPLE: i16 = 12;
        let word = |at: u16| {
            let place = TUPLE.cast_unsigned().wrapping_neg().wrapping_add(at);
            [instruction(LOAD, 1, 7, SOURCE + at, 0), instruction(STORE, STACK, 1, place, 0)]
        };
        let [source, destination, ports] = [word(0), word(4), word(8)];
        // To the end, if there is too little of it.
        let before = frame_of(END, 16);
        let ask = [
            instruction(MOVE, 1, 6, 0, 0),
            instruction(MOVE, 2, STACK, 0, 0),
            instruction(ADD, 2, 0, 0, i32::from(-TUPLE).cast_unsigned()),
            load(3, u32::from(TUPLE.cast_unsigned())),
            // The namespace of the interface (`BPF_F_CURRENT_NETNS`).
            load(4, u32::MAX),
            load(5, 0),
            CALL_UDP_SOCKET,
            instruction(JUMP_IF_ZERO, 0, 0, 2, 0),
            instruction(MOVE, 1, 0, 0, 0),
            CALL_RELEASE,
            load(0, XDP_DROP),
            EXIT,
        ];
        Self::of(&[&before[..], &source, &destination, &ports, &ask].concat())
    }

    /// Sends every packet out of the interface with this index.
    pub fn redirecting(index: u32) -> anyhow::Result<Self> {
        Self::of(&[load(1, index), load(2, 0), CALL_REDIRECT, EXIT])
    }

    /// The same with every packet, which must be IPv4, from another source: one of the million and more of 203.0.0.0/12.
    pub fn spoofing(index: u32) -> anyhow::Result<Self> {
        // An IPv4 header ends here at the earliest, and its source is there.
        const END: u32 = 34;
        const SOURCE: u16 = 26;
        // Over what changes the packet, if there is too little of it.
        let before = frame_of(END, 5);
        let change = [
            CALL_RANDOM,
            instruction(AND, 0, 0, 0, 0x000f_ffff),
            instruction(OR, 0, 0, 0, 203 << 24),
            instruction(TO_NETWORK_ORDER, 0, 0, 0, 32),
            instruction(STORE, 7, 0, SOURCE, 0),
        ];
        Self::of(&[&before[..], &change, &[load(1, index), load(2, 0), CALL_REDIRECT, EXIT]].concat())
    }

    /// A tc program that leaves every packet to those behind it.
    pub fn yielding_at_tc() -> anyhow::Result<Self> {
        Self::of_type(PROG_TYPE_SCHED_CLS, &[load(0, TCX_NEXT), EXIT])
    }

    /// A tc program that passes every packet, whoever is behind it.
    pub fn passing_at_tc() -> anyhow::Result<Self> {
        Self::of_type(PROG_TYPE_SCHED_CLS, &[load(0, TCX_PASS), EXIT])
    }

    /// A tc program that puts `count` tags of VLAN 0 on every packet; the outermost beside its bytes, as a NIC has it that puts
    /// tags on by itself, and takes them out.
    pub fn tagging_at_tc(count: usize) -> anyhow::Result<Self> {
        /// 802.1Q, in network order.
        const TAG: u32 = 0x0081;
        let tag = [instruction(MOVE, 1, 6, 0, 0), load(2, TAG), load(3, 0), CALL_VLAN_PUSH];
        let tags = tag.repeat(count);
        let instructions = [&[instruction(MOVE, 6, 1, 0, 0)][..], &tags, &[load(0, TCX_PASS), EXIT]].concat();
        Self::of_type(PROG_TYPE_SCHED_CLS, &instructions)
    }

    /// A tc program that drops every packet.
    pub fn dropping_at_tc() -> anyhow::Result<Self> {
        Self::of_type(PROG_TYPE_SCHED_CLS, &[load(0, TCX_DROP), EXIT])
    }

    fn of(instructions: &[u64]) -> anyhow::Result<Self> {
        Self::of_type(PROG_TYPE_XDP, instructions)
    }

    fn of_type(prog_type: u32, instructions: &[u64]) -> anyhow::Result<Self> {
        let mut attr = LoadAttr {
            prog_type,
            insn_cnt: u32::try_from(instructions.len())?,
            insns: instructions.as_ptr().addr() as u64,
            license: c"GPL".as_ptr().addr() as u64,
        };
        let descriptor = bpf(PROG_LOAD, &mut attr).context("loading a program of a few instructions")?;
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

    /// Runs it `repeat` times over `frame`.
    pub fn run(&self, frame: &[u8], repeat: u32) -> anyhow::Result<TestRun> {
        test_run(self.0.as_fd(), frame, repeat)
    }

    /// Puts it on the interface with this index, in the driver, until the answer is dropped.
    pub fn attach(&self, index: u32) -> anyhow::Result<OwnedFd> {
        self.link(index, ATTACH_XDP, IN_DRIVER)
    }

    /// Takes the place of the program that `link` has.
    pub fn take_over(&self, link: &OwnedFd) -> anyhow::Result<()> {
        let mut attr = UpdateAttr {
            link_fd: number(link.as_fd()),
            new_prog_fd: number(self.0.as_fd()),
            ..UpdateAttr::default()
        };
        bpf(LINK_UPDATE, &mut attr).context("giving a link to a program of a few instructions").map(drop)
    }

    /// Puts a tc program on it, the same, behind those that are there.
    pub fn attach_last_at_tcx(&self, index: u32) -> anyhow::Result<OwnedFd> {
        self.link(index, ATTACH_TCX_INGRESS, 0)
    }

    /// The same, before them.
    pub fn attach_first_at_tcx(&self, index: u32) -> anyhow::Result<OwnedFd> {
        self.link(index, ATTACH_TCX_INGRESS, BEFORE)
    }

    /// The same, on what leaves by the interface.
    pub fn attach_at_tcx_egress(&self, index: u32) -> anyhow::Result<OwnedFd> {
        self.link(index, ATTACH_TCX_EGRESS, 0)
    }

    fn link(&self, index: u32, attach_type: u32, flags: u32) -> anyhow::Result<OwnedFd> {
        let mut attr =
            LinkAttr { prog_fd: number(self.0.as_fd()), target_ifindex: index, attach_type, flags };
        let descriptor = bpf(LINK_CREATE, &mut attr).context("attaching a program of a few instructions")?;
        // SAFETY: the kernel has just made this descriptor for us, and nobody else has it.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }

    /// Makes `count` copies of `frame`, in batches of `batch`, and does with each what the program answers.
    pub fn send(&self, frame: &[u8], count: u32, batch: u32) -> anyhow::Result<()> {
        let attr = TestAttr { repeat: count, flags: LIVE_FRAMES, batch_size: batch, ..TestAttr::default() };
        run(self.0.as_fd(), frame, attr).context("sending live frames (Linux 5.18 or newer)").map(drop)
    }
}

/// Runs any XDP program over `frame`.
pub fn test_run(program: BorrowedFd<'_>, frame: &[u8], repeat: u32) -> anyhow::Result<TestRun> {
    let attr = TestAttr { repeat, ..TestAttr::default() };
    let TestAttr { retval, duration, .. } = run(program, frame, attr).context("running a program")?;
    let verdict = match retval {
        XDP_PASS => Answer::Pass,
        XDP_DROP => Answer::Drop,
        other => Answer::Other(other),
    };
    Ok(TestRun { verdict, duration: Duration::from_nanos(u64::from(duration)) })
}

/// Fills in program and frame, and gives what the kernel has made of it all.
fn run(program: BorrowedFd<'_>, frame: &[u8], mut attr: TestAttr) -> anyhow::Result<TestAttr> {
    attr.prog_fd = number(program);
    attr.data_size_in = u32::try_from(frame.len())?;
    attr.data_in = frame.as_ptr().addr() as u64;
    bpf(PROG_TEST_RUN, &mut attr)?;
    Ok(attr)
}

fn number(descriptor: BorrowedFd<'_>) -> u32 {
    descriptor.as_raw_fd().cast_unsigned()
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
