//! A second opinion on frames: read by another parser (etherparse's headers, one at a time, into a list) and judged by
//! scanning the rules of the matrix in order, without a line of the code that parses, looks up or decides in the kernel.
//!
//! Of the library it knows the matrix, which is what is asked for, and the names of the reasons, which are the answer.

mod agree;
mod draw;
mod frames;
mod judge;
mod layers;
mod leaving;
mod permits;
mod place;
mod ports;
mod routes;
mod shape;
mod transit;
mod transport;

pub use agree::{assert_agree, frames_wanted};
pub use draw::{Drawn, SocketTable, draw};
pub use frames::Frames;
pub use judge::{Counted, Opinion, judge};
pub use layers::{Fault, Layer, Reading, Segment, read};
pub use permits::may_come_in;
pub use routes::DefaultRoute;
pub use shape::shape;
