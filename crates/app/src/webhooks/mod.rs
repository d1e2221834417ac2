//! Partner notifications on their way: one attempt at a time, and administration
//! (contract: Partner notifications).

mod busy;
mod deliver;
mod prune;

pub(crate) use busy::Endpoints;
pub use deliver::Delivering;
