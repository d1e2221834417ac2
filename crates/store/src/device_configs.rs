//! What apps tell the devices of a country.

use mayday_core::device_config::DEFAULT_ENTRY;
use mayday_core::identity::AppId;
use mayday_core::ids::AppUuid;
use mayday_core::time::Timestamp;

use crate::apps;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// The most entries of an app: every country there can be, and the default.
pub const MAX_ENTRIES: u32 = 26 * 26 + 1;

static PUT: Sql = Sql::new(
    "INSERT INTO device_configs (app_id, country, body, updated_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (app_id, country) DO UPDATE SET body = excluded.body,
        updated_at = excluded.updated_at",
);
static DELETE: Sql = Sql::new("DELETE FROM device_configs WHERE app_id = $1 AND country = $2");
static FIND: Sql = Sql::new(
    "SELECT country, body, updated_at FROM device_configs WHERE app_id = $1 AND country = $2",
);
static OF_APP: Sql = Sql::new(
    "SELECT country, length(body), updated_at FROM device_configs WHERE app_id = $1
     ORDER BY country LIMIT $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&PUT, &DELETE, &FIND, &OF_APP];

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceConfig {
    /// Two upper-case letters, or [`DEFAULT_ENTRY`].
    pub country: String,
    /// A JSON object.
    pub body: String,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// An entry as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceConfigSize {
    /// Two upper-case letters, or [`DEFAULT_ENTRY`].
    pub country: String,
    /// Characters of its JSON.
    pub characters: u32,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// The entry of this name and no other.
pub async fn find(
    tx: &mut Tx<'_>,
    app: AppUuid,
    entry: &str,
) -> Result<Option<DeviceConfig>, StoreError> {
    let row = tx.fetch_optional(&FIND, args![app, entry]).await?;
    row.map(|row| {
        Ok(DeviceConfig {
            country: row.get(0)?,
            body: row.get(1)?,
            updated_at: row.get(2)?,
        })
    })
    .transpose()
}

/// The entry that a device is told: its country's, else the default.
pub async fn for_country(
    tx: &mut Tx<'_>,
    app: AppUuid,
    country: Option<&str>,
) -> Result<Option<DeviceConfig>, StoreError> {
    if let Some(country) = country
        && let Some(found) = find(tx, app, country).await?
    {
        return Ok(Some(found));
    }
    find(tx, app, DEFAULT_ENTRY).await
}

/// All entries of an app by name.
pub async fn of_app(tx: &mut Tx<'_>, app: AppUuid) -> Result<Vec<DeviceConfigSize>, StoreError> {
    let rows = tx.fetch_all(&OF_APP, args![app, MAX_ENTRIES]).await?;
    rows.iter()
        .map(|row| {
            Ok(DeviceConfigSize {
                country: row.get(0)?,
                characters: row.get(1)?,
                updated_at: row.get(2)?,
            })
        })
        .collect()
}

/// Sets or, without a body, removes an entry. Answers whether there is, or was,
/// such an entry; `None` when the app is unknown.
#[derive(Clone, Debug)]
pub struct SetDeviceConfig {
    /// The app's public id.
    pub app_id: AppId,
    /// Two upper-case letters, or [`DEFAULT_ENTRY`].
    pub entry: String,
    /// A JSON object; `None` removes the entry.
    pub body: Option<String>,
}

impl Command for SetDeviceConfig {
    type Output = Option<bool>;

    const NAME: &'static str = "device_config.set";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        let Some(body) = &self.body else {
            let gone = tx.execute(&DELETE, args![app, &self.entry]).await?;
            return Ok(Some(gone > 0));
        };
        let now = tx.now();
        tx.execute_one(&PUT, args![app, &self.entry, body, now])
            .await?;
        Ok(Some(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Lane;
    use crate::on_both;
    use crate::testing::TestStore;

    async fn set(
        store: &TestStore,
        app_id: &AppId,
        entry: &str,
        body: Option<&str>,
    ) -> Option<bool> {
        let set = SetDeviceConfig {
            app_id: app_id.clone(),
            entry: entry.to_owned(),
            body: body.map(str::to_owned),
        };
        store.write(Lane::Rest, set).await.unwrap()
    }

    on_both!(
        a_country_is_told_its_own_entry_else_the_default,
        |store| async move {
            let app = store.app("shop").await;
            let other = store.app("other").await;
            let told = async |country: Option<&str>| {
                let mut tx = store.read().await.unwrap();
                let found = for_country(&mut tx, app.id, country).await.unwrap();
                found.map(|config| config.body)
            };
            assert_eq!(
                set(&store, &other.app_id, "ES", Some("{}")).await,
                Some(true)
            );
            assert_eq!(told(Some("ES")).await, None);
            set(&store, &app.app_id, "ES", Some(r#"{"a":1}"#)).await;
            assert_eq!(told(Some("ES")).await.unwrap(), r#"{"a":1}"#);
            assert_eq!(told(Some("FR")).await, None);
            assert_eq!(told(None).await, None);
            set(&store, &app.app_id, DEFAULT_ENTRY, Some(r#"{"a":2}"#)).await;
            set(&store, &app.app_id, "ES", Some(r#"{"a":3}"#)).await;
            assert_eq!(told(Some("ES")).await.unwrap(), r#"{"a":3}"#);
            assert_eq!(told(Some("FR")).await.unwrap(), r#"{"a":2}"#);
            assert_eq!(told(None).await.unwrap(), r#"{"a":2}"#);
            let mut tx = store.read().await.unwrap();
            let listed = of_app(&mut tx, app.id).await.unwrap();
            drop(tx);
            let names: Vec<_> = listed.iter().map(|entry| entry.country.as_str()).collect();
            assert_eq!(names, ["ES", DEFAULT_ENTRY]);
            assert_eq!(set(&store, &app.app_id, "ES", None).await, Some(true));
            assert_eq!(set(&store, &app.app_id, "ES", None).await, Some(false));
            let nobody = AppId::parse("nobody").unwrap();
            assert_eq!(set(&store, &nobody, "ES", Some("{}")).await, None);
        }
    );
}
