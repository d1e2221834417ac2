//! One file per verb of the command line.

pub(crate) mod app;
pub(crate) mod asyncapi;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod broker_key;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod device;
pub(crate) mod device_config;
mod endpoints;
pub(crate) mod firmware;
pub(crate) mod incident;
pub(crate) mod inspect;
pub(crate) mod key;
pub(crate) mod network_key;
pub(crate) mod openapi;
pub(crate) mod policy;
pub(crate) mod provider;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod sign;
pub(crate) mod slack;
pub(crate) mod user;
mod user_data;
pub(crate) mod webhook;
