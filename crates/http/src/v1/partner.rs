//! `/v1/partner`: what an app's backend asks of us with its key (contract: Sessions).

pub(crate) mod end_sessions;
mod key;
