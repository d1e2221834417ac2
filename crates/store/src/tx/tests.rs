//! Every kind of value goes in and comes out the same on both databases, on a
//! connection that reads and on the one that writes.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use mayday_core::ids::UserId;
use mayday_core::time::Timestamp;
use uuid::Uuid;

use crate::arg::Arg;
use crate::args;
use crate::command::{Command, Lane};
use crate::error::StoreError;
use crate::on_both;
use crate::sql::Sql;
use crate::testing::TestStore;
use crate::tx::Tx;

static ECHO: Sql = Sql::per_dialect(
    "SELECT $1, $2, $3, $4, $5, $6",
    "SELECT $1::uuid, $2::text, $3::bigint, $4::double precision, $5::boolean, $6::bytea",
);
static EACH_ID: Sql = Sql::per_dialect(
    "SELECT unhex(value) FROM json_each($1)",
    "SELECT unnest($1::uuid[])",
);
static EACH_TEXT: Sql = Sql::per_dialect(
    "SELECT value FROM json_each($1)",
    "SELECT unnest($1::text[])",
);
static EACH_NUMBER: Sql = Sql::per_dialect(
    "SELECT value FROM json_each($1)",
    "SELECT unnest($1::bigint[])",
);
static SWAPPED: Sql = Sql::per_dialect("SELECT $2, $1, $2", "SELECT $2::text, $1::text, $2::text");
static KEEP: Sql = Sql::new(
    "INSERT INTO dead_letters (id, app_id, user_id, transport, reason, fields, raw, raw_bytes, \
     received_at) VALUES ($1, $1, $1, 'mqtt', 'x', '[]', $2, 1, 0)",
);
static KEEP_NEW: Sql = Sql::new(
    "INSERT INTO dead_letters (id, app_id, user_id, transport, reason, fields, raw, raw_bytes, \
     received_at) VALUES ($1, $1, $1, 'mqtt', 'x', '[]', $2, 1, 0) ON CONFLICT DO NOTHING",
);
static NO_TEXT: Sql = Sql::new("SELECT CAST(x'ff61' AS TEXT)");
static ONE: Sql = Sql::new("SELECT 1");
static NOTHING: Sql = Sql::new("SELECT 1 WHERE FALSE");

/// What is asked of a transaction of either kind.
type Question = for<'t, 'c> fn(&'t mut Tx<'c>) -> BoxFuture<'t, ()>;

/// Asks it where commands run.
struct Asked(Question);

impl Command for Asked {
    type Output = ();
    const NAME: &'static str = "test.asked";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        (self.0)(tx).await;
        Ok(())
    }
}

async fn on_each_connection(store: &TestStore, question: Question) {
    question(&mut store.read().await.unwrap()).await;
    store.write(Lane::Rest, Asked(question)).await.unwrap();
}

on_both!(values_come_back_as_they_went_in, |store| async move {
    on_each_connection(&store, |tx| values_come_back(tx).boxed()).await;
});

on_both!(lists_are_read_element_by_element, |store| async move {
    on_each_connection(&store, |tx| lists_are_read(tx).boxed()).await;
});

on_both!(a_row_too_few_is_an_error, |store| async move {
    on_each_connection(&store, |tx| a_row_too_few(tx).boxed()).await;
});

on_both!(placeholders_are_told_by_their_numbers, |store| async move {
    on_each_connection(&store, |tx| placeholders_are_told(tx).boxed()).await;
});

/// Keeps a row; a second time, if not twice over.
struct Keep {
    again: &'static Sql,
}

impl Command for Keep {
    type Output = [u64; 2];
    const NAME: &'static str = "test.keep";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<[u64; 2], StoreError> {
        let values = args![Uuid::from_u128(7), b"z".as_slice()];
        let first = tx.execute(&KEEP, values).await?;
        Ok([first, tx.execute(self.again, values).await?])
    }
}

on_both!(a_row_that_is_there_is_told, |store| async move {
    let twice = store.write(Lane::Rest, Keep { again: &KEEP }).await;
    assert!(twice.unwrap_err().is_unique_violation());
    let once = store.write(Lane::Rest, Keep { again: &KEEP_NEW }).await;
    assert_eq!(once.unwrap(), [1, 0]);
});

/// Gives one value where two are asked for.
struct Forgotten;

impl Command for Forgotten {
    type Output = usize;
    const NAME: &'static str = "test.forgotten";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<usize, StoreError> {
        Ok(tx.fetch_all(&SWAPPED, args!["a"]).await?.len())
    }
}

