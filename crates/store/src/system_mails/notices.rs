//! Mails that nobody asked for: of sign-ins, ended sessions, new contacts; and what an
//! app's owner is told. An app sends the first three while its branding says so.

use std::time::Duration;

use mayday_core::contact::NewContact;
use mayday_core::ids::{AppUuid, EndpointId, UserId};
use mayday_core::mail::SystemMailKind;
use mayday_core::sso::LoginDevice;

use super::{SystemMail, enqueue};
use crate::args;
use crate::error::StoreError;
use crate::mail_settings;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users::UserRow;
use crate::{user_settings, users, webhooks};

/// Devices that are remembered of a user.
const MAX_DEVICES: i64 = 50;

/// Mails to new contacts that one user can cause ..
const MAX_TO_CONTACTS: i64 = 10;
/// .. within this time.
const CONTACTS_WITHIN: Duration = Duration::from_hours(24);

static SEEN: Sql =
    Sql::new("UPDATE login_devices SET seen_at = $3 WHERE user_id = $1 AND device = $2");
static KNOWN: Sql = Sql::new("SELECT count(*) FROM login_devices WHERE user_id = $1");
static REMEMBER: Sql = Sql::new(
    "INSERT INTO login_devices (user_id, device, first_at, seen_at) VALUES ($1, $2, $3, $3)
     ON CONFLICT (user_id, device) DO NOTHING",
);
static FORGET: Sql = Sql::new(
    "DELETE FROM login_devices WHERE user_id = $1 AND device IN
        (SELECT device FROM login_devices WHERE user_id = $1
         ORDER BY seen_at DESC, device LIMIT 1000 OFFSET $2)",
);
static TO_CONTACTS: Sql = Sql::new(
    "SELECT count(*) FROM system_mails WHERE user_id = $1 AND kind = $2 AND created_at > $3",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&SEEN, &KNOWN, &REMEMBER, &FORGET, &TO_CONTACTS];

/// A user logged in: a device that is not among those seen before is told of. The
/// first one ever is not, since there is nothing that it could stand out from.
pub(crate) async fn signed_in(
    tx: &mut Tx<'_>,
    (app, user): (AppUuid, UserId),
    device: &LoginDevice,
) -> Result<(), StoreError> {
    let now = tx.now();
    let key = device.id.as_ref().or(device.name.as_ref());
    let key = key.map_or("", String::as_str);
    if tx.execute(&SEEN, args![user, key, now]).await? > 0 {
        return Ok(());
    }
    let known: i64 = tx.fetch_one(&KNOWN, args![user]).await?.get(0)?;
    tx.execute(&REMEMBER, args![user, key, now]).await?;
    if known >= MAX_DEVICES {
        tx.execute(&FORGET, args![user, MAX_DEVICES]).await?;
    }
    if known == 0 {
        return Ok(());
    }
    let values = [("device", shown(device))];
    to_user(tx, (app, user), SystemMailKind::NewSignIn, &values).await
}

/// A session made room for one on another device.
pub(crate) async fn evicted(
    tx: &mut Tx<'_>,
    about: (AppUuid, UserId),
    device: &LoginDevice,
    by: &LoginDevice,
) -> Result<(), StoreError> {
    let values = [("device", shown(device)), ("by_device", shown(by))];
    to_user(tx, about, SystemMailKind::SessionEnded, &values).await
}

/// Somebody was listed as a contact, or their address was. A user cannot have many
/// strangers mailed.
pub(crate) async fn contact_added(
    tx: &mut Tx<'_>,
    (app, user): (AppUuid, UserId),
    contact: &NewContact,
) -> Result<(), StoreError> {
    if !mail_settings::branding(tx, app).await?.notices {
        return Ok(());
    }
    let kind = SystemMailKind::ContactAdded;
    let since = tx.now().minus(CONTACTS_WITHIN);
    let sent = args![user, kind.as_str(), since];
    let sent: i64 = tx.fetch_one(&TO_CONTACTS, sent).await?.get(0)?;
    if sent >= MAX_TO_CONTACTS {
        return Ok(());
    }
    let mail = SystemMail {
        app,
        user: Some(user),
        to: &contact.email,
        language: Some(&contact.language),
        kind,
        values: &[("contact", &contact.name)],
    };
    enqueue(tx, &mail).await.map(|_| ())
}

/// An endpoint is given up on: the app's owner is told, if there is one.
pub(crate) async fn webhook_failing(
    tx: &mut Tx<'_>,
    app: AppUuid,
    endpoint: EndpointId,
    error: &str,
) -> Result<(), StoreError> {
    let Some(owner) = mail_settings::branding(tx, app).await?.owner_email else {
        return Ok(());
    };
    let found = webhooks::find(tx, app, endpoint).await?;
    let shown = found.map_or_else(String::new, |endpoint| {
        format!("{} ({})", endpoint.name, endpoint.shown_url)
    });
    let mail = SystemMail {
        app,
        user: None,
        to: &owner,
        language: None,
        kind: SystemMailKind::WebhookFailing,
        values: &[("endpoint", &shown), ("error", error)],
    };
    enqueue(tx, &mail).await.map(|_| ())
}

async fn to_user(
    tx: &mut Tx<'_>,
    (app, user): (AppUuid, UserId),
    kind: SystemMailKind,
    values: &[(&str, &str)],
) -> Result<(), StoreError> {
    if !mail_settings::branding(tx, app).await?.notices {
        return Ok(());
    }
    let row = users::get(tx, user).await?;
    let Some(to) = row.as_ref().and_then(UserRow::address) else {
        return Ok(());
    };
    let settings = user_settings::get(tx, user).await?;
    let mail = SystemMail {
        app,
        user: Some(user),
        to,
        language: settings.language.as_deref(),
        kind,
        values,
    };
    enqueue(tx, &mail).await.map(|_| ())
}

/// As people know it.
fn shown(device: &LoginDevice) -> &str {
    let name = device.name.as_ref().or(device.id.as_ref());
    name.map_or("", String::as_str)
}
