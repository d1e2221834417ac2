//! The mails of a test's store, opened.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::TestStore;
use crate::args;
use crate::secrets::{Place, Sealed};
use crate::sql::Sql;

/// A mail that waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct TestMail {
    /// The word of its kind.
    #[serde(skip)]
    pub kind: String,
    /// Whom it goes to.
    pub to: String,
    /// What it says.
    pub values: BTreeMap<String, String>,
}

impl TestStore {
    /// The mails of the system that wait, oldest first.
    pub async fn mails(&self) -> Vec<TestMail> {
        static MAILS: Sql = Sql::new(
            "SELECT id, kind, sealed, key_id FROM system_mails WHERE sealed IS NOT NULL ORDER BY id",
        );
        let mut tx = self.read().await.expect("a read");
        let rows = tx.fetch_all(&MAILS, args![]).await.expect("mails");
        rows.iter()
            .map(|row| {
                let id: Uuid = row.get(0).expect("an id");
                let sealed = Sealed {
                    bytes: row.get(2).expect("a value"),
                    key_id: row.get(3).expect("a key"),
                };
                let place = Place {
                    table: "system_mails",
                    row: id,
                    column: "sealed",
                };
                let plain = tx.unseal(place, &sealed).expect("it opens");
                let mail: TestMail = serde_json::from_slice(&plain).expect("contents");
                TestMail {
                    kind: row.get(1).expect("a word"),
                    ..mail
                }
            })
            .collect()
    }
}
