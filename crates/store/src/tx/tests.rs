//! Every kind of value goes in and comes out the same on both databases.

use mayday_core::ids::UserId;
use mayday_core::time::Timestamp;
use uuid::Uuid;

use crate::arg::Arg;
use crate::args;
use crate::error::StoreError;
use crate::on_both;
use crate::sql::Sql;

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
static ONE: Sql = Sql::new("SELECT 1");
static NOTHING: Sql = Sql::new("SELECT 1 WHERE FALSE");

on_both!(values_come_back_as_they_went_in, |store| async move {
    let id = UserId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
    let bytes = vec![0_u8, 1, 255];
    let time = Timestamp::from_micros(1_788_948_000_123_456);
    let mut tx = store.read().await.unwrap();
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
});

on_both!(lists_are_read_element_by_element, |store| async move {
    let ids = [Uuid::from_u128(1), Uuid::from_u128(u128::MAX)];
    let texts = ["a\"b".to_owned(), String::new()];
    let numbers = [i64::MIN, 0, i64::MAX];
    let mut tx = store.read().await.unwrap();
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
});

on_both!(a_row_too_few_is_an_error, |store| async move {
    let mut tx = store.read().await.unwrap();
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
});
