//! Who shows an admin key.

use std::net::IpAddr;

use mayday_core::admin_key;
use mayday_core::ids::SecretId;
use mayday_store::admin_keys::{self, AdminKeyRow};

use crate::{App, AppError};

/// A program that showed an admin key that is good.
#[derive(Clone, Debug)]
pub struct Operator {
    pub(super) key: AdminKeyRow,
    pub(super) peer: IpAddr,
}

impl Operator {
    /// The id of the key that it showed.
    pub const fn key_id(&self) -> SecretId {
        self.key.id
    }
}

impl App {
    /// Who shows this key. Who guesses is limited by address; a good key passes
    /// whatever others did.
    pub async fn operator(&self, key: Option<&str>, peer: IpAddr) -> Result<Operator, AppError> {
        let Some(key) = key.filter(|key| admin_key::is_shaped(key)) else {
            return Err(self.unreadable_proof(peer));
        };
        let mut tx = self.store.read().await?;
        let found = admin_keys::live(&mut tx, &admin_key::digest(key)).await?;
        drop(tx);
        found
            .map(|key| Operator { key, peer })
            .ok_or_else(|| self.unreadable_proof(peer))
    }
}
