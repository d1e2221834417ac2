//! The tracking page, as a contact's phone, a messenger's preview and an attacker
//! see it (contract: Escalation, Tracking page).

mod answers;
mod attacks;
pub(crate) mod browser;
mod json;
mod page;
pub(crate) mod support;
