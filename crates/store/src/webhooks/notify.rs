//! Writes a notification for every endpoint that wants it, with its jobs, in the
//! transaction of what it tells of.

use mayday_core::escalation::Channel;
use mayday_core::ids::{AppUuid, DeliveryId, EndpointId, EventId, IncidentId, UserId};
use mayday_core::notification::{Envelope, EventFilter, NotificationType, compose};
use mayday_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::shield::readable;
use super::{MAX_PENDING, WEBHOOK_JOB, WEBHOOK_JOB_VERSION, channel_of, find};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::jobs::{self, NewJob};
use crate::policies;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// Behind everything that people wait for ..
const PRIORITY: i64 = 20;
/// .. but distress before all else that partners are told of.
const PRIORITY_OF_DISTRESS: i64 = 10;

static LISTENERS: Sql = Sql::new(
    "SELECT e.id, e.channel, e.events, e.backlog_full FROM webhook_endpoints e
     WHERE e.app_id = $1 AND e.removed_at IS NULL AND e.disabled_at IS NULL ORDER BY e.id",
);
static NAMES: Sql = Sql::new(
    "SELECT a.app_id, COALESCE(u.known_as, u.external_id), u.name
     FROM users u JOIN apps a ON a.id = u.app_id WHERE u.id = $1",
);
static KIND: Sql = Sql::new("SELECT kind FROM webhook_deliveries WHERE id = $1");
static INSERT: Sql = Sql::new(
    "INSERT INTO webhook_deliveries (id, endpoint_id, app_id, user_id, incident_id,
        notification_id, kind, body, state, attempts, tries, begun, due_at, created_at, updated_at,
        failed_at, error)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, $10, $11, $12, $12, $13, $14)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&LISTENERS, &NAMES, &KIND, &INSERT];

/// Something that partners are notified of.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// The app.
    pub app: AppUuid,
    /// The user whom it is about.
    pub user: UserId,
    /// The incident that it belongs to.
    pub incident: Option<IncidentId>,
    /// What happened.
    pub kind: NotificationType,
    /// What this type says: see [`NotificationType::fields`].
    pub data: Map<String, Value>,
    /// Whether it belongs to a drill.
    pub drill: bool,
    /// Not before this.
    pub due_at: Timestamp,
}

/// An endpoint that hears of something.
pub(super) struct Listener {
    pub(super) id: EndpointId,
    pub(super) channel: Channel,
    events: EventFilter,
    /// Whether too much waits for it already.
    full: bool,
}

impl Listener {
    pub(super) fn wants(&self, kind: NotificationType) -> bool {
        self.events.wants(kind)
    }
}

/// Writes a delivery and its job for every endpoint of the app that wants it. For
/// an app without endpoints this is one look into an index.
pub async fn notify(tx: &mut Tx<'_>, new: NewNotification) -> Result<(), StoreError> {
    let mut listeners = listeners(tx, new.app).await?;
    listeners.retain(|listener| listener.wants(new.kind));
    tell_these(tx, new, &listeners).await
}

/// Tells at once of something about a user that is no incident.
pub(crate) async fn notify_now<const N: usize>(
    tx: &mut Tx<'_>,
    (app, user): (AppUuid, UserId),
    kind: NotificationType,
    data: [(&str, Value); N],
) -> Result<(), StoreError> {
    let data = data
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    let new = NewNotification {
        app,
        user,
        incident: None,
        kind,
        data: data.collect(),
        drill: false,
        due_at: tx.now(),
    };
    notify(tx, new).await
}

/// The endpoints of an app that are told; one that cannot be read is passed over.
pub(super) async fn listeners(tx: &mut Tx<'_>, app: AppUuid) -> Result<Vec<Listener>, StoreError> {
    let rows = tx.fetch_all(&LISTENERS, args![app]).await?;
    let read = |row: &Row| {
        Ok(Listener {
            id: row.get(0)?,
            channel: channel_of(row, 1)?,
            events: EventFilter::from_stored(&row.get::<String>(2)?),
            full: row.get(3)?,
        })
    };
    Ok(readable(rows.iter().map(read).collect()))
}

pub(super) async fn tell_these(
    tx: &mut Tx<'_>,
    new: NewNotification,
    listeners: &[Listener],
) -> Result<(), StoreError> {
    if listeners.is_empty() {
        return Ok(());
    }
    let names = tx.fetch_one(&NAMES, args![new.user]).await?;
    let (app_id, user): (String, String) = (names.get(0)?, names.get(1)?);
    let name: Option<String> = names.get(2)?;
    let id = EventId::generate(tx.clock(), tx.entropy());
    let envelope = Envelope {
        id: id.uuid(),
        kind: new.kind,
        app_id: &app_id,
        user: &user,
        name: name.as_deref(),
        occurred_at: tx.now(),
        drill: new.drill,
        language: &policies::current(tx, new.app).await?.default_language,
    };
    let draft = Draft {
        app: new.app,
        user: Some(new.user),
        incident: new.incident,
        notification: id,
        kind: new.kind,
        body: compose(&envelope, new.data).to_string(),
    };
    for listener in listeners {
        draft.queue(tx, listener, new.due_at).await?;
    }
    Ok(())
}

