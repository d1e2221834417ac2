//! Checks who is calling, on either transport.

use std::net::IpAddr;

use mayday_core::identity::{Caller, Proof};

use crate::{App, AppError};

impl App {
    /// Checks a proof of identity and returns the caller, whose user is made
    /// at the first contact.
    pub async fn authenticate(&self, proof: Proof<'_>, peer: IpAddr) -> Result<Caller, AppError> {
        let _ = (proof, peer);
        Err(AppError::Unauthorized)
    }
}
