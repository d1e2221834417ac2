//! Looks through every table of a store, for tests of what must be gone.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::TestStore;
use crate::hex;
use crate::store::Database;

impl TestStore {
    /// The tables in which some row holds these bytes: as a value, or within
    /// one. On PostgreSQL, which tells ids apart from bytes, 16 bytes are looked
    /// for as an id too.
    pub async fn tables_holding(&self, bytes: &[u8]) -> Vec<String> {
        match &self.config.database {
            Database::Embedded => self.sqlite_tables_holding(bytes).await,
            Database::Postgres(url) => postgres_tables_holding(url, bytes).await,
        }
    }

    async fn sqlite_tables_holding(&self, bytes: &[u8]) -> Vec<String> {
        let file = self.config.data_dir.join("mayday.db");
        let options = SqliteConnectOptions::new().filename(file);
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .expect("the database opens");
        let tables = "SELECT t.name, group_concat('instr(hex(CAST(' || c.name || ' AS BLOB)), $1) > 0', ' OR ')
             FROM sqlite_schema t, pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' GROUP BY t.name ORDER BY t.name";
        let tables = connection.fetch_all(tables).await.expect("the tables");
        let wanted = hex::encode(bytes).to_uppercase();
        let mut found = Vec::new();
        for table in tables {
            let (name, condition): (String, String) = (table.get(0), table.get(1));
            let question = format!("SELECT count(*) FROM {name} WHERE {condition}");
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(question))
                .bind(&wanted)
                .fetch_one(&mut connection)
                .await
                .expect("a count");
            if rows > 0 {
                found.push(name);
            }
        }
        found
    }
}

async fn postgres_tables_holding(url: &str, bytes: &[u8]) -> Vec<String> {
    let options: PgConnectOptions = url.parse().expect("a URL");
    let mut connection = PgConnection::connect_with(&options)
        .await
        .expect("the database opens");
    // Partitions are seen through their tables.
    let tables = "SELECT c.relname::text FROM pg_class c
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
            AND NOT c.relispartition ORDER BY 1";
    let tables = connection.fetch_all(tables).await.expect("the tables");
    let digits = hex::encode(bytes);
    let id = uuid::Uuid::from_slice(bytes).map_or_else(|_| digits.clone(), |id| id.to_string());
    let text = String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| digits.clone());
    let mut found = Vec::new();
    for table in tables {
        let name: String = table.get(0);
        let question = format!(
            "SELECT count(*) FROM {name} t WHERE position($1 IN t::text) > 0
                OR position($2 IN t::text) > 0 OR position($3 IN t::text) > 0"
        );
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(question))
            .bind(&digits)
            .bind(&id)
            .bind(&text)
            .fetch_one(&mut connection)
            .await
            .expect("a count");
        if rows > 0 {
            found.push(name);
        }
    }
    found
}
