//! The caller's emergency contacts (contract: Emergency contacts).

mod add;
mod list;
mod remove;
mod reorder;
mod replace;
