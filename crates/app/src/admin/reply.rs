//! What an administrator is answered.

use std::fmt;

use serde::{Deserialize, Serialize};

use mayday_core::field::FieldError;
use mayday_core::identity::AppPolicy;
use mayday_core::ids::{AppUuid, DeviceId, IncidentId, RecordId, SecretId, UserId};
use mayday_core::time::Timestamp;

use crate::data_rights::ExportPage;
use crate::doctor::Finding;
use crate::senders::ProviderHealth;

use super::admin_keys::AdminKeyView;
use super::bans::BanView;
use super::broker_keys::BrokerKeyView;
use super::data_rights::ErasureView;
use super::firmware::FirmwareView;
use super::incidents::{IncidentDetail, IncidentSummary};
use super::mails::MailReply;
use super::partner_keys::PartnerKeyView;
use super::policies::{PolicyHistoryItem, PolicyView};
use super::providers::{OptOutView, ShownView, TestAttempt};
use super::provisioning::{DeviceConfigEntry, DeviceConfigView, NetworkKeyView};
use super::sessions::SessionItem;
use super::sso::SsoView;
use super::webhook_requests::WebhookReply;

/// The answer to an [`super::AdminRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum AdminReply {
    /// A new app and its first secret.
    AppCreated(AppCreated),
    /// All apps by id.
    Apps {
        /// The apps.
        apps: Vec<AppView>,
    },
    /// One app after the change.
    App(AppView),
    /// A new secret.
    SecretAdded(SecretAdded),
    /// The secrets of an app, oldest first.
    Secrets {
        /// The secrets.
        secrets: Vec<SecretView>,
    },
    /// One secret after the change.
    Secret(SecretView),
    /// A page of users.
    Users(Page<UserView>),
    /// One user.
    User(UserView),
    /// A page of devices.
    Devices(Page<DeviceView>),
    /// One device after the decision.
    Device(DeviceView),
    /// A page of dead letters.
    DeadLetters(Page<DeadLetterView>),
    /// A page of unattributed SOS.
    Unattributed(Page<UnattributedView>),
    /// A page of alerts.
    Alerts(Page<AlertView>),
    /// One alert after it was closed.
    Alert(AlertView),
    /// How far the rotation of the master key is.
    KeyRotation(KeyRotation),
    /// The entries of an app's device configurations by name.
    DeviceConfigs {
        /// The entries.
        entries: Vec<DeviceConfigEntry>,
    },
    /// One device configuration.
    DeviceConfig(DeviceConfigView),
    /// A network key, without the key.
    NetworkKey(NetworkKeyView),
    /// The pieces of this release may come.
    FirmwareBegun {
        /// The release.
        release_id: RecordId,
        /// Bytes of each piece but the last.
        piece_bytes: usize,
    },
    /// One firmware release.
    Firmware(FirmwareView),
    /// The firmware releases of an app, by model and age.
    Firmwares {
        /// The releases.
        releases: Vec<FirmwareView>,
    },
    /// A new broker key.
    BrokerKeyCreated {
        /// What is kept of it.
        key: BrokerKeyView,
        /// The key, shown this once.
        secret: PrintedSecret,
    },
    /// One broker key, without the key.
    BrokerKey(BrokerKeyView),
    /// All broker keys, newest first.
    BrokerKeys {
        /// The keys.
        keys: Vec<BrokerKeyView>,
    },
    /// A page of bans.
    Bans(Page<BanView>),
    /// What a doctor found.
    Findings {
        /// One per check.
        findings: Vec<Finding>,
    },
    /// A page of incidents.
    Incidents(Page<IncidentSummary>),
    /// One incident.
    Incident(Box<IncidentDetail>),
    /// How an app's users log in with its tokens.
    Sso(SsoView),
    /// A page of live sessions.
    Sessions(Page<SessionItem>),
    /// Sessions were revoked.
    SessionsEnded {
        /// How many were live.
        ended: usize,
    },
    /// A page of everything about a user.
    Export(ExportPage),
    /// An erasure that was begun.
    Erasure(ErasureView),
    /// The erasures of an app, newest first.
    Erasures {
        /// The erasures.
        erasures: Vec<ErasureView>,
    },
    /// About webhooks and Slack channels.
    Webhook(WebhookReply),
    /// About how an app's mails look.
    Mail(MailReply),
    /// A new key of the admin API.
    AdminKeyCreated {
        /// What is kept of it.
        key: AdminKeyView,
        /// The key, shown this once.
        secret: PrintedSecret,
    },
    /// One key of the admin API, without the key.
    AdminKey(AdminKeyView),
    /// All keys of the admin API, newest first.
    AdminKeys {
        /// The keys.
        keys: Vec<AdminKeyView>,
    },
    /// A new key of an app's backend.
    PartnerKeyCreated {
        /// What is kept of it.
        key: PartnerKeyView,
        /// The key, shown this once.
        secret: PrintedSecret,
    },
    /// One key of an app's backend, without the key.
    PartnerKey(PartnerKeyView),
    /// The keys of an app's backend, newest first.
    PartnerKeys {
        /// The keys.
        keys: Vec<PartnerKeyView>,
    },
    /// How an app escalates.
    Policy(PolicyView),
    /// A page of the versions of a policy.
    PolicyHistory(Page<PolicyHistoryItem>),
    /// Each provider and the mail server, by channel.
    Providers {
        /// How they fare.
        providers: Vec<ProviderHealth>,
    },
    /// What became of a test.
    ProviderTest {
        /// One by one.
        attempts: Vec<TestAttempt>,
    },
    /// What was shown instead of being sent, oldest first.
    Screen {
        /// The messages.
        messages: Vec<ShownView>,
    },
    /// A page of numbers whose owners want no more messages.
    OptOuts(Page<OptOutView>),
    /// It was done.
    Done,
    /// What was named is gone.
    Removed,
}

