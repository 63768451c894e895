//! The older tc, for what leaves: a filter in clsact where there is no tcx, or the site does not want that.
//!
//! No link holds a filter. It stays until somebody deletes it, so that it outlives its daemon as a pinned link does; but
//! whoever has the privilege deletes it, and nothing says so: the kernel is asked for it at each look. It stands first
//! among the filters of its interface, which see what it lets out, at a place of its own where it is known by its name.
//! It is replaced in one step (`cls_bpf_change` of `net/sched/cls_bpf.c`: the kernel puts one program in the place of the
//! other between two packets).
//!
//! aya could do the half of this, by the interface's name instead of its number, and takes a filter off whose value it
//! drops.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _},
};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_ECHO, NLM_F_EXCL};
use netlink_sys::protocols::NETLINK_ROUTE;
use portguard_common::abi::names;
use rtnetlink::packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcBpfFlags, TcFilterBpf, TcFilterBpfOption, TcHandle, TcHeader, TcMessage, TcOption},
};

use crate::netlink::{dump, request};

/// Before all others.
pub(super) const PRIORITY: u16 = 1;
/// Any number that others are not likely to take: "PG" in ASCII.
pub(super) const HANDLE: u32 = 0x5047;
/// `ETH_P_ALL` of `include/uapi/linux/if_ether.h`.
const EVERY_PROTOCOL: u16 = 3;
/// The name of the qdisc.
const CLSACT: &str = "clsact";

/// Why there can be no filter on an interface.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Somebody else's filter is at its place.
    Occupied,
    /// Where clsact would have to be is something else.
    OtherQdisc(String),
    /// The kernel refuses.
    Kernel(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Kernel(error)
    }
}

/// Whether the qdisc had to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Qdisc {
    /// It was there.
    Found,
    /// It was not.
    Made,
}

/// Sees to it that the interface with this number has a clsact. One that is there stays, whosever it is.
pub(super) fn prepare(index: u32) -> Result<Qdisc, Refusal> {
    match qdisc(index)? {
        Some(kind) if kind == CLSACT => return Ok(Qdisc::Found),
        // `ingress` has one list of filters: one for what leaves would judge what comes in.
        Some(other) => return Err(Refusal::OtherQdisc(other)),
        None => {}
    }
    let mut clsact = message(index, TcHandle::CLSACT);
    clsact.header.handle = TcHandle { major: TcHandle::CLSACT.major, minor: 0 };
    clsact.attributes.push(TcAttribute::Kind(CLSACT.to_owned()));
    match tell(RouteNetlinkMessage::NewQueueDiscipline(clsact), NLM_F_CREATE | NLM_F_EXCL) {
        // Somebody was faster.
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => match qdisc(index)? {
            Some(kind) if kind != CLSACT => Err(Refusal::OtherQdisc(kind)),
            _ => Ok(Qdisc::Found),
        },
        made => Ok(made.map(|()| Qdisc::Made)?),
    }
}

/// Puts a filter with `program` on the interface with this number, which has a clsact. One of ours that is left there, from pins
/// that are gone, is replaced.
pub(super) fn put(index: u32, program: impl AsFd) -> Result<(), Refusal> {
    let filter = || RouteNetlinkMessage::NewTrafficFilter(filter(index, &program));
    match tell(filter(), NLM_F_CREATE | NLM_F_EXCL) {
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => match self::program(index)? {
            Some(_) => Ok(tell(filter(), 0)?),
            None => Err(Refusal::Occupied),
        },
        // A priority has one kind of filters: somebody else's, perhaps.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            let taken = filters(index, TcHandle::MIN_EGRESS)?
                .iter()
                .any(|filter| filter.header.info >> 16 == u32::from(PRIORITY));
            Err(if taken { Refusal::Occupied } else { Refusal::Kernel(error) })
        }
        put => Ok(put?),
    }
}

/// Puts `program` in the place of the one that our filter on the interface has, between two packets. `false`: there is no
/// filter of ours.
pub(super) fn replace(index: u32, program: impl AsFd) -> io::Result<bool> {
    // Its place may be somebody else's by now.
    if self::program(index)?.is_none() {
        return Ok(false);
    }
    match tell(RouteNetlinkMessage::NewTrafficFilter(filter(index, program)), 0) {
        Err(error) if is_absence(&error) => Ok(false),
        replaced => replaced.map(|()| true),
    }
}

/// The kernel's number for the program of our filter on the interface, if there is one.
pub(super) fn program(index: u32) -> io::Result<Option<u32>> {
    // Of a list that changes while it is read something may be missing, and who is taken for missing is put on again: this asks
    // for the one.
    let found = match ask(RouteNetlinkMessage::GetTrafficFilter(place(index))) {
        Err(error) if is_absence(&error) => return Ok(None),
        found => found?,
    };
    Ok(found.iter().find(|filter| is_ours(filter)).and_then(program_of))
}

/// Takes our filter off the interface, if it is there.
pub(super) fn take_off(index: u32) -> io::Result<()> {
    if program(index)?.is_none() {
        return Ok(());
    }
    forgiving_absence(tell(RouteNetlinkMessage::DelTrafficFilter(place(index)), 0))
}

/// Takes clsact off the interface, unless there is a filter in it, whosever.
pub(super) fn take_off_qdisc(index: u32) -> io::Result<()> {
    if qdisc(index)?.is_none_or(|kind| kind != CLSACT) {
        return Ok(());
    }
    for minor in [TcHandle::MIN_INGRESS, TcHandle::MIN_EGRESS] {
        if !filters(index, minor)?.is_empty() {
            return Ok(());
        }
    }
    let mut clsact = message(index, TcHandle::CLSACT);
    clsact.header.handle = TcHandle { major: TcHandle::CLSACT.major, minor: 0 };
    forgiving_absence(tell(RouteNetlinkMessage::DelQueueDiscipline(clsact), 0))
}