#[tokio::test]
async fn a_missing_value_is_no_null() {
    let store = TestStore::sqlite().await;
    let error = store.write(Lane::Rest, Forgotten).await.unwrap_err();
    assert!(!error.is_transient(), "a fault of ours: {error}");
}

/// A text that is none, as a damaged file or a foreign tool leaves it.
#[tokio::test]
async fn a_text_that_is_none_is_the_rows_fault_and_not_the_connections() {
    let store = TestStore::sqlite().await;
    on_each_connection(&store, |tx| {
        async move {
            let error = tx.fetch_all(&NO_TEXT, args![]).await.unwrap_err();
            assert!(!error.is_transient(), "{error}");
            assert!(tx.fetch_one(&ONE, args![]).await.is_ok());
        }
        .boxed()
    })
    .await;
    assert!(!store.stats().failing);
}

async fn placeholders_are_told(tx: &mut Tx<'_>) {
    let row = tx.fetch_one(&SWAPPED, args!["a", "b"]).await.unwrap();
    let got: Vec<String> = (0..3).map(|index| row.get(index).unwrap()).collect();
    assert_eq!(got, ["b", "a", "b"]);
}

async fn values_come_back(tx: &mut Tx<'_>) {
    let id = UserId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
    let bytes = vec![0_u8, 1, 255];
    let time = Timestamp::from_micros(1_788_948_000_123_456);
    let values = args![id, "ä\n\"'$1", time, 0.1_f64, true, &bytes];
    let row = tx.fetch_one(&ECHO, values).await.unwrap();
    assert_eq!(row.get::<UserId>(0).unwrap(), id);
    assert_eq!(row.get::<String>(1).unwrap(), "ä\n\"'$1");
    assert_eq!(row.get::<Timestamp>(2).unwrap(), time);
    assert!((row.get::<f64>(3).unwrap() - 0.1).abs() < f64::EPSILON);
    assert!(row.get::<bool>(4).unwrap());
    assert_eq!(row.get::<Vec<u8>>(5).unwrap(), bytes);

    let none = [
        Arg::Uuid(None),
        Arg::Text(None),
        Arg::Int(None),
        Arg::Float(None),
        Arg::Bool(None),
        Arg::Bytes(None),
    ];
    let row = tx.fetch_one(&ECHO, &none).await.unwrap();
    assert_eq!(row.get::<Option<UserId>>(0).unwrap(), None);
    assert_eq!(row.get::<Option<String>>(1).unwrap(), None);
    assert_eq!(row.get::<Option<i64>>(2).unwrap(), None);
    assert_eq!(row.get::<Option<f64>>(3).unwrap(), None);
    assert_eq!(row.get::<Option<bool>>(4).unwrap(), None);
    assert_eq!(row.get::<Option<Vec<u8>>>(5).unwrap(), None);
    assert!(matches!(
        row.get::<UserId>(0),
        Err(StoreError::Column { .. })
    ));
    assert!(matches!(row.get::<i64>(9), Err(StoreError::Column { .. })));
}

async fn lists_are_read(tx: &mut Tx<'_>) {
    let ids = [Uuid::from_u128(1), Uuid::from_u128(u128::MAX)];
    let texts = ["a\"b".to_owned(), String::new()];
    let numbers = [i64::MIN, 0, i64::MAX];
    let rows = tx.fetch_all(&EACH_ID, args![ids.as_slice()]).await.unwrap();
    let got: Vec<Uuid> = rows.iter().map(|row| row.get(0).unwrap()).collect();
    assert_eq!(got, ids);
    let rows = tx
        .fetch_all(&EACH_TEXT, args![texts.as_slice()])
        .await
        .unwrap();
    let got: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();
    assert_eq!(got, texts);
    let rows = tx
        .fetch_all(&EACH_NUMBER, args![numbers.as_slice()])
        .await
        .unwrap();
    let got: Vec<i64> = rows.iter().map(|row| row.get(0).unwrap()).collect();
    assert_eq!(got, numbers);
}

async fn a_row_too_few(tx: &mut Tx<'_>) {
    assert_eq!(
        tx.fetch_one(&ONE, args![])
            .await
            .unwrap()
            .get::<i64>(0)
            .unwrap(),
        1
    );
    assert!(
        tx.fetch_optional(&NOTHING, args![])
            .await
            .unwrap()
            .is_none()
    );
    let missing = tx.fetch_one(&NOTHING, args![]).await;
    assert!(matches!(
        missing,
        Err(StoreError::RowCount {
            expected: 1,
            got: 0,
            ..
        })
    ));
}
