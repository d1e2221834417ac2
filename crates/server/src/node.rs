//! One node of mayday: the data directory, the store and the app on top of it,
//! opened alike by `serve` and by commands that work without a server.

use std::sync::Arc;
use std::time::Duration;

use mayday_app::admin::{AdminReply, AdminRequest};
use mayday_app::store::{OpenError, Store, StoreConfig};
use mayday_app::{App, Metrics, Parts};
use tokio_util::sync::CancellationToken;

use crate::clock::AnchoredClock;
use crate::config::Config;
use crate::entropy::SystemEntropy;
use crate::failure::Failure;

/// Whether data may be made where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Creation {
    /// Yes: the first start, the first app.
    IfMissing,
    /// No: a command that only reads or changes would otherwise leave an empty
    /// store wherever it was called by mistake.
    Never,
}
