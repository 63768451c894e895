//! Packets that attackers make and packets that hosts need, case by case: what each one is, by a decoder of its own; its
//! verdict, its reason and its counter, by the program in the kernel and natively; untagged, with one tag and with two;
//! in one piece and cut into two at every byte.

mod case;
mod cookies;
mod datagrams;
mod failsafe;
mod fragments;
mod icmp;
mod ipv4;
mod ipv6;
mod large;
mod link;
mod ports;
mod protocols;
mod replies;
mod sockets;
mod sources;
mod tcp;
mod transit;
mod udp;
