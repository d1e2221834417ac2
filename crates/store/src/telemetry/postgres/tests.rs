//! Batches write their rows in one order, whatever order they arrive in: two
//! batches over the same rows wait for each other and never deadlock.

use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::writer::{INSERT, LATEST};
use crate::store::Database;
use crate::testing::TestStore;

/// Neither ascending nor descending.
const SHUFFLED: [i64; 5] = [3, 1, 5, 2, 4];

async fn connection(store: &TestStore) -> PgConnection {
    let Database::Postgres(url) = &store.config.database else {
        panic!("a store on PostgreSQL");
    };
    PgConnection::connect(url).await.unwrap()
}

/// The numbers of the rows as they lie in the table, which is how they were written.
async fn as_written(connection: &mut PgConnection, statement: &'static str) -> Vec<i64> {
    let rows = sqlx::query(statement).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn samples_are_written_in_the_order_of_their_keys() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let mut connection = connection(&store).await;
    let size = SHUFFLED.len();
    sqlx::query(INSERT)
        .bind(vec![Uuid::from_u128(1); size])
        .bind(SHUFFLED.to_vec())
        .bind(vec![String::new(); size])
        .bind(vec![String::new(); size])
        .bind(vec![0_i64; size])
        .bind(vec![41.5_f64; size])
        .bind(vec![2.25_f64; size])
        .bind(vec![None::<f64>; size])
        .bind(vec![None::<f64>; size])
        .bind(vec![None::<Uuid>; size])
        .bind(vec![true; size])
        .bind(vec!["{}".to_owned(); size])
        .execute(&mut connection)
        .await
        .unwrap();
    let written = as_written(
        &mut connection,
        "SELECT measured_at FROM telemetry ORDER BY ctid",
    );
    assert_eq!(written.await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn newest_positions_are_written_in_the_order_of_their_users() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let mut connection = connection(&store).await;
    let size = SHUFFLED.len();
    let users = SHUFFLED.map(|n| Uuid::from_u128(u128::try_from(n).unwrap()));
    sqlx::query(LATEST)
        .bind(users.to_vec())
        .bind(SHUFFLED.to_vec())
        .bind(vec![0_i64; size])
        .bind(vec![41.5_f64; size])
        .bind(vec![2.25_f64; size])
        .bind(vec![None::<f64>; size])
        .bind(vec![None::<f64>; size])
        .execute(&mut connection)
        .await
        .unwrap();
    let written = as_written(
        &mut connection,
        "SELECT measured_at FROM telemetry_latest ORDER BY ctid",
    );
    assert_eq!(written.await, [1, 2, 3, 4, 5]);
}
