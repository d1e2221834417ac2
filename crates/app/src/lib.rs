//! The use cases of mayday: the one place that HTTP, MQTT, the command line
//! and the workers call.

pub mod admin;
mod app;
mod arrival;
mod brokers;
mod checkin;
mod contacts;
mod data_rights;
mod device_configs;
mod devices;
pub mod doctor;
mod drill;
mod error;
pub mod escalation;
mod feed;
mod firmware;
mod fresh_id;
mod hashing;
mod health;
mod identity;
pub mod jobs;
mod mails;
mod metrics;
mod network_keys;
mod operator;
mod opt_outs;
mod partner;
pub mod presence;
mod profile;
mod provider_reports;
mod readiness;
pub mod senders;
mod signature;
mod sos;
mod sso;
mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod topics;
mod tracking;
mod webhooks;

pub use app::{App, Parts};
pub use arrival::Arrival;
pub use brokers::{Admission, BrokerScope, TopicUse};
pub use checkin::CheckInLapse;
pub use data_rights::{ErasureState, ExportCursor, ExportDocument, ExportPage};
pub use drill::DrillReport;
pub use error::AppError;
pub use feed::{EventFeed, FeedLost};
pub use firmware::{FirmwareArtifact, FirmwareLink, FirmwareOffer, PIECE_BYTES};
pub use health::{
    ClockHealth, DiskHealth, HealthReport, JobHealth, NotReady, Queues, StoreHealth,
    TelemetryFigures,
};
pub use identity::{IdentitySettings, Urgency};
pub use mayday_gateway as gateway;
pub use mayday_store as store;
pub use metrics::{LevelGuard, Metrics};
pub use operator::{Operator, OutOfScope, Permit};
pub use partner::PartnerBackend;
pub use provider_reports::{ProviderReport, ReportKind};
pub use signature::{RecoveryQuestions, ResetConfirm, ResetTicket, SignatureChange};
pub use sos::{CancelReceipt, HistoryItem, HistoryPage, SosTrigger, TriggerReceipt};
pub use sso::{SessionGrant, SessionView, SsoLogin, SsoProfile, SsoRefresh};
pub use telemetry::{TelemetryReceipt, TelemetryTicket};
pub use tracking::TrackingPulse;
pub use webhooks::Delivering;
