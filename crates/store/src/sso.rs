//! How the users of an app log in with the app's own tokens: what an
//! administrator set (contract: SSO, Roles). Our key to the partner lies sealed.

use std::time::Duration;

use mayday_core::identity::AppId;
use mayday_core::ids::AppUuid;
use mayday_core::sso::{ClaimTerms, RequestForm, SessionPolicy};
use mayday_core::time::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use crate::alerts::{self, AlertKind, NewAlert};
use crate::apps;
use crate::args;
use crate::command::Command;
use crate::control;
use crate::error::StoreError;
use crate::row::Row;
use crate::secrets::{Place, Sealed};
use crate::sql::Sql;
use crate::tx::Tx;

static ALL: Sql = Sql::new(
    "SELECT s.id, s.audience, s.token_info_url, s.request_form, s.parameter, s.key_header,
        s.is_local, s.skew_seconds, s.max_lifetime_seconds, s.session_cap, s.access_seconds,
        s.idle_seconds, s.absolute_seconds, s.updated_at, s.sealed, s.key_id
     FROM sso_apps s ORDER BY s.id LIMIT $1",
);
static GET: Sql = Sql::new(
    "SELECT s.id, s.audience, s.token_info_url, s.request_form, s.parameter, s.key_header,
        s.is_local, s.skew_seconds, s.max_lifetime_seconds, s.session_cap, s.access_seconds,
        s.idle_seconds, s.absolute_seconds, s.updated_at, s.sealed, s.key_id
     FROM sso_apps s JOIN apps a ON a.id = s.id WHERE a.app_id = $1",
);
// Excludes a change of the settings until the transaction ends, and not another
// log-in.
static SHARE: Sql = Sql::per_dialect(
    "SELECT session_cap, access_seconds, idle_seconds, absolute_seconds
     FROM sso_apps WHERE id = $1",
    "SELECT session_cap, access_seconds, idle_seconds, absolute_seconds
     FROM sso_apps WHERE id = $1 FOR SHARE",
);
static PUT: Sql = Sql::new(
    "INSERT INTO sso_apps (id, audience, token_info_url, request_form, parameter, is_local,
        skew_seconds, max_lifetime_seconds, session_cap, access_seconds, idle_seconds,
        absolute_seconds, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     ON CONFLICT (id) DO UPDATE SET audience = excluded.audience,
        token_info_url = excluded.token_info_url, request_form = excluded.request_form,
        parameter = excluded.parameter, is_local = excluded.is_local,
        skew_seconds = excluded.skew_seconds,
        max_lifetime_seconds = excluded.max_lifetime_seconds,
        session_cap = excluded.session_cap, access_seconds = excluded.access_seconds,
        idle_seconds = excluded.idle_seconds, absolute_seconds = excluded.absolute_seconds,
        updated_at = excluded.updated_at",
);
static PUT_KEY: Sql =
    Sql::new("UPDATE sso_apps SET key_header = $2, sealed = $3, key_id = $4 WHERE id = $1");
static REMOVE: Sql = Sql::new("DELETE FROM sso_apps WHERE id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&ALL, &GET, &SHARE, &PUT, &PUT_KEY, &REMOVE];

/// What an administrator sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoSettings {
    /// Audience, skew and the longest life of a token.
    pub terms: ClaimTerms,
    /// Where tokens are asked about.
    pub token_info_url: String,
    /// How.
    pub form: RequestForm,
    /// The parameter that carries the token.
    pub parameter: String,
    /// Whether private addresses and plain HTTP are allowed.
    pub local: bool,
    /// How many sessions, for how long.
    pub sessions: SessionPolicy,
}

/// Our key to the partner. Never shown by `Debug`.
#[derive(Clone)]
pub struct PartnerKey {
    /// The header that it goes in.
    pub header: String,
    /// The key.
    pub key: Zeroizing<String>,
}

impl std::fmt::Debug for PartnerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartnerKey")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// An app's settings as stored.
#[derive(Clone, Debug)]
pub struct SsoRow {
    /// The app.
    pub app: AppUuid,
    /// What was set.
    pub settings: SsoSettings,
    /// The header of our key, when there is one.
    pub key_header: Option<String>,
    /// When it was set.
    pub updated_at: Timestamp,
    sealed: Option<Sealed>,
}

/// The settings of every app that has some, at most [`apps::MAX_APPS`].
pub async fn all(tx: &mut Tx<'_>) -> Result<Vec<SsoRow>, StoreError> {
    let rows = tx.fetch_all(&ALL, args![apps::MAX_APPS]).await?;
    rows.iter().map(read).collect()
}

/// The settings of an app.
pub async fn get(tx: &mut Tx<'_>, app: &AppId) -> Result<Option<SsoRow>, StoreError> {
    let row = tx.fetch_optional(&GET, args![app]).await?;
    row.as_ref().map(read).transpose()
}

/// Our key, opened. Needs the master key.
pub fn key(tx: &Tx<'_>, row: &SsoRow) -> Result<Option<PartnerKey>, StoreError> {
    let (Some(header), Some(sealed)) = (&row.key_header, &row.sealed) else {
        return Ok(None);
    };
    let plain = tx.unseal(place(row.app), sealed)?;
    let key = std::str::from_utf8(&plain)
        .map_err(|_| StoreError::column(14, "a partner's key is no text"))?;
    Ok(Some(PartnerKey {
        header: header.clone(),
        key: Zeroizing::new(key.to_owned()),
    }))
}

