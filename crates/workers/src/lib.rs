//! What runs beside the requests: background jobs and rounds.
//!
//! A *job* was enqueued by a change, in the change's transaction, and is due at
//! a time ([`runner`]). A *round* comes again and again without anybody asking
//! for it ([`rounds`]). Both call use cases of the application and nothing else.

mod error;
mod held;
mod jobs;
mod rounds;
mod runner;

use std::sync::Arc;

use mayday_app::App;
use tokio_util::sync::CancellationToken;

pub use error::JobError;

/// The kinds of jobs that this version knows, as they stand in the store.
pub fn job_kinds() -> &'static [&'static str] {
    jobs::Kind::WORDS
}

/// Runs jobs and rounds until `shutdown`; jobs that have begun are finished or
/// given back.
pub async fn run(app: Arc<App>, shutdown: CancellationToken) {
    tokio::join!(
        runner::run(Arc::clone(&app), jobs::URGENT, shutdown.clone()),
        runner::run(Arc::clone(&app), jobs::HOUSE, shutdown.clone()),
        runner::run(Arc::clone(&app), jobs::PARTNERS, shutdown.clone()),
        runner::run(Arc::clone(&app), jobs::MAILS, shutdown.clone()),
        rounds::run(app, shutdown),
    );
}
