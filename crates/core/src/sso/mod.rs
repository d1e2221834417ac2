//! Sessions of users whom the partner's app logs in by itself (contract: SSO).
//!
//! The partner's token is put to the partner's own endpoint; [`introspection`]
//! judges what came back, and is the only way to [`Claims`]. [`policy`] is what
//! an app's administrator decided, [`token`] what a session is proved with, and
//! [`session`] says what such a token is good for at a given time and who makes
//! room for a newcomer. [`code`] is what is mailed to prove an address, [`pin`] the
//! user's signature, [`settings`] what the user set.

mod claims;
pub mod code;
pub mod introspection;
mod member;
pub mod pin;
pub mod policy;
pub mod session;
pub mod settings;
pub mod token;

pub use claims::{ClaimFault, ClaimTerms, Claims};
pub use introspection::{Judgement, PartnerAnswer, judge};
pub use policy::{RequestForm, SessionPolicy};
pub use session::{EndReason, LoginDevice};
pub use token::{SessionToken, TokenKind};
