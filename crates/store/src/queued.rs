//! A command with its caller, as it waits for the writer.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::command::Command;
use crate::error::StoreError;
use crate::tx::Tx;

/// A command whose type the writer does not know.
pub(crate) trait Queued: Send {
    /// The command's name.
    fn name(&self) -> &'static str;

    /// Since when its caller waits.
    fn queued_at(&self) -> Instant;

    /// Runs it in a transaction and keeps its output. A panic is an error.
    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Answers the caller, who may be gone: with the output of the last run, or
    /// with why there is none.
    fn answer(self: Box<Self>, result: Result<(), StoreError>);
}

/// A command with its caller.
pub(crate) struct Entry<C: Command> {
    command: C,
    output: Option<C::Output>,
    caller: oneshot::Sender<Result<C::Output, StoreError>>,
    queued_at: Instant,
}

impl<C: Command> Entry<C> {
    pub(crate) fn new(command: C) -> (Self, oneshot::Receiver<Result<C::Output, StoreError>>) {
        let (caller, answer) = oneshot::channel();
        let entry = Self {
            command,
            output: None,
            caller,
            queued_at: Instant::now(),
        };
        (entry, answer)
    }
}

impl<C: Command> Queued for Entry<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn queued_at(&self) -> Instant {
        self.queued_at
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            self.output = None;
            self.output = Some(run_caught(&self.command, tx).await?);
            Ok(())
        }
        .boxed()
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { output, caller, .. } = *self;
        let answer = result.and_then(|()| output.ok_or(StoreError::Closed));
        let _ = caller.send(answer);
    }
}

/// Runs a command; its panic becomes an error, so that the writer lives on.
pub(crate) async fn run_caught<C: Command>(
    command: &C,
    tx: &mut Tx<'_>,
) -> Result<C::Output, StoreError> {
    // A transaction that was left in the middle is rolled back by the caller,
    // so nothing half-done is ever looked at again.
    AssertUnwindSafe(command.run(tx))
        .catch_unwind()
        .await
        .unwrap_or(Err(StoreError::Panicked { command: C::NAME }))
}