struct Draft {
    app: AppUuid,
    user: Option<UserId>,
    incident: Option<IncidentId>,
    notification: EventId,
    kind: NotificationType,
    body: String,
}

impl Draft {
    /// Writes the delivery with its job; beyond the limit it is recorded as failed
    /// and can be replayed. What is told once an incident is queued all the same.
    async fn queue(
        &self,
        tx: &mut Tx<'_>,
        listener: &Listener,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        let of_distress = self.kind.is_of_distress();
        let due_at = Some(due_at).filter(|_| self.kind.is_told_always() || !listener.full);
        let id = DeliveryId::generate(tx.clock(), tx.entropy());
        self.insert(tx, (id, listener.id), due_at, false).await?;
        match due_at {
            Some(due_at) => {
                let key = key_of(id, 0);
                jobs::enqueue(tx, job_of(&key, (id, 0), due_at, of_distress)).await?;
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn insert(
        &self,
        tx: &mut Tx<'_>,
        (id, endpoint): (DeliveryId, EndpointId),
        due_at: Option<Timestamp>,
        begun: bool,
    ) -> Result<(), StoreError> {
        let now = tx.now();
        let full = due_at.is_none() && !begun;
        let error = format!("{MAX_PENDING} deliveries wait for this endpoint already");
        let values = args![
            id,
            endpoint,
            self.app,
            self.user,
            self.incident,
            self.notification,
            self.kind.as_str(),
            &self.body,
            if full { "failed" } else { "pending" },
            begun,
            due_at,
            now,
            full.then_some(now),
            full.then_some(error.as_str()),
        ];
        tx.execute_one(&INSERT, values).await
    }
}

/// Enqueues the job of a further attempt.
pub(super) async fn enqueue(
    tx: &mut Tx<'_>,
    delivery: DeliveryId,
    attempt: i64,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let (key, of_distress) = (
        key_of(delivery, attempt),
        is_of_distress(tx, delivery).await?,
    );
    let job = job_of(&key, (delivery, attempt), due_at, of_distress);
    jobs::enqueue(tx, job).await?;
    Ok(())
}

/// Enqueues the job of one attempt, or has the one that waits due by then.
pub(super) async fn enqueue_anew(
    tx: &mut Tx<'_>,
    delivery: DeliveryId,
    attempt: i64,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let (key, of_distress) = (
        key_of(delivery, attempt),
        is_of_distress(tx, delivery).await?,
    );
    let job = job_of(&key, (delivery, attempt), due_at, of_distress);
    jobs::wake(tx, job).await
}

async fn is_of_distress(tx: &mut Tx<'_>, delivery: DeliveryId) -> Result<bool, StoreError> {
    let row = tx.fetch_one(&KIND, args![delivery]).await?;
    let kind = NotificationType::parse(&row.get::<String>(0)?);
    Ok(kind.is_some_and(NotificationType::is_of_distress))
}

fn key_of(delivery: DeliveryId, attempt: i64) -> String {
    format!("{WEBHOOK_JOB}:{delivery}:{attempt}")
}

fn job_of(
    key: &str,
    (delivery, attempt): (DeliveryId, i64),
    due_at: Timestamp,
    of_distress: bool,
) -> NewJob<'_> {
    let priority = if of_distress {
        PRIORITY_OF_DISTRESS
    } else {
        PRIORITY
    };
    NewJob {
        kind: WEBHOOK_JOB,
        key,
        priority,
        due_at,
        payload: json!({
            "version": WEBHOOK_JOB_VERSION,
            "delivery": delivery,
            "attempt": attempt,
        }),
    }
}

/// Writes a test for one endpoint, without a job: whoever asked makes the attempt.
/// Output: whether the app has the endpoint.
#[derive(Clone, Debug)]
pub struct StartTest {
    /// The id of the delivery.
    pub delivery: DeliveryId,
    /// The id of the notification.
    pub notification: EventId,
    /// The app.
    pub app: AppUuid,
    /// The app's public id.
    pub app_id: String,
    /// Which endpoint.
    pub endpoint: EndpointId,
}

/// The `user` of a test, who is nobody.
const TEST_USER: &str = "mayday-test";

impl Command for StartTest {
    type Output = bool;
    const NAME: &'static str = "webhook.test";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        if find(tx, self.app, self.endpoint).await?.is_none() {
            return Ok(false);
        }
        if super::delivery(tx, self.app, self.delivery)
            .await?
            .is_some()
        {
            return Ok(true);
        }
        let envelope = Envelope {
            id: self.notification.uuid(),
            kind: NotificationType::Test,
            app_id: &self.app_id,
            user: TEST_USER,
            name: None,
            occurred_at: tx.now(),
            drill: false,
            language: "en",
        };
        let draft = Draft {
            app: self.app,
            user: None,
            incident: None,
            notification: self.notification,
            kind: NotificationType::Test,
            body: compose(&envelope, Map::new()).to_string(),
        };
        let place = (self.delivery, self.endpoint);
        draft.insert(tx, place, None, true).await?;
        Ok(true)
    }
}
