//! What every transaction can reach beside its connection.

use mayday_core::clock::{SharedClock, SharedEntropy};

use crate::dialect::Dialect;
use crate::secrets::Vault;

/// What every transaction can reach beside its connection.
pub(crate) struct Environment {
    pub(crate) dialect: Dialect,
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
    /// The master key; `None` for a command that was let in without it.
    pub(crate) vault: Option<Vault>,
}