/// How far the rotation of the master key is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum KeyRotation {
    /// The new key lies in `master.key` and waits to be copied to the other nodes.
    Waiting {
        /// The new key's fingerprint.
        fingerprint: String,
    },
    /// There is more to do: ask again.
    GoingOn {
        /// Values sealed anew by this request.
        values: u64,
    },
    /// The new key alone is in use.
    Done {
        /// Values sealed anew by this request.
        values: u64,
        /// The new key's fingerprint.
        fingerprint: String,
    },
}

/// Why an administrator's request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum AdminError {
    /// Something in the request is wrong; the message says what to do.
    #[error("{message}")]
    Invalid {
        /// For a person.
        message: String,
    },
    /// One member of the request is wrong; the message says what to do.
    #[error("{message}")]
    Member {
        /// Its name in the request.
        member: String,
        /// For a person.
        message: String,
    },
    /// There is no such thing; the message names it.
    #[error("{message}")]
    NotFound {
        /// For a person.
        message: String,
    },
    /// The state does not allow it; the message says what to do first.
    #[error("{message}")]
    Conflict {
        /// For a person.
        message: String,
    },
    /// A secret would be sealed or opened, and the store has no master key.
    #[error("the master key is not here: name with --data-dir the directory where it lies")]
    KeyMissing,
    /// The store cannot commit now; nothing was changed.
    #[error("the store is not available now, nothing was changed: try again")]
    Unavailable,
    /// A fault of ours; details are in the server's log.
    #[error("internal error: see the server's log")]
    Internal,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next_cursor: Option<String>,
}

/// A secret in the only answer that ever shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrintedSecret(pub String);

impl fmt::Debug for PrintedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrintedSecret(..)")
    }
}

/// A new app and its first secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppCreated {
    /// The app.
    pub app: AppView,
    /// The id of the secret.
    pub secret_id: SecretId,
    /// The secret, shown this once.
    pub secret: PrintedSecret,
}

/// A new secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretAdded {
    /// The app's public id.
    pub app_id: String,
    /// The id of the secret.
    pub secret_id: SecretId,
    /// The secret, shown this once.
    pub secret: PrintedSecret,
}

/// An app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppView {
    /// The internal id, `appId` in events.
    pub id: AppUuid,
    /// The public id.
    pub app_id: String,
    /// The name for people.
    pub name: String,
    /// Whether its users are let in.
    pub active: bool,
    /// Its policy.
    pub policy: AppPolicy,
    /// How many secrets sign at the moment.
    pub live_secrets: u32,
    /// Days that telemetry is kept, if that is less than the server keeps it; `None`:
    /// as long as the server does.
    pub retention_days: Option<u32>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A secret without its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretView {
    /// Its id.
    pub secret_id: SecretId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was retired; `None` while it signs.
    pub retired_at: Option<Timestamp>,
}

