//! `POST /v1/sdk/mqtt/auth/acl`.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use mayday_app::{App, AppError, BrokerScope, TopicUse};

use super::format::{Fields, Format};
use super::key::Broker;
use super::{AskQuery, Denial, asked};
use crate::problem::Problem;
use crate::state::Api;

/// Where `RabbitMQ`'s MQTT plug-in routes every topic.
const EXCHANGE: &str = "amq.topic";
/// What the names of the queues begin with that it makes for subscriptions.
const QUEUES: &str = "mqtt-subscription-";
/// mosquitto-go-auth's words for what a client wants.
const READ: &str = "1";
const WRITE: &str = "2";
const SUBSCRIBE: &str = "4";

/// Is a topic a broker's client's own?
///
/// Takes `username` and `topic` with `action` (EMQX) or `acc` (mosquitto-go-auth),
/// or what `RabbitMQ` sends to its vhost, resource and topic paths. The topic text
/// is the route on such a broker, so only the UUID form is anybody's; a broker
/// whose key is for one app takes the alias and flat forms too.
#[utoipa::path(
    post,
    path = "/v1/sdk/mqtt/auth/acl",
    operation_id = "brokerAcl",
    tag = "Brokers",
    params(AskQuery),
    request_body = serde_json::Map<String, serde_json::Value>,
    responses(
        (status = 200, description = "Allowed, or, to EMQX and RabbitMQ, denied.", body = serde_json::Map<String, serde_json::Value>),
        (status = 400, description = "`format` is none."),
        (status = 403, description = "Denied, to mosquitto-go-auth.", body = Denial),
    ),
)]
pub(crate) async fn acl(
    Broker(scope): Broker,
    State(api): State<Api>,
    query: Result<Query<AskQuery>, QueryRejection>,
    body: Body,
) -> Result<Response, Problem> {
    let (format, fields) = asked(query, body, api.settings.body_timeout).await?;
    Ok(if permitted(&api.app, scope, format, &fields).await? {
        format.permit()
    } else {
        format.deny("this is no topic of the client's own")
    })
}

async fn permitted(
    app: &App,
    scope: BrokerScope,
    format: Format,
    fields: &Fields,
) -> Result<bool, AppError> {
    let username = fields.text("username");
    match format {
        Format::RabbitMq => rabbit(app, scope, username, fields).await,
        Format::Emqx | Format::Mosquitto => {
            let how = match format {
                Format::Emqx => action(fields.text("action")),
                _ => access(fields.text("acc")),
            };
            let Some(how) = how else { return Ok(false) };
            app.permit_broker_topic(scope, username, fields.text("topic"), how)
                .await
        }
    }
}

fn action(word: &str) -> Option<TopicUse> {
    match word {
        "publish" => Some(TopicUse::Publish),
        "subscribe" => Some(TopicUse::Subscribe),
        _ => None,
    }
}

/// Reading and writing at once (3) is asked for no topic of ours.
fn access(word: &str) -> Option<TopicUse> {
    match word {
        READ | SUBSCRIBE => Some(TopicUse::Subscribe),
        WRITE => Some(TopicUse::Publish),
        _ => None,
    }
}

/// The questions that `RabbitMQ` asks after a client connected: its vhost, the
/// exchange and queues of the MQTT plug-in, and each topic.
async fn rabbit(
    app: &App,
    scope: BrokerScope,
    username: &str,
    fields: &Fields,
) -> Result<bool, AppError> {
    if let Some(routing_key) = fields.get("routing_key") {
        let how = match fields.text("permission") {
            "write" => TopicUse::Publish,
            "read" => TopicUse::Subscribe,
            _ => return Ok(false),
        };
        if fields.text("name") != EXCHANGE {
            return Ok(false);
        }
        let topic = mqtt_topic(routing_key);
        return app.permit_broker_topic(scope, username, &topic, how).await;
    }
    let name = fields.text("name");
    let fits = match fields.text("resource") {
        "" => fields.get("vhost").is_some(),
        "exchange" => name == EXCHANGE && fields.text("permission") != "configure",
        "queue" => name.starts_with(QUEUES),
        _ => false,
    };
    Ok(fits && app.knows_broker_client(scope, username).await?)
}

/// A routing key as the MQTT topic that it was made of.
fn mqtt_topic(routing_key: &str) -> String {
    routing_key
        .chars()
        .map(|letter| match letter {
            '.' => '/',
            '/' => '.',
            '*' => '+',
            other => other,
        })
        .collect()
}