/// The filters that a packet which leaves meets before ours, each as `name, id 7`.
pub(super) fn before(index: u32) -> io::Result<Vec<String>> {
    let filters = filters(index, TcHandle::MIN_EGRESS)?;
    // Each priority is told once for itself, before the filters that it has.
    let single = filters.iter().filter(|filter| filter.header.handle != TcHandle::UNSPEC);
    Ok(single.take_while(|filter| !is_ours(filter)).map(describe).collect())
}

/// The kind of qdisc that the interface has where clsact is.
fn qdisc(index: u32) -> io::Result<Option<String>> {
    let question = RouteNetlinkMessage::GetQueueDiscipline(message(index, TcHandle::CLSACT));
    // Who does not ask for an echo is told nothing: the kernel answers as it announces changes.
    let found = match request(NETLINK_ROUTE, question, NLM_F_ECHO) {
        Err(error) if is_absence(&error) => return Ok(None),
        found => found?,
    };
    let kind = found.into_iter().find_map(|answer| match answer {
        RouteNetlinkMessage::NewQueueDiscipline(found) => kind(&found).map(str::to_owned),
        _ => None,
    });
    // What the kernel has there when there is nothing.
    Ok(kind.filter(|kind| kind != "noop"))
}

/// All filters of one side of clsact, in their order.
fn filters(index: u32, minor: u16) -> io::Result<Vec<TcMessage>> {
    let parent = TcHandle { major: TcHandle::CLSACT.major, minor };
    let answers = dump(NETLINK_ROUTE, RouteNetlinkMessage::GetTrafficFilter(message(index, parent)))?;
    Ok(of_filters(answers))
}

/// Our filter's place on the interface.
fn place(index: u32) -> TcMessage {
    let mut place = message(index, TcHandle { major: TcHandle::CLSACT.major, minor: TcHandle::MIN_EGRESS });
    place.header.handle = HANDLE.into();
    place.header.info = u32::from(PRIORITY) << 16 | u32::from(EVERY_PROTOCOL.to_be());
    place
}

/// Our filter with this program.
fn filter(index: u32, program: impl AsFd) -> TcMessage {
    let descriptor = program.as_fd().as_raw_fd();
    let mut filter = place(index);
    filter.attributes.push(TcAttribute::Kind(TcFilterBpf::KIND.to_owned()));
    let options = [
        TcFilterBpfOption::ProgFd(descriptor.cast_unsigned()),
        TcFilterBpfOption::ProgName(names::EGRESS_PROGRAM.to_owned()),
        // What the program answers is done.
        TcFilterBpfOption::Flags(TcBpfFlags::DirectAction),
    ];
    filter.attributes.push(TcAttribute::Options(options.map(TcOption::Bpf).into()));
    filter
}

fn message(index: u32, parent: TcHandle) -> TcMessage {
    let header = TcHeader { index: index.cast_signed(), parent, ..TcHeader::default() };
    TcMessage::from_parts(header, Vec::new())
}

fn ask(question: RouteNetlinkMessage) -> io::Result<Vec<TcMessage>> {
    request(NETLINK_ROUTE, question, 0).map(of_filters)
}

fn tell(change: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
    request(NETLINK_ROUTE, change, flags).map(|_| ())
}

fn of_filters(answers: Vec<RouteNetlinkMessage>) -> Vec<TcMessage> {
    let filters = answers.into_iter().filter_map(|answer| match answer {
        RouteNetlinkMessage::NewTrafficFilter(filter) => Some(filter),
        _ => None,
    });
    filters.collect()
}

/// Whether it stands at our place and has our name.
fn is_ours(filter: &TcMessage) -> bool {
    let TcMessage { header, .. } = place(0);
    (filter.header.handle, filter.header.info) == (header.handle, header.info)
        && name_of(filter) == Some(names::EGRESS_PROGRAM)
}

fn kind(found: &TcMessage) -> Option<&str> {
    found.attributes.iter().find_map(|attribute| match attribute {
        TcAttribute::Kind(kind) => Some(kind.as_str()),
        _ => None,
    })
}

/// What it says of its program, if it has one.
fn options(filter: &TcMessage) -> impl Iterator<Item = &TcFilterBpfOption> {
    let options = filter.attributes.iter().filter_map(|attribute| match attribute {
        TcAttribute::Options(options) => Some(options),
        _ => None,
    });
    options.flatten().filter_map(|option| match option {
        TcOption::Bpf(option) => Some(option),
        _ => None,
    })
}

fn name_of(filter: &TcMessage) -> Option<&str> {
    options(filter).find_map(|option| match option {
        TcFilterBpfOption::ProgName(name) => Some(name.as_str()),
        _ => None,
    })
}

fn program_of(filter: &TcMessage) -> Option<u32> {
    options(filter).find_map(|option| match option {
        TcFilterBpfOption::ProgId(id) => Some(*id),
        _ => None,
    })
}

fn describe(filter: &TcMessage) -> String {
    match (name_of(filter), program_of(filter), kind(filter)) {
        (name, Some(id), _) => format!("`{}`, id {id}", name.unwrap_or_default()),
        (_, None, kind) => format!("a filter of kind {}", kind.unwrap_or("unknown")),
    }
}

/// Whether the kernel says that there is no such filter or qdisc: it has another word for it where the interface, the qdisc or the
/// list is not there than where they lack the one.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINVAL | libc::ENODEV))
}

fn forgiving_absence(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_absence(&error) => Ok(()),
        result => result,
    }
}
