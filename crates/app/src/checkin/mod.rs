//! The check-in timer: whoever is overdue has cried for help.

mod lapse;
mod show;
mod start;
mod stop;

pub use lapse::CheckInLapse;
