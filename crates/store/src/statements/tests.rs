//! Every statement is prepared on both databases; both schemas are compared.

use std::collections::BTreeMap;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, SqlSafeStr as _};

use super::ALL;
use crate::dialect::Dialect;
use crate::secrets::columns::SEALED;
use crate::store::Database;
use crate::testing::TestStore;

async fn sqlite(store: &TestStore) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(store.config.data_dir.join("mayday.db"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn postgres(store: &TestStore) -> PgConnection {
    let Database::Postgres(url) = &store.config.database else {
        panic!("not a PostgreSQL store");
    };
    let options: PgConnectOptions = url.parse().unwrap();
    PgConnection::connect_with(&options).await.unwrap()
}

fn texts(dialect: Dialect) -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_columns = SEALED.iter().flat_map(move |column| {
        let statements = column.statements().into_iter();
        statements.map(move |sql| (column.table, sql.text(dialect)))
    });
    let of_nouns = ALL.iter().flat_map(move |(noun, statements)| {
        statements.iter().map(move |sql| (*noun, sql.text(dialect)))
    });
    of_nouns.chain(of_columns)
}

#[tokio::test]
async fn sqlite_prepares_every_statement() {
    let store = TestStore::sqlite().await;
    let mut connection = sqlite(&store).await;
    for (noun, text) in texts(Dialect::Sqlite) {
        let prepared = connection.prepare(text.into_sql_str()).await;
        assert!(prepared.is_ok(), "{noun}: {text}: {:?}", prepared.err());
    }
}

#[tokio::test]
async fn postgres_prepares_every_statement() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let mut connection = postgres(&store).await;
    for (noun, text) in texts(Dialect::Postgres) {
        let prepared = connection.prepare(text.into_sql_str()).await;
        assert!(prepared.is_ok(), "{noun}: {text}: {:?}", prepared.err());
    }
}

/// Every `static NAME: Sql` of the crate stands in its file's `STATEMENTS`, and
/// every `STATEMENTS` stands in [`ALL`]; else the two tests above prove little.
#[test]
fn no_statement_is_left_out() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut directories = vec![root];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                files.push(path);
            }
        }
    }
    let listed: usize = ALL.iter().map(|(_, statements)| statements.len()).sum();
    let declared: usize = files
        .iter()
        .filter(|path| {
            let path = path.to_string_lossy();
            !path.ends_with("tests.rs") && !path.contains("/tests/")
        })
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines().filter(|line| declares(line)).count()
        })
        .sum();
    assert_eq!(
        listed, declared,
        "a statement is missing from a STATEMENTS list"
    );
}

fn declares(line: &str) -> bool {
    let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
    let line = line.strip_prefix("pub(super) ").unwrap_or(line);
    line.starts_with("static ") && line.contains(": Sql =")
}

/// Table, column, whether it may be null, and the kind of its type.
type Columns = BTreeMap<(String, String), (bool, &'static str)>;

/// Telemetry lies in files of its own on SQLite and in the same database on
/// PostgreSQL, so tables that begin with this have no counterpart.
const POSTGRES_ONLY: &str = "telemetry";

#[tokio::test]
async fn both_schemas_have_the_same_tables_and_columns() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let mut of_postgres = postgres_columns(&store).await;
    of_postgres.retain(|(table, _), _| !table.starts_with(POSTGRES_ONLY));
    let of_sqlite = sqlite_columns(&TestStore::sqlite().await).await;
    assert!(of_sqlite.keys().any(|(table, _)| table == "events"));
    for (column, kind) in &of_sqlite {
        assert_eq!(
            of_postgres.get(column),
            Some(kind),
            "PostgreSQL: {column:?}"
        );
    }
    for column in of_postgres.keys() {
        assert!(
            of_sqlite.contains_key(column),
            "only on PostgreSQL: {column:?}"
        );
    }
}

/// A column that names the key of a sealed value betrays a sealed column; each must
/// be on the list, or a rotation would lose it.
#[tokio::test]
async fn every_sealed_column_is_on_the_list() {
    let columns = sqlite_columns(&TestStore::sqlite().await).await;
    let mut found = 0;
    for (table, column) in columns.keys() {
        if column == "key_id" || column.ends_with("_key_id") {
            found += 1;
            let listed = SEALED.iter().filter(|sealed| sealed.table == table).count();
            assert!(listed > 0, "{table}.{column} is not in secrets/columns.rs");
        }
    }
    assert_eq!(found, SEALED.len());
}

async fn sqlite_columns(store: &TestStore) -> Columns {
    let mut connection = sqlite(store).await;
    let tables = connection
        .fetch_all(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        )
        .await
        .unwrap();
    let mut columns = Columns::new();
    for table in tables {
        let table: String = table.get(0);
        let question = format!("SELECT name, \"notnull\", type FROM pragma_table_info('{table}')");
        for column in connection.fetch_all(AssertSqlSafe(question)).await.unwrap() {
            let kind = match column.get::<String, _>(2).as_str() {
                "BLOB" => "bytes",
                "TEXT" => "text",
                "INTEGER" | "BIGINT" => "number",
                "REAL" => "float",
                other => panic!("{table}: {other}"),
            };
            let nullable = !column.get::<bool, _>(1);
            columns.insert((table.clone(), column.get(0)), (nullable, kind));
        }
    }
    columns
}

async fn postgres_columns(store: &TestStore) -> Columns {
    let mut connection = postgres(store).await;
    let rows = connection
        .fetch_all(
            "SELECT table_name::text, column_name::text, is_nullable = 'YES', data_type::text \
             FROM information_schema.columns WHERE table_schema = current_schema()",
        )
        .await
        .unwrap();
    rows.iter()
        .map(|row| {
            let kind = match row.get::<String, _>(3).as_str() {
                "uuid" | "bytea" => "bytes",
                "text" => "text",
                "bigint" | "boolean" => "number",
                "double precision" => "float",
                other => panic!("{}: {other}", row.get::<String, _>(0)),
            };
            ((row.get(0), row.get(1)), (row.get(2), kind))
        })
        .collect()
}
