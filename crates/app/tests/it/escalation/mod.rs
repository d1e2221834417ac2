//! An SOS reaches people, through simulated providers.

mod answers;
mod asked_again;
mod callbacks;
mod cancel;
mod cries_again;
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
mod several;
mod shown;
mod silence;
mod story;
mod taken_back;
mod two_nodes;
mod voices;