/// The sessions policy of an app, which stays as it is until the transaction ends.
/// `None` when the app's users do not log in so.
pub(crate) async fn share(
    tx: &mut Tx<'_>,
    app: AppUuid,
) -> Result<Option<SessionPolicy>, StoreError> {
    let row = tx.fetch_optional(&SHARE, args![app]).await?;
    row.as_ref().map(|row| policy(row, 0)).transpose()
}

/// What becomes of our key.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// It stays as it is.
    Keep,
    /// There is none from now on.
    Clear,
    /// This one.
    Set(PartnerKey),
}

/// Sets how an app's users log in. Answers the row; `None` when the app is
/// unknown.
#[derive(Clone, Debug)]
pub struct SetSso {
    /// The public id.
    pub app_id: AppId,
    /// What is set, as a whole.
    pub settings: SsoSettings,
    /// What becomes of our key.
    pub key: KeyChange,
}

impl Command for SetSso {
    type Output = Option<SsoRow>;

    const NAME: &'static str = "sso.set";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        let SsoSettings {
            terms,
            token_info_url,
            form,
            parameter,
            local,
            sessions,
        } = &self.settings;
        let now = tx.now();
        let values = args![
            app,
            &terms.audience,
            token_info_url,
            form.as_str(),
            parameter,
            *local,
            seconds(terms.skew),
            seconds(terms.max_lifetime),
            sessions.cap,
            seconds(sessions.access),
            seconds(sessions.idle),
            seconds(sessions.absolute),
            now,
        ];
        tx.execute_one(&PUT, values).await?;
        self.put_key(tx, app).await?;
        control::raise(tx).await?;
        get(tx, &self.app_id).await
    }
}

impl SetSso {
    async fn put_key(&self, tx: &mut Tx<'_>, app: AppUuid) -> Result<(), StoreError> {
        match &self.key {
            KeyChange::Keep => Ok(()),
            KeyChange::Clear => {
                let values = args![app, None::<&str>, None::<&[u8]>, None::<&str>];
                tx.execute_one(&PUT_KEY, values).await
            }
            KeyChange::Set(key) => {
                let sealed = tx.seal(place(app), key.key.as_bytes()).await?;
                let values = args![app, &key.header, &sealed.bytes, &sealed.key_id];
                tx.execute_one(&PUT_KEY, values).await
            }
        }
    }
}

/// Ends the log-in of an app's users by its tokens. Its sessions are ended apart
/// from it. Answers whether there was one; `None` when the app is unknown.
#[derive(Clone, Debug)]
pub struct RemoveSso {
    /// The public id.
    pub app_id: AppId,
}

impl Command for RemoveSso {
    type Output = Option<AppUuid>;

    const NAME: &'static str = "sso.remove";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        if tx.execute(&REMOVE, args![app]).await? > 0 {
            control::raise(tx).await?;
        }
        Ok(Some(app))
    }
}

const fn place(app: AppUuid) -> Place {
    Place {
        table: "sso_apps",
        row: app.uuid(),
        column: "sealed",
    }
}

/// Whole seconds, as a column holds them.
pub(crate) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// The duration of a column.
pub(crate) fn duration(row: &Row, column: usize) -> Result<Duration, StoreError> {
    Ok(Duration::from_secs(row.get::<u32>(column)?.into()))
}

fn policy(row: &Row, first: usize) -> Result<SessionPolicy, StoreError> {
    Ok(SessionPolicy {
        cap: row.get(first)?,
        access: duration(row, first + 1)?,
        idle: duration(row, first + 2)?,
        absolute: duration(row, first + 3)?,
    })
}

fn read(row: &Row) -> Result<SsoRow, StoreError> {
    let word: String = row.get(3)?;
    let bytes: Option<Vec<u8>> = row.get(14)?;
    let key_id: Option<String> = row.get(15)?;
    Ok(SsoRow {
        app: row.get(0)?,
        settings: SsoSettings {
            terms: ClaimTerms {
                audience: row.get(1)?,
                skew: duration(row, 7)?,
                max_lifetime: duration(row, 8)?,
            },
            token_info_url: row.get(2)?,
            form: RequestForm::parse(&word)
                .ok_or_else(|| StoreError::column(3, format!("{word} is no form of request")))?,
            parameter: row.get(4)?,
            local: row.get(6)?,
            sessions: policy(row, 9)?,
        },
        key_header: row.get(5)?,
        updated_at: row.get(13)?,
        sealed: bytes
            .zip(key_id)
            .map(|(bytes, key_id)| Sealed { key_id, bytes }),
    })
}

/// Tells operators that an app's token info URL fails, or that it answers again.
#[derive(Clone, Copy, Debug)]
pub struct TellTokenInfo {
    /// The app.
    pub app: AppUuid,
    /// Whether it fails.
    pub failing: bool,
}

impl Command for TellTokenInfo {
    type Output = ();

    const NAME: &'static str = "sso.tell_token_info";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let (kind, key) = (AlertKind::TokenInfoFailing, self.app.to_string());
        if !self.failing {
            return alerts::close(tx, kind, &key).await;
        }
        let alert = NewAlert {
            app: self.app,
            kind,
            key: &key,
            user: None,
            incident: None,
            detail: json!({"advice": "nobody can log in: `mayday doctor` says what is wrong"}),
        };
        alerts::raise(tx, alert).await
    }
}

#[cfg(test)]
mod tests;