/// A user as administrators see them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserView {
    /// The internal id.
    pub id: UserId,
    /// The app's public id.
    pub app_id: String,
    /// The partner's id.
    pub external_user_id: String,
    /// The name.
    pub name: Option<String>,
    /// The mail address.
    pub email: Option<String>,
    /// The phone.
    pub phone: Option<String>,
    /// The postal address.
    pub address: Option<String>,
    /// When the user was blocked; `None` while let in.
    pub blocked_at: Option<Timestamp>,
    /// First contact.
    pub created_at: Timestamp,
    /// Last contact, to the quarter of an hour.
    pub last_seen_at: Timestamp,
}

/// A device as a user lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceView {
    /// The id of the registration.
    pub id: DeviceId,
    /// The canonical identifier, as given.
    pub hardware_id: String,
    /// Another text that names it.
    pub alias: Option<String>,
    /// Who lists it.
    pub user_id: UserId,
    /// The partner's id of that user.
    pub external_user_id: String,
    /// `owner`: relays of the device are this user's SOS; `contested`: somebody
    /// else's, who lists it too.
    pub ownership: String,
    /// When an administrator decided for this user.
    pub assigned_at: Option<Timestamp>,
    /// What kind of device it is.
    pub hardware_model: Option<String>,
    /// What runs on it.
    pub firmware_version: Option<String>,
    /// When the phone paired with it.
    pub paired_at: Option<Timestamp>,
    /// When this user named it first.
    pub created_at: Timestamp,
    /// When this user named it last.
    pub updated_at: Timestamp,
}

/// A telemetry message that could not be stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetterView {
    /// Its id.
    pub id: RecordId,
    /// Who sent it.
    pub user_id: UserId,
    /// `http` or `mqtt`.
    pub transport: String,
    /// Why it was not stored.
    pub reason: String,
    /// What is wrong with which field.
    pub fields: Vec<FieldError>,
    /// The first 8 KiB of what was sent; bytes that are no UTF-8 are replaced.
    pub body: String,
    /// How long the whole body was, in bytes.
    pub body_bytes: i64,
    /// When it came.
    pub received_at: Timestamp,
}

/// A relayed SOS of a device that nobody has registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnattributedView {
    /// Its id.
    pub id: RecordId,
    /// The gateway's user.
    pub gateway_user_id: UserId,
    /// `http` or `mqtt`.
    pub transport: String,
    /// The device as named; `None` when it named none.
    pub device_id: Option<String>,
    /// The other name of the device.
    pub hardware_id: Option<String>,
    /// The node it came from.
    pub originator_node_id: Option<u32>,
    /// The node that relayed it.
    pub relay_node_id: Option<u32>,
    /// Where, in degrees.
    pub latitude: Option<f64>,
    /// Where, in degrees.
    pub longitude: Option<f64>,
    /// What is odd about it.
    pub flags: Vec<String>,
    /// The incident that it became, once the device was known.
    pub incident_id: Option<IncidentId>,
    /// How often it came, each time within ten minutes of the last.
    pub reports: i64,
    /// The first 8 KiB of what was sent first; bytes that are no UTF-8 are replaced.
    pub body: String,
    /// The same of what was sent last, if it came more than once.
    pub latest_body: Option<String>,
    /// When it came first.
    pub received_at: Timestamp,
    /// When it came last.
    pub last_received_at: Timestamp,
    /// When it became an incident or an operator closed its alert.
    pub settled_at: Option<Timestamp>,
}

/// Something that operators were told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertView {
    /// Its id.
    pub id: RecordId,
    /// What it is about, such as `cancel_requested`.
    pub kind: String,
    /// The user it is about.
    pub user_id: Option<UserId>,
    /// The incident it is about.
    pub incident_id: Option<IncidentId>,
    /// More, for a person to read.
    pub detail: serde_json::Value,
    /// When it was raised.
    pub created_at: Timestamp,
    /// When what it is about was over; `None` while it waits for an operator.
    pub closed_at: Option<Timestamp>,
}
