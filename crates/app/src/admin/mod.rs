//! Administration: everything behind `mayday app ..`, `mayday user ..`,
//! `mayday device ..`, `mayday inspect ..`, `mayday key rotate` and the other commands
//! that ask a server.
//!
//! A command line either opens the store itself or sends the same
//! [`AdminRequest`] to the running server's Unix socket; [`crate::App::admin`]
//! answers both. When a change of who is let in is answered, it is already in
//! force on this node.

mod admin_keys;
mod apps;
mod bans;
mod broker_keys;
mod data_rights;
mod deliveries;
mod device_configs;
mod devices;
mod firmware;
mod incidents;
mod keys;
mod mails;
mod network_keys;
mod page;
mod partner_keys;
mod policies;
mod providers;
mod provisioning;
mod records;
mod reply;
mod request;
mod secrets;
mod sessions;
mod sso;
mod users;
mod webhook_requests;
mod webhooks;

use mayday_core::identity::{AppId, ExternalUserId};
use mayday_store::{SealError, StoreError};

pub use admin_keys::{AdminKeyRequest, AdminKeyView};
pub use bans::{BanRequest, BanView};
pub use broker_keys::{BrokerKeyRequest, BrokerKeyView};
pub use data_rights::{DataRequest, ErasureView};
pub use firmware::{FirmwareRequest, FirmwareView, HexBytes};
pub use incidents::{
    ActionView, DeclineView, HelperView, IncidentDetail, IncidentRequest, IncidentSummary,
    LinkView, MessageView, PersonView,
};
pub use mails::{
    BrandingChange, BrandingView, MailReply, MailRequest, MailSample, MailSource, OwnParts,
    TemplateView, built_in_sample,
};
pub use partner_keys::{PartnerKeyRequest, PartnerKeyView};
pub use policies::{PolicyHistoryItem, PolicyRequest, PolicyView, SettingChange};
pub use providers::{OptOutView, ProviderRequest, ShownView, TestAttempt};
pub use provisioning::{
    DeviceConfigEntry, DeviceConfigRequest, DeviceConfigView, NetworkKeyRequest, NetworkKeyView,
};
pub use reply::{
    AdminError, AdminReply, AlertView, AppCreated, AppView, DeadLetterView, DeviceView,
    KeyRotation, Page, PrintedSecret, SecretAdded, SecretView, UnattributedView, UserView,
};
pub use request::{AdminRequest, AlertsRequest, PageRequest};
pub(crate) use secrets::known_app;
pub use sessions::{SessionItem, SessionRequest, SessionTarget};
pub use sso::{SsoChange, SsoRequest, SsoView};
pub use webhook_requests::{
    ApiKeyView, AttemptView, DeliveryDetail, DeliveryView, EndpointOf, EndpointView, NewEndpoint,
    RangeOf, WebhookReply, WebhookRequest,
};

use crate::{App, AppError};

impl App {
    /// Carries out an administrator's request.
    pub async fn admin(&self, request: AdminRequest) -> Result<AdminReply, AdminError> {
        let reply = self.administer(request).await?;
        if reply.is_change() {
            // The watch would see it within half a second; whoever blocked
            // somebody should not have to wait even for that.
            if let Err(error) = self.follow().await {
                tracing::warn!(%error, "the change is stored; this node follows in a moment");
            }
        }
        Ok(reply)
    }

