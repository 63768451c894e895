//! A kernel without tcx where packets leave (before Linux 6.6, or without CONFIG_NET_XGRESS), as a process sees it: this one answers
//! in the kernel's place when it asks for a tcx link there, and nothing else is otherwise. By a seccomp filter that asks
//! (`SECCOMP_RET_USER_NOTIF`).

#![expect(unsafe_code, reason = "seccomp and its notifications take pointers")]

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::{fs::FileExt as _, process::CommandExt as _},
    },
    process::Command,
    thread,
};

use anyhow::Context as _;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// `BPF_LINK_CREATE` of `enum bpf_cmd`, and `BPF_TCX_EGRESS` of `enum bpf_attach_type` (`include/uapi/linux/bpf.h`).
const LINK_CREATE: u32 = 28;
const TCX_EGRESS: u32 = 47;
/// Where `union bpf_attr` has the attach type of a link.
const ATTACH_TYPE: u64 = 8;

/// The descriptor under which the process has what it is answered by; it holds few.
const LISTENER: i32 = 200;
// `include/uapi/linux/seccomp.h`.
const NOTIFICATION_RECEIVE: libc::c_ulong = 0xc050_2100;
const NOTIFICATION_SEND: libc::c_ulong = 0xc018_2101;
/// The offsets of `nr` and of the first argument's lower half in `struct seccomp_data`.
const NUMBER: u32 = 0;
const COMMAND: u32 = 16;
// Instructions of classic BPF (`include/uapi/linux/bpf_common.h`).
const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Makes `command` one that asks before it attaches a link.
pub(super) fn asks(command: &mut Command) {
    // SAFETY: between fork and exec two system calls are made, and nothing is allocated.
    unsafe { command.pre_exec(listen) };
}

/// Answers the process with this number, which [`asks`], until it ends.
pub(super) fn answer(process: u32) -> anyhow::Result<()> {
    let listener = listener(process).context("taking over a seccomp listener")?;
    thread::spawn(move || while reply(&listener).is_ok() {});
    Ok(())
}

fn listen() -> io::Result<()> {
    let word = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    let bpf = u32::try_from(libc::SYS_bpf).expect("system calls have small numbers");
    let mut filter = [
        word(LOAD, NUMBER, 0, 0),
        word(JUMP_IF_EQUAL, bpf, 0, 3),
        word(LOAD, COMMAND, 0, 0),
        word(JUMP_IF_EQUAL, LINK_CREATE, 0, 1),
        word(RETURN, libc::SECCOMP_RET_USER_NOTIF, 0, 0),
        word(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: 6, filter: filter.as_mut_ptr() };
    let (operation, flags) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
    // SAFETY: the kernel copies the program, which is as long as it says.
    let listener = unsafe { libc::syscall(libc::SYS_seccomp, operation, flags, &raw const program) };
    let listener = i32::try_from(listener).expect("a descriptor is an int");
    // SAFETY: it takes two numbers. The copy stays open when the program begins.
    if listener < 0 || unsafe { libc::dup2(listener, LISTENER) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn listener(process: u32) -> io::Result<OwnedFd> {
    // SAFETY: it takes two numbers, and what it answers is a descriptor that nobody else has.
    let process = unsafe { descriptor(libc::syscall(libc::SYS_pidfd_open, process, 0)) }?;
    // SAFETY: the same with three.
    unsafe { descriptor(libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), LISTENER, 0)) }
}

/// # Safety
///
/// `result` is that of a system call that answers with a new descriptor.
unsafe fn descriptor(result: libc::c_long) -> io::Result<OwnedFd> {
    let number = i32::try_from(result).expect("a descriptor is an int");
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the caller promises that it is new.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Waits for a question and answers it. An error when there will be no more.
fn reply(listener: &OwnedFd) -> io::Result<()> {
    let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    poll(&mut ready, PollTimeout::NONE)?;
    if !ready[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN)) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // SAFETY: a record of numbers, all of which may be 0.
    let mut question: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in a record of this kind.
    if unsafe { libc::ioctl(listener.as_raw_fd(), NOTIFICATION_RECEIVE, &raw mut question) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut attach_type = [0; 4];
    let memory = File::open(format!("/proc/{}/mem", question.pid))?;
    memory.read_exact_at(&mut attach_type, question.data.args[1] + ATTACH_TYPE)?;
    let mut answer = libc::seccomp_notif_resp { id: question.id, val: 0, error: 0, flags: 0 };
    if u32::from_ne_bytes(attach_type) == TCX_EGRESS {
        answer.error = -libc::EINVAL;
    } else {
        answer.flags = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).expect("it is 1");
    }
    // SAFETY: the kernel reads a record of this kind.
    if unsafe { libc::ioctl(listener.as_raw_fd(), NOTIFICATION_SEND, &raw mut answer) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
