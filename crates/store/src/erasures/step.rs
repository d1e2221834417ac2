//! Detaches a user and deletes what is stored about them, some rows at a time.
//!
//! An SOS may go on that the phone does not see, or an all-clear may be on its way. The
//! user is detached and logged out all the same, and whoever holds the phone meets a new
//! user, as after any erasure; what help needs stays until it is over.

use std::time::Duration;

use mayday_core::ids::{AppUuid, RecordId, UserId};

use super::rows::{ALERTS_OF_OTHERS, ALL, BESIDE_HIDDEN, NEEDLESS, uuid_in_sqlite};
use super::{count, get};
use crate::args;
use crate::command::Command;
use crate::control;
use crate::error::StoreError;
use crate::hint::Hint;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;

/// Rows that one statement deletes at most; a row may hold 64 KiB.
const BATCH: u32 = 100;

/// How long after the detachment the last round begins: longer than a
/// connection lives on that must be cut, and than a request may take.
pub const SETTLE: Duration = Duration::from_mins(1);

/// How long after an incident's end its all-clear is waited for: longer than it is
/// tried.
const CLEARED_WITHIN: Duration = Duration::from_hours(1);

static OPEN: Sql = Sql::new(
    "SELECT hidden FROM incidents WHERE user_id = $1 AND state IN ('active', 'acknowledged')
     AND NOT drill ORDER BY hidden LIMIT 1",
);
// Somebody may have been told of an incident that has ended, and its timer has not
// looked yet, or an all-clear is on its way.
static CLEARING: Sql = Sql::per_dialect(
    concat!(
        "SELECT i.hidden FROM incidents i WHERE i.user_id = $1
            AND i.state NOT IN ('active', 'acknowledged')
            AND (i.cancelled_at > $2 OR i.resolved_at > $2)
            AND EXISTS (SELECT 1 FROM escalation_attempts t WHERE t.incident_id = i.id
                AND t.sending_at IS NOT NULL)
            AND (EXISTS (SELECT 1 FROM jobs j WHERE j.key = 'escalate:' || ",
        uuid_in_sqlite!("i.id"),
        ") OR EXISTS (SELECT 1 FROM escalation_attempts a WHERE a.incident_id = i.id
                AND a.purpose = 'all_clear' AND a.state IN ('scheduled', 'sending')))
            ORDER BY i.hidden LIMIT 1"
    ),
    "SELECT i.hidden FROM incidents i WHERE i.user_id = $1
        AND i.state NOT IN ('active', 'acknowledged')
        AND (i.cancelled_at > $2 OR i.resolved_at > $2)
        AND EXISTS (SELECT 1 FROM escalation_attempts t WHERE t.incident_id = i.id
            AND t.sending_at IS NOT NULL)
        AND (EXISTS (SELECT 1 FROM jobs j WHERE j.key = 'escalate:' || i.id::text)
            OR EXISTS (SELECT 1 FROM escalation_attempts a WHERE a.incident_id = i.id
                AND a.purpose = 'all_clear' AND a.state IN ('scheduled', 'sending')))
        ORDER BY i.hidden LIMIT 1",
);
static DETACH: Sql = Sql::new(
    "UPDATE users SET external_id = $2, name = NULL, email = NULL, phone = NULL, address = NULL,
        erased_at = $3, created_at = $3, updated_at = $3, last_seen_at = $3, mqtt_seen_at = NULL,
        vouched_email = NULL, vouched_at = NULL
     WHERE id = $1 AND erased_at IS NULL",
);
// Messages name the person, and operators have to know whose incident it is.
static DETACH_IN_DANGER: Sql = Sql::new(
    "UPDATE users SET name = COALESCE(name, external_id), known_as = external_id,
        external_id = $2, erased_at = $3, created_at = $3, updated_at = $3, last_seen_at = $3,
        mqtt_seen_at = NULL
     WHERE id = $1 AND erased_at IS NULL",
);
static WIPE: Sql = Sql::new(
    "UPDATE users SET known_as = NULL, name = NULL, email = NULL, phone = NULL, address = NULL,
        last_seen_at = erased_at, mqtt_seen_at = NULL, vouched_email = NULL, vouched_at = NULL
     WHERE id = $1 AND erased_at IS NOT NULL",
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &OPEN,
    &CLEARING,
    &DETACH,
    &DETACH_IN_DANGER,
    &WIPE,
    &ALERTS_OF_OTHERS,
];

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Rows went, and there may be more.
    More,
    /// Nothing of this user was left to delete.
    Empty(UserId),
    /// An incident of the user is open, or those who were told of it do not know yet that
    /// it is over; what they need is left, and goes then.
    OpenIncident,
    /// It is finished, or there is no such erasure.
    Over,
}