    async fn administer(&self, request: AdminRequest) -> Result<AdminReply, AdminError> {
        match request {
            AdminRequest::AppCreate { app_id, name } => self.create_app(&app_id, name).await,
            AdminRequest::AppList => self.list_apps().await,
            AdminRequest::AppShow { app_id } => self.show_app(&app_id).await,
            AdminRequest::AppSetRetention { app_id, days } => {
                self.set_app_retention(&app_id, days).await
            }
            AdminRequest::AppSetActive { app_id, active } => {
                self.set_app_active(&app_id, active).await
            }
            AdminRequest::AppSetPolicy {
                app_id,
                require_expiring,
                cancel,
                cancel_signature,
            } => {
                self.set_app_policy(&app_id, require_expiring, cancel, cancel_signature)
                    .await
            }
            AdminRequest::SecretAdd { app_id } => self.add_secret(&app_id).await,
            AdminRequest::SecretList { app_id } => self.list_secrets(&app_id).await,
            AdminRequest::SecretRetire { app_id, secret_id } => {
                self.retire_secret(&app_id, &secret_id).await
            }
            AdminRequest::UserList { app_id, page } => self.list_users(&app_id, &page).await,
            AdminRequest::UserShow {
                app_id,
                external_id,
            } => self.show_user(&app_id, &external_id).await,
            AdminRequest::UserSetBlocked {
                app_id,
                external_id,
                blocked,
            } => self.set_user_blocked(&app_id, &external_id, blocked).await,
            AdminRequest::DeviceList {
                app_id,
                contested,
                page,
            } => self.list_devices(&app_id, contested, &page).await,
            AdminRequest::DeviceAssign {
                app_id,
                external_id,
                device,
            } => self.assign_device(&app_id, &external_id, &device).await,
            AdminRequest::DeadLetters { app_id, page } => self.dead_letters(&app_id, &page).await,
            AdminRequest::Unattributed { app_id, page } => self.unattributed(&app_id, &page).await,
            AdminRequest::Alerts(request) => self.alerts(&request).await,
            AdminRequest::AlertClose { app_id, alert_id } => {
                self.close_alert(&app_id, &alert_id).await
            }
            AdminRequest::KeyRotate { copied } => self.rotate_key(copied).await,
            AdminRequest::AdminKey(request) => self.administer_admin_keys(request).await,
            AdminRequest::BrokerKey(request) => self.administer_broker_keys(request).await,
            AdminRequest::Data(request) => self.administer_data(request).await,
            AdminRequest::DeviceConfig(request) => self.administer_device_configs(request).await,
            AdminRequest::Firmware(request) => self.administer_firmware(request).await,
            AdminRequest::Incident(request) => self.administer_incidents(request).await,
            AdminRequest::Mail(request) => self.administer_mails(request).await,
            AdminRequest::NetworkKey(request) => self.administer_network_keys(request).await,
            AdminRequest::Webhook(request) => self.administer_webhooks(request).await,
            AdminRequest::PartnerKey(request) => self.administer_partner_keys(request).await,
            AdminRequest::Policy(request) => self.administer_policies(request).await,
            AdminRequest::Provider(request) => self.administer_providers(request).await,
            AdminRequest::Session(request) => self.administer_sessions(request).await,
            AdminRequest::Sso(request) => self.administer_sso(request).await,
            AdminRequest::Doctor(request) => self.administer_doctor(request).await,
            AdminRequest::Ban(request) => self.administer_bans(request).await,
        }
    }
}

impl AdminReply {
    /// Whether it answers a change of who is let in.
    const fn is_change(&self) -> bool {
        match self {
            Self::AppCreated(_)
            | Self::App(_)
            | Self::SecretAdded(_)
            | Self::Secret(_)
            | Self::User(_)
            | Self::BrokerKeyCreated { .. }
            | Self::BrokerKey(_)
            | Self::SessionsEnded { .. }
            | Self::Sso(_)
            | Self::Removed => true,
            Self::Apps { .. }
            | Self::Secrets { .. }
            | Self::Users(_)
            | Self::Devices(_)
            | Self::Device(_)
            | Self::DeadLetters(_)
            | Self::Unattributed(_)
            | Self::Alerts(_)
            | Self::Alert(_)
            | Self::KeyRotation(_)
            | Self::DeviceConfigs { .. }
            | Self::DeviceConfig(_)
            | Self::NetworkKey(_)
            | Self::BrokerKeys { .. }
            | Self::Incidents(_)
            | Self::Incident(_)
            | Self::Export(_)
            | Self::Erasure(_)
            | Self::Erasures { .. }
            | Self::FirmwareBegun { .. }
            | Self::Firmware(_)
            | Self::Firmwares { .. }
            | Self::Sessions(_)
            | Self::Mail(_)
            | Self::AdminKeyCreated { .. }
            | Self::AdminKey(_)
            | Self::AdminKeys { .. }
            | Self::PartnerKeyCreated { .. }
            | Self::PartnerKey(_)
            | Self::PartnerKeys { .. }
            | Self::Webhook(_)
            | Self::Policy(_)
            | Self::PolicyHistory(_)
            | Self::Providers { .. }
            | Self::ProviderTest { .. }
            | Self::Screen { .. }
            | Self::OptOuts(_)
            | Self::Findings { .. }
            | Self::Bans(_)
            | Self::Done => false,
        }
    }
}

pub(crate) fn app_id(text: &str) -> Result<AppId, AdminError> {
    AppId::parse(text).map_err(|error| AdminError::Invalid {
        message: error.to_string(),
    })
}

fn external_id(text: &str) -> Result<ExternalUserId, AdminError> {
    ExternalUserId::parse(text).map_err(|error| AdminError::Invalid {
        message: error.to_string(),
    })
}

fn unknown_app(app: &AppId) -> AdminError {
    AdminError::NotFound {
        message: format!("there is no app {app}: `mayday app list` shows all"),
    }
}

impl From<AppError> for AdminError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Unavailable { source } => {
                tracing::warn!(error = %source, "an administrator's request met a store that is not available");
                Self::Unavailable
            }
            AppError::Internal { source } => {
                tracing::error!(error = %source, "an administrator's request failed");
                Self::Internal
            }
            AppError::NotFound { .. } => Self::NotFound {
                message: error.to_string(),
            },
            AppError::Conflict { message } => Self::Conflict { message },
            other => Self::Invalid {
                message: other.to_string(),
            },
        }
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Seal(SealError::NoKey)) {
            Self::KeyMissing
        } else if error.is_transient() {
            tracing::warn!(%error, "an administrator's request met a store that is not available");
            Self::Unavailable
        } else {
            tracing::error!(%error, "an administrator's request failed");
            Self::Internal
        }
    }
}

#[cfg(test)]
mod tests;
