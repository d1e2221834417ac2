//! The domain of mayday: identities, topics, payloads, incidents and their rules.
//!
//! This crate does no input or output and knows no async runtime. Time and
//! randomness come in as parameters ([`clock::Clock`], [`clock::Entropy`]),
//! so that every rule in here can be tested to the last digit.

pub mod admin_key;
pub mod broker_key;
pub mod calling_code;
pub mod checkin;
pub mod clock;
pub mod contact;
pub mod country;
pub mod device;
pub mod device_config;
pub mod drill;
pub mod escalation;
pub mod event;
pub mod field;
pub mod firmware;
pub mod hex;
pub mod identity;
pub mod ids;
pub mod limiter;
pub mod mail;
pub mod network_key;
pub mod notification;
pub mod partner_key;
pub mod profile;
pub mod readiness;
pub mod relay;
pub mod sos;
pub mod sso;
pub mod telemetry;
pub mod text;
pub mod time;
pub mod topic;
pub mod tracking;
pub mod transport;
