//! SOS: trigger, cancel, resolve, show, history (contract: SOS).

mod cancel;
mod history;
mod resolve;
mod show;
mod silent;
mod trigger;
mod turns;
mod vitals;

pub use cancel::CancelReceipt;
pub use history::{HistoryItem, HistoryPage};
pub use trigger::{SosTrigger, TriggerReceipt};
pub(crate) use turns::{Crowded, Turns};
pub(crate) use vitals::Listening;
