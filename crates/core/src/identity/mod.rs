//! Who is calling: apps, external users, how they prove it and what a proven
//! caller may do (contract: Identity).

mod caller;
mod names;
mod policy;
mod secret;
pub mod signing;
mod username;

pub use caller::{Caller, Credential, Idle, Standing};
pub use names::{AppId, ExternalUserId, InvalidName};
pub use policy::{AppPolicy, CancelPolicy};
pub use secret::AppSecret;
pub use signing::Proof;
pub use username::{Username, parse_username};
