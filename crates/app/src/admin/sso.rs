//! How an app's users log in with the app's own tokens: set, show, remove.

use std::time::Duration;

use mayday_core::ids::{AppUuid, UserId};
use mayday_core::sso::policy::{MAX_LIFETIME, MAX_SKEW};
use mayday_core::sso::{ClaimTerms, EndReason, RequestForm, SessionPolicy};
use mayday_core::time::Timestamp;
use mayday_gateway::introspection;
use mayday_store::Lane;
use mayday_store::sessions::{self, Which};
use mayday_store::sso::{self, KeyChange, PartnerKey, RemoveSso, SetSso, SsoRow, SsoSettings};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{AdminError, AdminReply, PrintedSecret, app_id, unknown_app};
use crate::App;

/// The longest audience, parameter or key, in bytes.
const MAX_TEXT_BYTES: usize = 512;

/// Users whose surplus is looked for at a time.
const USERS: u32 = 100;

/// About the log-in of an app's users by the app's tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum SsoRequest {
    /// Changes what is given; the first time audience and URL must be:
    /// [`AdminReply::Sso`].
    Set {
        /// The app's public id.
        app_id: String,
        /// What is changed.
        change: Box<SsoChange>,
    },
    /// What is set: [`AdminReply::Sso`].
    Show {
        /// The app's public id.
        app_id: String,
    },
    /// Users log in so no more, and all sessions end: [`AdminReply::Removed`].
    Remove {
        /// The app's public id.
        app_id: String,
    },
}

impl SsoRequest {
    /// Whether it seals or opens a secret.
    pub(super) const fn seals(&self) -> bool {
        matches!(self, Self::Set { .. })
    }
}

/// What is changed; whatever is missing stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SsoChange {
    /// The constant that tokens are for.
    pub audience: Option<String>,
    /// Where they are asked about.
    pub token_info_url: Option<String>,
    /// How.
    pub form: Option<RequestForm>,
    /// The parameter that carries the token.
    pub parameter: Option<String>,
    /// The header that our key goes in.
    pub key_header: Option<String>,
    /// Our key; the empty text for none.
    pub key: Option<PrintedSecret>,
    /// Whether private addresses and plain HTTP are allowed.
    pub local: Option<bool>,
    /// Seconds by which the partner's clock may differ.
    pub skew_seconds: Option<u32>,
    /// Seconds that a token may live.
    pub max_lifetime_seconds: Option<u32>,
    /// Sessions of one user at once.
    pub sessions: Option<u32>,
    /// Seconds that an access token lives.
    pub access_seconds: Option<u32>,
    /// Seconds that a session may be idle.
    pub idle_seconds: Option<u32>,
    /// Seconds that a session lives.
    pub absolute_seconds: Option<u32>,
}

/// What is set, without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SsoView {
    /// The app's public id.
    pub app_id: String,
    /// The constant that tokens are for.
    pub audience: String,
    /// Where they are asked about.
    pub token_info_url: String,
    /// How.
    pub form: RequestForm,
    /// The parameter that carries the token.
    pub parameter: String,
    /// The header that our key goes in; `None` without a key.
    pub key_header: Option<String>,
    /// Whether private addresses and plain HTTP are allowed.
    pub local: bool,
    /// Seconds by which the partner's clock may differ.
    pub skew_seconds: u64,
    /// Seconds that a token may live.
    pub max_lifetime_seconds: u64,
    /// Sessions of one user at once.
    pub sessions: u32,
    /// Seconds that an access token lives.
    pub access_seconds: u64,
    /// Seconds that a session may be idle.
    pub idle_seconds: u64,
    /// Seconds that a session lives.
    pub absolute_seconds: u64,
    /// When it was set.
    pub updated_at: Timestamp,
}

impl App {
    pub(super) async fn administer_sso(
        &self,
        request: SsoRequest,
    ) -> Result<AdminReply, AdminError> {
        match request {
            SsoRequest::Set { app_id, change } => self.set_sso(&app_id, *change).await,
            SsoRequest::Show { app_id } => self.show_sso(&app_id).await,
            SsoRequest::Remove { app_id } => self.remove_sso(&app_id).await,
        }
    }

