//! Steps that carry rows over, on a database that holds some.

use uuid::Uuid;

use super::*;
use crate::testing::{PrivateDatabase, START};

const APP: Uuid = Uuid::from_u128(1);
const USER: Uuid = Uuid::from_u128(2);
const INCIDENT: Uuid = Uuid::from_u128(3);

impl Schema<'_> {
    /// Applies the steps from one number up to, not including, another.
    async fn apply_steps(&mut self, from: i64, before: i64) {
        if from == 0 {
            self.execute(CREATE_TABLE).await.unwrap();
        }
        let steps = MIGRATIONS.iter();
        for step in steps.filter(|step| (from..before).contains(&step.number)) {
            self.apply(step, START).await.unwrap();
        }
    }

    /// Runs a statement with ids as its parameters; everything else is written out.
    async fn run(&mut self, sql: &'static str, ids: &[Uuid]) -> Result<(), sqlx::Error> {
        on!(self, connection => {
            let query = sqlx::query(sql);
            let query = ids.iter().fold(query, |query, id| query.bind(*id));
            query.execute(&mut **connection).await.map(|_| ())
        })
    }

    /// The rows of a statement that answers with text alone.
    async fn texts(&mut self, sql: &'static str) -> Vec<Vec<Option<String>>> {
        on!(self, connection => {
            let rows = connection.fetch_all(sql).await.unwrap();
            let texts = |row: &_| (0..columns(row)).map(|index| text(row, index)).collect();
            rows.iter().map(texts).collect()
        })
    }

    async fn put_incident(&mut self) {
        let app = "INSERT INTO apps (id, app_id, name, require_expiring, cancel_policy, created_at) \
             VALUES ($1, 'shop', 'Shop', FALSE, 'relay_only', 1)";
        self.run(app, &[APP]).await.unwrap();
        let user = "INSERT INTO users (id, app_id, external_id, created_at, updated_at, last_seen_at) \
             VALUES ($1, $2, 'ana', 1, 1, 1)";
        self.run(user, &[USER, APP]).await.unwrap();
        let incident = "INSERT INTO incidents (id, app_id, user_id, state, created_at, updated_at, \
             actuators, opening, flags, snapshot_version, round, triggers, last_trigger_at, \
             phone_offset) \
             VALUES ($1, $2, $3, 'active', 1, 1, '{}', '{}', '', 1, 1, 1, 1, 0)";
        self.run(incident, &[INCIDENT, APP, USER]).await.unwrap();
    }

    /// An attempt of 0020 on which every column says something.
    async fn put_attempt(&mut self, number: u128, sql: &'static str) -> Result<(), sqlx::Error> {
        let (id, contact) = (Uuid::from_u128(100 + number), Uuid::from_u128(10 + number));
        self.run(sql, &[id, INCIDENT, contact]).await
    }
}

fn columns(row: &impl sqlx::Row) -> usize {
    row.len()
}

fn text<'r, R: sqlx::Row>(row: &'r R, index: usize) -> Option<String>
where
    usize: sqlx::ColumnIndex<R>,
    Option<String>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    row.try_get(index).unwrap()
}

/// What attempts said before step 31, the provider's id last.
const SAID: &str = "SELECT name, channel, CAST(round AS TEXT), purpose, CAST(number AS TEXT), kind, \
    CAST(drill AS TEXT), CAST(real_send AS TEXT), address, language, state, \
    CAST(scheduled_at AS TEXT), CAST(sending_at AS TEXT), CAST(sent_at AS TEXT), \
    CAST(settled_at AS TEXT), skip_reason, CAST(tries AS TEXT), provider, CAST(try_at AS TEXT), \
    refused_by, code, error, answered_by, provider_id \
    FROM escalation_attempts ORDER BY name";

/// All columns; then as providers before step 31 could leave their ids.
macro_rules! attempt {
    ($name:literal, $provider:literal, $provider_id:literal) => {
        concat!(
            "INSERT INTO escalation_attempts (id, incident_id, contact_id, channel, round, \
             purpose, number, kind, drill, real_send, name, address, language, state, \
             scheduled_at, sending_at, sent_at, settled_at, skip_reason, tries, provider, try_at, \
             provider_id, refused_by, code, error, answered_by) \
             VALUES ($1, $2, $3, 'sms', 2, 'ask_again', 3, 'asked_again', FALSE, TRUE, '",
            $name,
            "', '+34600111222', 'es', 'delivered', 4, 5, 6, 7, 'ended', 8, ",
            $provider,
            ", 9, ",
            $provider_id,
            ", 'far,near', '30003', 'unreachable', 'human')"
        )
    };
}

const ANN: &str = attempt!("ann", "'main'", "'SM1'");
const BEN: &str = attempt!("ben", "'main'", "''");
const CID: &str = attempt!("cid", "'main'", "'SM1'");
const DAN: &str = attempt!("dan", "'spare'", "'SM1'");
const EVE: &str = attempt!("eve", "NULL", "NULL");

