//! Records an attempt, and what follows from it: the next attempt's job, or the end.

use mayday_core::ids::{AppUuid, DeliveryId, EndpointId, IncidentId, UserId};
use mayday_core::time::Timestamp;
use serde_json::json;

use super::notify::enqueue;
use super::{MAX_PENDING, backlog};
use crate::alerts::{self, AlertKind, NewAlert};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::escalation;
use crate::sql::Sql;
use crate::system_mails::notices;
use crate::tx::Tx;
use crate::users;

/// One attempt in so many counts what waits for its endpoint.
const COUNT_EACH: u128 = 16;

static BEGIN: Sql = Sql::new(
    "UPDATE webhook_deliveries SET begun = $3 WHERE id = $1 AND state = 'pending' AND attempts = $2",
);
static DELIVERED: Sql = Sql::new(
    "UPDATE webhook_deliveries SET state = 'delivered', attempts = $2 + 1, tries = tries + 1,
        due_at = NULL, updated_at = $3, delivered_at = COALESCE(delivered_at, $3), failed_at = NULL,
        error = NULL
     WHERE id = $1 AND state = 'pending' AND attempts = $2",
);
static AGAIN: Sql = Sql::new(
    "UPDATE webhook_deliveries SET attempts = $2 + 1, tries = tries + 1, due_at = $3,
        updated_at = $4, error = $5
     WHERE id = $1 AND state = 'pending' AND attempts = $2",
);
static GIVEN_UP: Sql = Sql::new(
    "UPDATE webhook_deliveries SET state = 'failed', attempts = $2 + $5, tries = tries + $5,
        due_at = NULL, updated_at = $3, failed_at = $3, error = $4
     WHERE id = $1 AND state = 'pending' AND attempts = $2",
);
static INSERT_ATTEMPT: Sql = Sql::new(
    "INSERT INTO webhook_attempts (delivery_id, number, started_at, took_ms, status, outcome, error,
        excerpt)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
static WORKS: Sql = Sql::new(
    "UPDATE webhook_endpoints SET failing_since = NULL
     WHERE id = $1 AND failing_since IS NOT NULL",
);
static FAILS: Sql = Sql::new(
    "UPDATE webhook_endpoints SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL",
);
static DISABLE: Sql = Sql::new(
    "UPDATE webhook_endpoints SET disabled_at = $2, disabled_reason = $3
     WHERE id = $1 AND disabled_at IS NULL",
);

static SHOWN: Sql = Sql::new("SELECT 1 FROM incidents WHERE id = $1 AND NOT hidden");

pub(crate) const STATEMENTS: &[&Sql] = &[
    &SHOWN,
    &BEGIN,
    &DELIVERED,
    &AGAIN,
    &GIVEN_UP,
    &INSERT_ATTEMPT,
    &WORKS,
    &FAILS,
    &DISABLE,
];

/// The permit of the first attempt: from here on the delivery is not taken back.
/// Output: `false` when it was, or when the attempt is on record already.
#[derive(Clone, Copy, Debug)]
pub struct BeginDelivery {
    /// Which.
    pub delivery: DeliveryId,
    /// Attempts that ended.
    pub attempts: i64,
}

impl Command for BeginDelivery {
    type Output = bool;
    const NAME: &'static str = "webhook.begin";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let values = args![self.delivery, self.attempts, true];
        Ok(tx.execute(&BEGIN, values).await? == 1)
    }
}

/// What follows from an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// It arrived.
    Delivered,
    /// It is tried again.
    Again {
        /// When.
        due_at: Timestamp,
        /// Why it failed.
        error: String,
    },
    /// It is given up on, and the endpoint with it for the time being.
    GivenUp {
        /// Why.
        error: String,
    },
    /// It is given up on, which says nothing about the endpoint: this message alone
    /// was refused, or it was a test.
    Refused {
        /// Why.
        error: String,
    },
    /// The endpoint wants no more: it is disabled.
    Gone {
        /// What it said.
        error: String,
    },
    /// No attempt was made: the endpoint was disabled or removed meanwhile.
    NotTried {
        /// Why.
        error: String,
    },
}

/// Records an attempt. Output: `false` when it is on record already, and nothing
/// changed.
#[derive(Clone, Debug)]
pub struct RecordAttempt {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Its app.
    pub app: AppUuid,
    /// Attempts that had ended before.
    pub attempts: i64,
    /// Whose incident it is the alarm of.
    pub alarm: Option<(UserId, IncidentId)>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// The HTTP status, if there was an answer.
    pub status: Option<i64>,
    /// The beginning of the answer.
    pub excerpt: String,
    /// What follows.
    pub end: AttemptEnd,
}