    async fn show_sso(&self, id: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        super::secrets::known_app(&mut tx, &app_id).await?;
        let row = sso::get(&mut tx, &app_id).await?;
        let row = row.ok_or_else(|| AdminError::NotFound {
            message: format!(
                "the users of {app_id} do not log in with its tokens: `mayday sso set --app \
                 {app_id} --audience A --token-info-url URL`"
            ),
        })?;
        Ok(AdminReply::Sso(view(id, row)))
    }

    async fn set_sso(&self, id: &str, change: SsoChange) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let before = {
            let mut tx = self.store.read().await?;
            super::secrets::known_app(&mut tx, &app_id).await?;
            sso::get(&mut tx, &app_id).await?
        };
        let key = key_change(&change, before.as_ref())?;
        let header = match &key {
            KeyChange::Set(key) => Some(key.header.clone()),
            KeyChange::Keep => before.as_ref().and_then(|row| row.key_header.clone()),
            KeyChange::Clear => None,
        };
        let settings = settings(change, before.map(|row| row.settings))?;
        check_header(settings.form, header.as_deref())?;
        let set = SetSso {
            app_id: app_id.clone(),
            settings,
            key,
        };
        let row = self.store.write(Lane::Rest, set).await?;
        let row = row.ok_or_else(|| unknown_app(&app_id))?;
        let cap = row.settings.sessions.cap;
        self.end_for_all(row.app, cap, Which::Surplus, EndReason::Evicted)
            .await?;
        Ok(AdminReply::Sso(view(id, row)))
    }

    async fn remove_sso(&self, id: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let remove = RemoveSso {
            app_id: app_id.clone(),
        };
        let app = self.store.write(Lane::Rest, remove).await?;
        let app = app.ok_or_else(|| unknown_app(&app_id))?;
        self.end_for_all(app, 0, Which::All, EndReason::Revoked)
            .await?;
        Ok(AdminReply::Removed)
    }

    /// Ends sessions of each user of an app who has more than `more_than`, one
    /// user per transaction. Answers how many ended.
    pub(super) async fn end_for_all(
        &self,
        app: AppUuid,
        more_than: u32,
        which: Which,
        reason: EndReason,
    ) -> Result<usize, AdminError> {
        let mut ended = 0;
        let mut after = UserId(Uuid::nil());
        loop {
            let users = {
                let mut tx = self.store.read().await?;
                sessions::users_with_more_than(&mut tx, app, more_than, after, USERS).await?
            };
            let Some(last) = users.last() else {
                return Ok(ended);
            };
            after = *last;
            for user in users {
                ended += self.end_sessions(user, which, reason).await?.len();
            }
        }
    }
}

/// The settings after a change, checked as a whole.
fn settings(change: SsoChange, before: Option<SsoSettings>) -> Result<SsoSettings, AdminError> {
    let first = before.is_none();
    let before = before.unwrap_or_else(|| SsoSettings {
        terms: ClaimTerms {
            audience: String::new(),
            skew: Duration::from_mins(1),
            max_lifetime: Duration::from_hours(1),
        },
        token_info_url: String::new(),
        form: RequestForm::default(),
        parameter: "token".to_owned(),
        local: false,
        sessions: SessionPolicy::default(),
    });
    if first && (change.audience.is_none() || change.token_info_url.is_none()) {
        return Err(invalid(
            "the first time, audience and token info URL must be given",
        ));
    }
    let seconds = |given: Option<u32>, before: Duration| {
        given.map_or(before, |seconds| Duration::from_secs(seconds.into()))
    };
    let settings = SsoSettings {
        terms: ClaimTerms {
            audience: change.audience.unwrap_or(before.terms.audience),
            skew: seconds(change.skew_seconds, before.terms.skew),
            max_lifetime: seconds(change.max_lifetime_seconds, before.terms.max_lifetime),
        },
        token_info_url: change.token_info_url.unwrap_or(before.token_info_url),
        form: change.form.unwrap_or(before.form),
        parameter: change.parameter.unwrap_or(before.parameter),
        local: change.local.unwrap_or(before.local),
        sessions: SessionPolicy {
            cap: change.sessions.unwrap_or(before.sessions.cap),
            access: seconds(change.access_seconds, before.sessions.access),
            idle: seconds(change.idle_seconds, before.sessions.idle),
            absolute: seconds(change.absolute_seconds, before.sessions.absolute),
        },
    };
    check(&settings)?;
    Ok(settings)
}