/// One step: detaches the user if that is still to be done, then deletes some
/// rows.
#[derive(Clone, Copy, Debug)]
pub struct EraseStep {
    /// Which erasure.
    pub erasure: RecordId,
}

impl Command for EraseStep {
    type Output = Progress;

    const NAME: &'static str = "user.erase.step";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Progress, StoreError> {
        let Some(erasure) = get(tx, self.erasure).await? else {
            return Ok(Progress::Over);
        };
        let Some(user) = erasure.user else {
            return Ok(Progress::Over);
        };
        users::lock(tx, user).await?;
        let awaited = detach(tx, self.erasure, erasure.app, user).await?;
        let mut rows = match awaited {
            None => delete_some(tx, user).await?,
            Some(_) => delete(tx, user, NEEDLESS).await?,
        };
        if rows == 0 && awaited == Some(Awaited::Hidden) {
            rows = delete(tx, user, BESIDE_HIDDEN).await?;
        }
        if rows == 0 && awaited.is_some() {
            return Ok(Progress::OpenIncident);
        }
        if rows > 0 {
            count(tx, self.erasure, rows).await?;
            tx.hint(Hint::DeviceChanged(erasure.app));
            return Ok(Progress::More);
        }
        // What a request that was under way wrote into the detached row.
        tx.execute_one(&WIPE, args![user]).await?;
        Ok(Progress::Empty(user))
    }
}

/// What an erasure waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// An incident that the phone knows of.
    Visible,
    /// Nothing but hidden ones.
    Hidden,
}

/// Whether any incident of the user is open, a hidden one too, or has an all-clear on
/// its way. A drill is not open.
async fn awaited(tx: &mut Tx<'_>, user: UserId) -> Result<Option<Awaited>, StoreError> {
    let ended_after = tx.now().minus(CLEARED_WITHIN);
    let open = tx.fetch_optional(&OPEN, args![user]).await?;
    let clearing = tx
        .fetch_optional(&CLEARING, args![user, ended_after])
        .await?;
    let mut found = None;
    for row in [open, clearing].into_iter().flatten() {
        if !row.get::<bool>(0)? {
            return Ok(Some(Awaited::Visible));
        }
        found = Some(Awaited::Hidden);
    }
    Ok(found)
}

/// Whether an erasure has to wait: see [`Awaited`].
pub(super) async fn has_open_incident(tx: &mut Tx<'_>, user: UserId) -> Result<bool, StoreError> {
    Ok(awaited(tx, user).await?.is_some())
}

/// Takes name and external id from the row and has connections cut, once. Answers for
/// what the things that help needs have to stay.
pub(super) async fn detach(
    tx: &mut Tx<'_>,
    erasure: RecordId,
    app: AppUuid,
    user: UserId,
) -> Result<Option<Awaited>, StoreError> {
    let nobody = format!("erased:{erasure}");
    let now = tx.now();
    let awaited = awaited(tx, user).await?;
    let detach = if awaited.is_some() {
        &DETACH_IN_DANGER
    } else {
        &DETACH
    };
    if tx.execute(detach, args![user, &nobody, now]).await? > 0 {
        tx.hint(Hint::DeviceChanged(app));
        control::raise(tx).await?;
    }
    Ok(awaited)
}

/// Deletes all there is, until a batch is full; answers how many rows went.
pub(super) async fn delete_some(tx: &mut Tx<'_>, user: UserId) -> Result<u64, StoreError> {
    let rows = delete(tx, user, ALL).await?;
    if rows >= u64::from(BATCH) {
        return Ok(rows);
    }
    // Those of the user's own incidents are gone by now.
    Ok(rows + tx.execute(&ALERTS_OF_OTHERS, args![user]).await?)
}

async fn delete(
    tx: &mut Tx<'_>,
    user: UserId,
    statements: &[&'static Sql],
) -> Result<u64, StoreError> {
    let mut rows = 0;
    for statement in statements {
        rows += tx.execute(statement, args![user, BATCH]).await?;
        if rows >= u64::from(BATCH) {
            break;
        }
    }
    Ok(rows)
}
