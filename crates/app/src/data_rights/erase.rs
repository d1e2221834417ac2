//! Erases a user: begun in one commit, carried on by a job, step by step.

use std::time::Duration;

use mayday_core::identity::{AppId, Caller, ExternalUserId};
use mayday_core::ids::RecordId;
use mayday_core::time::Timestamp;
use mayday_store::Lane;
use mayday_store::erasures::{
    BeginErasure, Begun, DeferErasure, EraseStep, FinishErasure, Finished, Progress, Requester,
    ResumeErasures, SETTLE, Subject,
};
use tokio::time::Instant;

use crate::identity::require_full;
use crate::{App, AppError};

/// How long one run works before it leaves the rest to the next: less than a job
/// may take, and less than a command line waits.
const RUN_LIMIT: Duration = Duration::from_secs(20);

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureState {
    /// All is gone.
    Over,
    /// All that is there is gone; what is under way goes in a minute.
    Swept,
    /// There is more to delete.
    UnderWay,
    /// It waits for an incident to end.
    Waiting,
}

impl ErasureState {
    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Swept => "swept",
            Self::UnderWay => "under_way",
            Self::Waiting => "waiting",
        }
    }
}

impl App {
    /// Begins to erase the caller: when it returns, the caller's name and external
    /// id are gone, connections are being cut, and a job deletes the rest.
    pub async fn erase_me(&self, caller: &Caller) -> Result<(), AppError> {
        require_full(caller)?;
        let subject = Subject::User(caller.user);
        self.begin_erasure(caller.app_id.clone(), subject, Requester::User)
            .await
            .map(|_| ())
    }

    /// Begins to erase the app's user of this external id, for an administrator.
    pub(crate) async fn erase_named(
        &self,
        app_id: AppId,
        external_id: ExternalUserId,
    ) -> Result<RecordId, AppError> {
        let subject = Subject::Named(external_id);
        self.begin_erasure(app_id, subject, Requester::Operator)
            .await
    }

    async fn begin_erasure(
        &self,
        app_id: AppId,
        subject: Subject,
        requested_by: Requester,
    ) -> Result<RecordId, AppError> {
        let begin = BeginErasure {
            id: RecordId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app_id,
            subject,
            requested_by,
        };
        match self.store.write(Lane::Rest, begin).await? {
            Begun::Erasing(id) => {
                // The next contact must not meet the old user in this node's cache.
                if let Err(error) = self.follow_control().await {
                    tracing::warn!(%error, "the erasure is stored; this node follows in a moment");
                }
                Ok(id)
            }
            Begun::OpenIncident => Err(AppError::Conflict {
                message:
                    "an SOS of this user is open, and whoever helps needs what is known about \
                          the person: cancel or resolve it first"
                        .to_owned(),
            }),
            Begun::UnknownApp => Err(AppError::NotFound { what: "app" }),
            Begun::UnknownUser => Err(AppError::NotFound { what: "user" }),
        }
    }

    /// Carries an erasure on for a while, as a job does; `turn` counts the jobs.
    /// What is left, or may still come, is left to the next one.
    pub async fn carry_on_erasure(&self, erasure: RecordId, turn: u64) -> Result<(), AppError> {
        let swept_since = self.clock.now();
        let next = match self.sweep_erasure(erasure).await? {
            ErasureState::Over => return Ok(()),
            ErasureState::UnderWay => self.clock.now(),
            ErasureState::Waiting => self.clock.now().plus(SETTLE),
            ErasureState::Swept => {
                let finish = FinishErasure {
                    erasure,
                    swept_since,
                };
                match self.store.write(Lane::Job, finish).await? {
                    Finished::Over => return Ok(()),
                    Finished::NotBefore(at) => at,
                }
            }
        };
        self.defer_erasure(erasure, turn, next).await
    }

    async fn defer_erasure(
        &self,
        erasure: RecordId,
        turn: u64,
        due_at: Timestamp,
    ) -> Result<(), AppError> {
        let defer = DeferErasure {
            erasure,
            turn: turn.saturating_add(1),
            due_at,
        };
        Ok(self.store.write(Lane::Job, defer).await?)
    }

    /// Has erasures go on that nobody carries on any more; how many those were.
    pub async fn resume_erasures(&self) -> Result<usize, AppError> {
        Ok(self.store.write(Lane::Job, ResumeErasures).await?)
    }

    /// Deletes what there is now, for at most [`RUN_LIMIT`].
    pub(crate) async fn sweep_erasure(&self, erasure: RecordId) -> Result<ErasureState, AppError> {
        let until = Instant::now() + RUN_LIMIT;
        loop {
            match self.store.write(Lane::Job, EraseStep { erasure }).await? {
                Progress::Over => return Ok(ErasureState::Over),
                Progress::OpenIncident => return Ok(ErasureState::Waiting),
                Progress::More if Instant::now() >= until => return Ok(ErasureState::UnderWay),
                Progress::More => {}
                Progress::Empty(user) => {
                    // After the spill table: what left it has arrived here.
                    let swept = self.telemetry.erase(user, until).await?;
                    tracing::info!(erasure.id = %erasure, telemetry.rows = swept.rows, "a user's data was swept");
                    return Ok(if swept.all {
                        ErasureState::Swept
                    } else {
                        ErasureState::UnderWay
                    });
                }
            }
        }
    }
}
