//! An SOS reaches people, through simulated providers.

mod callbacks;
mod cancel;
mod doubt;
mod driver;
mod kill;
mod listed;
mod report;
mod silence;
mod story;
mod two_nodes;
