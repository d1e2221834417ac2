//! Keeps what could not become a sample, for operators to read.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use mayday_core::field::FieldError;
use mayday_core::identity::Caller;
use mayday_core::ids::RecordId;
use mayday_core::transport::Transport;
use mayday_store::Lane;
use mayday_store::dead_letters::{
    DeadLetter, DeadReason, KEPT_BYTES, KEPT_PER_APP, KeepDeadLetter,
};

use crate::{App, AppError};

/// One letter in so many looks how many its app has: the bound may be passed
/// by this many.
const TRIM_EVERY: u64 = 50;

/// Counts letters, so that each [`TRIM_EVERY`]th trims.
#[derive(Debug, Default)]
pub(crate) struct LetterCount(AtomicU64);

impl LetterCount {
    fn trims(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) % TRIM_EVERY == TRIM_EVERY - 1
    }
}

impl App {
    pub(super) async fn keep_dead_letter(
        &self,
        caller: &Caller,
        body: &Bytes,
        transport: Transport,
        reason: DeadReason,
        fields: &[FieldError],
    ) -> Result<(), AppError> {
        let kept = body.slice(..body.len().min(KEPT_BYTES));
        let letter = DeadLetter {
            id: RecordId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app: caller.app,
            user: caller.user,
            transport,
            reason,
            fields: fields.to_vec(),
            raw: kept,
            raw_bytes: i64::try_from(body.len()).unwrap_or(i64::MAX),
            received_at: self.clock.now(),
        };
        let trim_to = self.dead_letters.trims().then_some(KEPT_PER_APP);
        let keep = KeepDeadLetter { letter, trim_to };
        Ok(self.store.write(Lane::Rest, keep).await?)
    }
}
