//! `/v1/sdk/mqtt/auth`: what external MQTT brokers ask about their clients
//! (contract: External brokers).
//!
//! Each kind of broker asks and is answered in its own words ([`format`]); which
//! kind it is, is told by `?format=` or seen from what it sends. A broker shows
//! its key ([`key`]); without one nothing is answered.

pub(crate) mod acl;
pub(crate) mod connect;
mod format;
mod key;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use mayday_app::AppError;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::body::whole;
use crate::problem::Problem;
use format::{Fields, Format};

/// The fields in which brokers tell a client's address.
const ADDRESSES: [&str; 3] = ["peerhost", "ip", "ipaddress"];

/// Which kind of broker asks.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AskQuery {
    /// `emqx`, `mosquitto` (mosquitto-go-auth) or `rabbitmq`; missing: as the body
    /// looks.
    #[param(example = "emqx")]
    format: Option<String>,
}

impl AskQuery {
    fn format(&self, fields: &Fields) -> Result<Format, Problem> {
        match self.format.as_deref() {
            None | Some("") => Ok(fields.likely_format()),
            Some(word) => Format::parse(word).ok_or_else(|| {
                Problem::field("/format", "format must be emqx, mosquitto or rabbitmq")
            }),
        }
    }
}

/// No, in mosquitto-go-auth's words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Denial {
    /// Always false.
    #[serde(rename = "Ok")]
    ok: bool,
    /// Why.
    #[serde(rename = "Error")]
    error: String,
}

/// What a broker asks, and in whose words it is answered.
async fn asked(
    query: Result<Query<AskQuery>, QueryRejection>,
    body: Body,
    within: Duration,
) -> Result<(Format, Fields), Problem> {
    let Query(query) = query.map_err(|_| Problem::field("/format", "format must be given once"))?;
    let fields = Fields::read(&whole(body, within).await?);
    Ok((query.format(&fields)?, fields))
}

/// The client's address as the broker tells it, so that its failures are counted
/// for it and not for the broker.
fn client_address(fields: &Fields) -> IpAddr {
    let told = ADDRESSES.iter().find_map(|name| fields.get(name));
    told.and_then(|text| text.parse().ok())
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Whether an error says no, in whichever words; otherwise it is a fault, and the
/// broker is to ask again.
fn is_denial(error: &AppError) -> bool {
    matches!(
        error,
        AppError::Unauthorized
            | AppError::Session { .. }
            | AppError::AppInactive
            | AppError::UserBlocked
            | AppError::RateLimited { .. }
    )
}
