//! `POST /v1/sdk/mqtt/auth/connect`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;

use super::key::Broker;
use super::{AskQuery, Denial, asked, client_address, is_denial};
use crate::problem::Problem;
use crate::state::Api;

/// May a broker's client connect?
///
/// Takes `username` (`sdk:<appId>:<externalUserId>`) and `password` (the user
/// hash), as JSON or as a form. Answers in the words of EMQX, mosquitto-go-auth or
/// `RabbitMQ`; a refusal is worded so too, with the status that the broker expects.
#[utoipa::path(
    post,
    path = "/v1/sdk/mqtt/auth/connect",
    operation_id = "brokerConnect",
    tag = "Brokers",
    params(AskQuery),
    request_body = serde_json::Map<String, serde_json::Value>,
    responses(
        (status = 200, description = "Allowed, or, to EMQX and RabbitMQ, denied.", body = serde_json::Map<String, serde_json::Value>),
        (status = 400, description = "`format` is none."),
        (status = 403, description = "Denied, to mosquitto-go-auth.", body = Denial),
    ),
)]
pub(crate) async fn connect(
    Broker(scope): Broker,
    State(api): State<Api>,
    query: Result<Query<AskQuery>, QueryRejection>,
    body: Body,
) -> Result<Response, Problem> {
    let (format, fields) = asked(query, body, api.settings.body_timeout).await?;
    let app = Arc::clone(&api.app);
    let (username, password) = (fields.text("username"), fields.text("password"));
    let peer = client_address(&fields);
    match app
        .admit_broker_client(scope, username, password, peer)
        .await
    {
        Ok(admission) => Ok(format.admit(&admission)),
        Err(error) if is_denial(&error) => Ok(format.deny(&error.to_string())),
        Err(error) => Err(error.into()),
    }
}