impl Command for RecordAttempt {
    type Output = bool;
    const NAME: &'static str = "webhook.record";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        if let Some((user, _)) = self.alarm {
            users::lock(tx, user).await?;
        }
        if !self.move_delivery(tx).await? {
            return Ok(false);
        }
        if !matches!(self.end, AttemptEnd::NotTried { .. }) {
            self.keep(tx).await?;
        }
        self.move_endpoint(tx).await?;
        if self.delivery.uuid().as_u128().is_multiple_of(COUNT_EACH) {
            backlog::count(tx, self.endpoint, MAX_PENDING).await?;
        }
        if let AttemptEnd::Again { due_at, .. } = self.end {
            enqueue(tx, self.delivery, self.attempts + 1, due_at).await?;
        }
        if let Some((_, incident)) = self.alarm {
            self.show(tx, incident).await?;
        }
        Ok(true)
    }
}

impl RecordAttempt {
    /// Shows the victim's app how an alarm stands. Whoever holds the phone learns
    /// nothing of a hidden incident.
    async fn show(&self, tx: &mut Tx<'_>, incident: IncidentId) -> Result<(), StoreError> {
        match tx.fetch_optional(&SHOWN, args![incident]).await? {
            Some(_) => escalation::partners_moved(tx, incident).await,
            None => Ok(()),
        }
    }

    /// Moves the delivery on from the attempt that this is, and from no other.
    async fn move_delivery(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let (id, attempts, now) = (self.delivery, self.attempts, tx.now());
        let changed = match &self.end {
            AttemptEnd::Delivered => tx.execute(&DELIVERED, args![id, attempts, now]).await?,
            AttemptEnd::Again { due_at, error } => {
                let values = args![id, attempts, *due_at, now, error];
                tx.execute(&AGAIN, values).await?
            }
            AttemptEnd::GivenUp { error }
            | AttemptEnd::Refused { error }
            | AttemptEnd::Gone { error } => {
                let values = args![id, attempts, now, error, 1_i64];
                tx.execute(&GIVEN_UP, values).await?
            }
            AttemptEnd::NotTried { error } => {
                let values = args![id, attempts, now, error, 0_i64];
                tx.execute(&GIVEN_UP, values).await?
            }
        };
        Ok(changed == 1)
    }

    async fn keep(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let (outcome, error) = match &self.end {
            AttemptEnd::Delivered => ("delivered", None),
            AttemptEnd::Gone { error } => ("gone", Some(error)),
            AttemptEnd::Again { error, .. }
            | AttemptEnd::GivenUp { error }
            | AttemptEnd::Refused { error }
            | AttemptEnd::NotTried { error } => ("failed", Some(error)),
        };
        let values = args![
            self.delivery,
            self.attempts + 1,
            self.started_at,
            self.took_ms,
            self.status,
            outcome,
            error.map(String::as_str),
            &self.excerpt,
        ];
        tx.execute_one(&INSERT_ATTEMPT, values).await
    }

    async fn move_endpoint(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let now = tx.now();
        match &self.end {
            AttemptEnd::Delivered => {
                if tx.execute(&WORKS, args![self.endpoint]).await? > 0 {
                    let key = self.endpoint.to_string();
                    alerts::close(tx, AlertKind::WebhookFailing, &key).await?;
                }
                Ok(())
            }
            AttemptEnd::GivenUp { error } => {
                if tx.execute(&FAILS, args![self.endpoint, now]).await? > 0 {
                    notices::webhook_failing(tx, self.app, self.endpoint, error).await?;
                }
                self.alert(tx, AlertKind::WebhookFailing, error).await
            }
            AttemptEnd::Gone { error } => {
                tx.execute(&DISABLE, args![self.endpoint, now, error])
                    .await?;
                self.alert(tx, AlertKind::WebhookDisabled, error).await
            }
            AttemptEnd::Again { .. } | AttemptEnd::Refused { .. } | AttemptEnd::NotTried { .. } => {
                Ok(())
            }
        }
    }

    async fn alert(&self, tx: &mut Tx<'_>, kind: AlertKind, error: &str) -> Result<(), StoreError> {
        let alert = NewAlert {
            app: self.app,
            kind,
            key: &self.endpoint.to_string(),
            user: None,
            incident: None,
            detail: json!({"endpoint_id": self.endpoint, "error": error}),
        };
        alerts::raise(tx, alert).await
    }
}
