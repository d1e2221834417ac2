//! Who is calling: apps, external users and what a proven caller may do.

mod caller;
mod names;

pub use caller::{Caller, Standing};
pub use names::{AppId, ExternalUserId, InvalidName};
