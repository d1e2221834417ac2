//! What an administrator may ask for.

use serde::{Deserialize, Serialize};

use mayday_core::identity::CancelPolicy;

use super::admin_keys::AdminKeyRequest;
use super::bans::BanRequest;
use super::broker_keys::BrokerKeyRequest;
use super::data_rights::DataRequest;
use super::firmware::FirmwareRequest;
use super::incidents::IncidentRequest;
use super::mails::MailRequest;
use super::partner_keys::PartnerKeyRequest;
use super::policies::PolicyRequest;
use super::providers::ProviderRequest;
use super::provisioning::{DeviceConfigRequest, NetworkKeyRequest};
use super::sessions::SessionRequest;
use super::sso::SsoRequest;
use super::webhook_requests::WebhookRequest;
use crate::doctor::DoctorRequest;

/// An administrator's request. Names come as typed and are checked when it is
/// carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum AdminRequest {
    /// Creates an app with its first secret: [`super::AdminReply::AppCreated`].
    AppCreate {
        /// The public id.
        app_id: String,
        /// A name for people; the id when missing.
        name: Option<String>,
    },
    /// All apps: [`super::AdminReply::Apps`].
    AppList,
    /// One app: [`super::AdminReply::App`].
    AppShow {
        /// The public id.
        app_id: String,
    },
    /// Changes for how long telemetry is kept: [`super::AdminReply::App`].
    AppSetRetention {
        /// The public id.
        app_id: String,
        /// Days; `None`: as long as the server keeps it.
        days: Option<u32>,
    },
    /// Activates or deactivates an app: [`super::AdminReply::App`].
    AppSetActive {
        /// The public id.
        app_id: String,
        /// Whether its users are let in.
        active: bool,
    },
    /// Changes what is given: [`super::AdminReply::App`].
    AppSetPolicy {
        /// The public id.
        app_id: String,
        /// Whether static hashes are refused.
        require_expiring: Option<bool>,
        /// Who may cancel somebody else's incident.
        cancel: Option<CancelPolicy>,
        /// Whether cancelling takes the PIN of a user who has one.
        #[serde(default)]
        cancel_signature: Option<bool>,
    },
    /// Adds a second secret: [`super::AdminReply::SecretAdded`].
    SecretAdd {
        /// The public id.
        app_id: String,
    },
    /// The secrets, live and retired, without their keys:
    /// [`super::AdminReply::Secrets`].
    SecretList {
        /// The public id.
        app_id: String,
    },
    /// Retires a secret for ever: [`super::AdminReply::Secret`].
    SecretRetire {
        /// The public id.
        app_id: String,
        /// The secret's id, as listed.
        secret_id: String,
    },
    /// The users of an app by external id: [`super::AdminReply::Users`].
    UserList {
        /// The public id.
        app_id: String,
        /// Which page.
        #[serde(default)]
        page: PageRequest,
    },
    /// One user: [`super::AdminReply::User`].
    UserShow {
        /// The public id.
        app_id: String,
        /// The partner's id of the user.
        external_id: String,
    },
    /// Blocks or unblocks a user: [`super::AdminReply::User`].
    UserSetBlocked {
        /// The public id.
        app_id: String,
        /// The partner's id of the user.
        external_id: String,
        /// Whether the user is refused everywhere.
        blocked: bool,
    },
    /// The devices of an app by identifier: [`super::AdminReply::Devices`].
    DeviceList {
        /// The public id.
        app_id: String,
        /// Only those that several users list.
        contested: bool,
        /// Which page.
        #[serde(default)]
        page: PageRequest,
    },
    /// Decides whose a device is, among those who list it:
    /// [`super::AdminReply::Device`].
    DeviceAssign {
        /// The public id.
        app_id: String,
        /// The partner's id of the user whose it is to be.
        external_id: String,
        /// A text that names the device.
        device: String,
    },
    /// Telemetry that could not be stored, newest first:
    /// [`super::AdminReply::DeadLetters`].
    DeadLetters {
        /// The public id.
        app_id: String,
        /// Which page.
        #[serde(default)]
        page: PageRequest,
    },
    /// Relayed SOS of unknown devices, newest first:
    /// [`super::AdminReply::Unattributed`].
    Unattributed {
        /// The public id.
        app_id: String,
        /// Which page.
        #[serde(default)]
        page: PageRequest,
    },
    /// An alert was dealt with, and with it an unattributed SOS:
    /// [`super::AdminReply::Alert`].
    AlertClose {
        /// The public id.
        app_id: String,
        /// The alert's id, as listed.
        alert_id: String,
    },
    /// What operators were told, newest first: [`super::AdminReply::Alerts`].
    Alerts(AlertsRequest),
    /// Goes on with replacing the master key, or begins to:
    /// [`super::AdminReply::KeyRotation`].
    KeyRotate {
        /// Every other node has the new `master.key`, or there is none.
        #[serde(default)]
        copied: bool,
    },
    /// About the keys of the admin API.
    AdminKey(AdminKeyRequest),
    /// About the keys of external brokers.
    BrokerKey(BrokerKeyRequest),
    /// About a user's data.
    Data(DataRequest),
    /// About what an app tells its devices by country.
    DeviceConfig(DeviceConfigRequest),
    /// About firmware releases.
    Firmware(FirmwareRequest),
    /// About incidents.
    Incident(IncidentRequest),
    /// About how an app's mails look.
    Mail(MailRequest),
    /// About the key of a radio network.
    NetworkKey(NetworkKeyRequest),
    /// About webhooks and Slack channels.
    Webhook(WebhookRequest),
    /// About the keys of an app's backend.
    PartnerKey(PartnerKeyRequest),
    /// About how an app escalates.
    Policy(PolicyRequest),
    /// About what this node sends through.
    Provider(ProviderRequest),
    /// About the sessions of an app's users.
    Session(SessionRequest),
    /// About the log-in of an app's users by the app's tokens.
    Sso(SsoRequest),
    /// What is wrong: [`super::AdminReply::Findings`].
    Doctor(DoctorRequest),
    /// About addresses whose log-ins are refused.
    Ban(BanRequest),
}

impl AdminRequest {
    /// Whether it seals or opens a secret; any other is carried out without the
    /// master key, too.
    pub const fn needs_master_key(&self) -> bool {
        match self {
            Self::AppCreate { .. } | Self::SecretAdd { .. } | Self::KeyRotate { .. } => true,
            Self::NetworkKey(request) => request.seals(),
            Self::Webhook(request) => request.needs_master_key(),
            Self::Sso(request) => request.seals(),
            Self::Doctor(request) => request.opens(),
            _ => false,
        }
    }
}

/// Which page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// How many at most: 1 to 1000, 100 when missing.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which of an app's alerts are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsRequest {
    /// The public id.
    pub app_id: String,
    /// Only those that wait for an operator.
    #[serde(default)]
    pub only_open: bool,
    /// Which page.
    #[serde(default)]
    pub page: PageRequest,
}