fn check(settings: &SsoSettings) -> Result<(), AdminError> {
    let terms = &settings.terms;
    if !is_text(&terms.audience) || terms.audience.trim() != terms.audience {
        return Err(invalid("the audience is 1 to 512 visible characters"));
    }
    if terms.skew > MAX_SKEW {
        return Err(invalid("the skew is 0 to 300 seconds"));
    }
    if terms.max_lifetime < Duration::from_mins(1) || terms.max_lifetime > MAX_LIFETIME {
        return Err(invalid("a token lives 1 minute to 24 hours"));
    }
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if !is_text(&settings.parameter) || !settings.parameter.bytes().all(word) {
        return Err(invalid(
            "the parameter is a word of letters, digits, _, - and .",
        ));
    }
    introspection::check_url(&settings.token_info_url, settings.local)
        .map_err(|message| AdminError::Invalid { message })?;
    settings.sessions.check().map_err(invalid)
}

/// A question has one `Authorization`: with our key in it, the token would go nowhere.
fn check_header(form: RequestForm, header: Option<&str>) -> Result<(), AdminError> {
    let taken = header.is_some_and(|header| header.eq_ignore_ascii_case("authorization"));
    if form == RequestForm::Bearer && taken {
        return Err(invalid(
            "the header authorization carries the token (`--request bearer`): give the key \
             another with `--key-header`, such as x-api-key, together with `--key-file`",
        ));
    }
    Ok(())
}

fn key_change(change: &SsoChange, before: Option<&SsoRow>) -> Result<KeyChange, AdminError> {
    let Some(key) = &change.key else {
        return match &change.key_header {
            None => Ok(KeyChange::Keep),
            Some(_) => Err(invalid("give the key together with its header")),
        };
    };
    if key.0.is_empty() {
        return Ok(KeyChange::Clear);
    }
    let known = before.and_then(|row| row.key_header.clone());
    let header = change.key_header.clone().or(known);
    let header = header.unwrap_or_else(|| "authorization".to_owned());
    let token = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !is_text(&header) || !header.bytes().all(token) {
        return Err(invalid(
            "the key's header is a word of letters, digits, - and _",
        ));
    }
    let visible = |b: u8| b == b' ' || b.is_ascii_graphic();
    if key.0.len() > MAX_TEXT_BYTES || !key.0.bytes().all(visible) {
        return Err(invalid("the key is 1 to 512 characters of visible ASCII"));
    }
    Ok(KeyChange::Set(PartnerKey {
        header,
        key: Zeroizing::new(key.0.clone()),
    }))
}

fn is_text(text: &str) -> bool {
    (1..=MAX_TEXT_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn invalid(message: &str) -> AdminError {
    AdminError::Invalid {
        message: message.to_owned(),
    }
}

fn view(app_id: &str, row: SsoRow) -> SsoView {
    let SsoSettings {
        terms,
        token_info_url,
        form,
        parameter,
        local,
        sessions,
    } = row.settings;
    SsoView {
        app_id: app_id.to_owned(),
        audience: terms.audience,
        token_info_url,
        form,
        parameter,
        key_header: row.key_header,
        local,
        skew_seconds: terms.skew.as_secs(),
        max_lifetime_seconds: terms.max_lifetime.as_secs(),
        sessions: sessions.cap,
        access_seconds: sessions.access.as_secs(),
        idle_seconds: sessions.idle.as_secs(),
        absolute_seconds: sessions.absolute.as_secs(),
        updated_at: row.updated_at,
    }
}
