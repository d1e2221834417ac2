//! What an operator's program asks of us with its key: the same requests that the
//! command line sends, within the key's scope.
//!
//! A caller shows a key ([`App::operator`]), names an app and whether it changes
//! anything ([`Operator::permit`]), and only then has what [`App::operate`] takes.

mod authenticate;
mod operate;
mod permit;

pub use authenticate::Operator;
pub use permit::{OutOfScope, Permit};
