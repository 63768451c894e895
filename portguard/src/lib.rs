//! PortGuard's library: from a vendor's documented port matrix to verdicts in the kernel.
//!
//! Data flows one way through the rooms: [`policy`] and [`site`] are read into a [`matrix`], which [`compile`] turns
//! into an image; [`explain`] asks the image, [`replay`] hands it a capture's packets; [`datapath`] loads an image and is
//! the only room that knows aya; [`observe`] reads counters back, [`audit`] keeps them, [`metrics`] tells them to Prometheus; [`daemon`] owns what is loaded; [`cli`] talks to the
//! rooms and holds no logic. Beside that way [`names`] finds out what host names stand for, [`lint`] asks about what is
//! odd, [`draft`] writes a first site, and [`export`] says a matrix in another firewall's words; [`drift`] holds it against
//! what [`sockets`] says that the node listens on, [`doctor`] says what the machine lacks, and [`top`] draws what happens.
//! [`report`] writes down what [`audit`] has kept, and [`suggest`] what of it speaks for another site.

pub mod audit;
pub mod cli;
pub mod compile;
pub mod daemon;
pub mod datapath;
pub mod doctor;
pub mod draft;
pub mod drift;
pub mod events;
pub mod explain;
pub mod export;
pub mod input;
pub mod lint;
pub mod matrix;
pub mod metrics;
pub mod names;
mod netlink;
pub mod notify;
pub mod observe;
pub mod policy;
pub mod reading;
pub mod replay;
pub mod report;
pub mod site;
pub mod sockets;
pub mod suggest;
pub mod top;
