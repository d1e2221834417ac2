//! What an app's backend asks of us with its key (contract: Sessions, back-channel).

mod end_sessions;

pub use end_sessions::PartnerBackend;