/// Step 31 takes attempts over as they are, but for ids that say nothing or that an
/// older attempt has already; both kinds of uniqueness hold from then on.
async fn attempts_are_carried_over(mut schema: Schema<'_>) {
    schema.apply_steps(0, 31).await;
    schema.put_incident().await;
    for (number, sql) in (1..).zip([ANN, BEN, CID, DAN, EVE]) {
        schema.put_attempt(number, sql).await.unwrap();
    }
    let mut expected = schema.texts(SAID).await;
    schema.apply_steps(31, i64::MAX).await;

    for index in [1, 2] {
        *expected[index].last_mut().unwrap() = None;
    }
    assert_eq!(schema.texts(SAID).await, expected);
    let ids: Vec<_> = expected
        .iter()
        .map(|row| row.last().cloned().flatten())
        .collect();
    let sm1 = || Some("SM1".to_owned());
    assert_eq!(ids, [sm1(), None, None, sm1(), None]);
    let counts = "SELECT CAST(doubts AS TEXT), CAST(absences AS TEXT) FROM escalation_attempts";
    assert_eq!(
        schema.texts(counts).await,
        vec![vec![Some("0".to_owned()); 2]; 5]
    );

    let same = schema.put_attempt(1, ANN).await;
    assert!(same.is_err(), "one attempt is there once");
    let taken = schema.put_attempt(6, ANN).await;
    assert!(taken.is_err(), "a provider's id belongs to one attempt");
    let moved = "INSERT INTO escalation_attempts (id, incident_id, contact_id, channel, round, \
         purpose, number, kind, drill, real_send, name, address, language, state, scheduled_at) \
         SELECT $1, incident_id, contact_id, channel, round, purpose, number, kind, drill, \
         real_send, 'moved', '+34600999999', language, 'scheduled', 1 \
         FROM escalation_attempts WHERE name = 'ann'";
    let elsewhere = schema.run(moved, &[Uuid::from_u128(200)]).await;
    elsewhere.expect("the same, to another number");
    let again = schema.run(moved, &[Uuid::from_u128(201)]).await;
    assert!(again.is_err(), "once to each number");
}

/// A session of before step 54: bytes are written differently in the two databases.
macro_rules! session {
    ($bytes:literal, $at:literal, $email:literal) => {
        concat!(
            "INSERT INTO sessions (id, app_id, user_id, subject, partner_digest, newest_pair, \
             used_pair, access_seconds, idle_seconds, created_at, used_at, expires_at, email) \
             VALUES ($1, $2, $3, 'ana', ",
            $bytes,
            ", 1, 0, 900, 900, ",
            $at,
            ", 9, 9, ",
            $email,
            ")"
        )
    };
}

const CODE: &str = "INSERT INTO verification_codes (id, app_id, user_id, purpose, request_id, address, \
     attempts, sends, expires_at, updated_at) \
     VALUES ($1, $2, $3, 'link', $4, 'ana@example.org', 2, '[5]', 6, 7)";

/// Step 54 takes the address that a user logged in with last, step 55 the codes that
/// were mailed, of which there may be several from then on.
async fn addresses_and_codes_are_carried_over(mut schema: Schema<'_>) {
    schema.apply_steps(0, 54).await;
    schema.put_incident().await;
    let sessions = match schema {
        Schema::Sqlite(_) => [
            session!("x'00'", 1, "'one@example.org'"),
            session!("x'00'", 3, "'two@example.org'"),
            session!("x'00'", 4, "NULL"),
        ],
        Schema::Postgres(_) => [
            session!("'\\x00'", 1, "'one@example.org'"),
            session!("'\\x00'", 3, "'two@example.org'"),
            session!("'\\x00'", 4, "NULL"),
        ],
    };
    for (number, sql) in (300..).zip(sessions) {
        let ids = [Uuid::from_u128(number), APP, USER];
        schema.run(sql, &ids).await.unwrap();
    }
    let code = |number| [Uuid::from_u128(number), APP, USER, Uuid::from_u128(number)];
    schema.run(CODE, &code(400)).await.unwrap();
    let second = schema.run(CODE, &code(401)).await;
    assert!(second.is_err(), "there was one code for each purpose");
    let codes = "SELECT purpose, address, CAST(attempts AS TEXT), sends, \
         CAST(expires_at AS TEXT), CAST(updated_at AS TEXT) FROM verification_codes";
    let before = schema.texts(codes).await;
    schema.apply_steps(54, i64::MAX).await;

    let vouched = "SELECT vouched_email, CAST(vouched_at AS TEXT), email FROM users";
    let two = Some("two@example.org".to_owned());
    assert_eq!(schema.texts(vouched).await, [[two, None, None]]);
    assert_eq!(schema.texts(codes).await, before);
    schema.run(CODE, &code(401)).await.unwrap();
    let twice = schema.run(CODE, &code(401)).await;
    assert!(twice.is_err(), "a code is there once");
}

mod addresses_and_codes_are_carried_over_by_steps_54_and_55 {
    use super::*;

    #[tokio::test]
    async fn sqlite() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        connection
            .execute("PRAGMA foreign_keys = ON")
            .await
            .unwrap();
        addresses_and_codes_are_carried_over(Schema::Sqlite(&mut connection)).await;
    }

    #[tokio::test]
    async fn postgres() {
        if let Some(database) = PrivateDatabase::create().await {
            let mut connection = PgConnection::connect(&database.url).await.unwrap();
            addresses_and_codes_are_carried_over(Schema::Postgres(&mut connection)).await;
        }
    }
}

mod attempts_are_carried_over_by_step_31 {
    use super::*;

    #[tokio::test]
    async fn sqlite() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        connection
            .execute("PRAGMA foreign_keys = ON")
            .await
            .unwrap();
        attempts_are_carried_over(Schema::Sqlite(&mut connection)).await;
    }

    #[tokio::test]
    async fn postgres() {
        if let Some(database) = PrivateDatabase::create().await {
            let mut connection = PgConnection::connect(&database.url).await.unwrap();
            attempts_are_carried_over(Schema::Postgres(&mut connection)).await;
        }
    }
}
