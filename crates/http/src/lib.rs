//! HTTP: the SDK's routes, the API's description and page, the admin listener.
//!
//! [`router`] holds every public route (`router.rs` is the list), [`serve()`]
//! brings it to a listener with limits and a drain, [`admin_router`] is for the
//! loopback listener of health, metrics and the admin API. A request passes `layers`, proves
//! its caller in `auth`, is read by `body`, handled in `v1/<noun>/<verb>.rs`,
//! and its failure is worded by `problem`.

mod admin;
mod asyncapi;
mod auth;
mod body;
mod docs;
mod layers;
mod oauth;
mod openapi;
mod path;
mod problem;
mod public;
mod public_url;
mod range;
mod router;
mod serve;
mod settings;
mod state;
mod v1;

pub use admin::{AdminHost, admin_openapi_json, admin_router};
pub use asyncapi::asyncapi_json;
pub use openapi::openapi_json;
pub use router::{AUTHORISATION, Access, router};
pub use serve::{Door, serve};
pub use settings::{HttpSettings, InvalidOrigin};
