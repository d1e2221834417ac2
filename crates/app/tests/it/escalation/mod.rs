//! An SOS reaches people, through simulated providers.

mod answers;
mod asked_again;
mod callbacks;
mod cancel;
mod doubt;
mod drill;
mod driver;
mod duress;
mod kill;
mod links;
mod listed;
mod mail;
mod opted_out;
mod report;
mod silence;
mod story;
mod taken_back;
mod two_nodes;
