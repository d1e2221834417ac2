//! Where notifications of an app go: add, list, show, remove, enable, rotate the
//! secret, the app's key.

use std::time::Duration;

use mayday_core::escalation::Channel;
use mayday_core::identity::AppId;
use mayday_core::ids::{AppUuid, EndpointId, SecretId};
use mayday_core::notification::EventFilter;
use mayday_core::text;
use mayday_gateway::guard::{OutgoingUrl, Policy};
use mayday_gateway::webhook::WebhookSecret;
use mayday_store::Lane;
use mayday_store::webhooks::{
    self, AddEndpoint, EnableEndpoint, Endpoint, EndpointAddition, MAX_ENDPOINTS, NewSecret,
    RemoveApiKey, RemoveEndpoint, RotateSecret, Rotation, SecretText, SetApiKey,
};

use super::secrets::known_app;
use super::webhook_requests::{
    ApiKeyView, EndpointView, NewEndpoint, WebhookReply, WebhookRequest,
};
use super::{AdminError, AdminReply, PrintedSecret, app_id, unknown_app};
use crate::App;

/// The longest time for which an old secret signs beside a new one.
const MAX_OVERLAP_HOURS: u64 = 7 * 24;

/// The longest key of an app, in bytes.
const MAX_KEY_BYTES: usize = 1_024;

impl App {
    pub(super) async fn administer_webhooks(
        &self,
        request: WebhookRequest,
    ) -> Result<AdminReply, AdminError> {
        use WebhookRequest::{
            Add, ApiKeyRemove, ApiKeySet, ApiKeyShow, Delivery, Enable, List, Log, Remove, Replay,
            ReplayRange, RotateSecret, Show, Test,
        };
        let reply = match request {
            Add(new) => self.add_endpoint(new).await?,
            List { app_id, channel } => self.list_endpoints(&app_id, channel).await?,
            Show { of } => self.show_endpoint(&of.app_id, &of.endpoint_id).await?,
            Remove { of } => self.remove_endpoint(&of.app_id, &of.endpoint_id).await?,
            Enable { of } => self.enable_endpoint(&of.app_id, &of.endpoint_id).await?,
            RotateSecret { of, overlap_hours } => {
                self.rotate_endpoint_secret(&of.app_id, &of.endpoint_id, overlap_hours)
                    .await?
            }
            ApiKeySet {
                app_id,
                header,
                key,
            } => self.set_api_key(&app_id, &header, &key).await?,
            ApiKeyShow { app_id } => self.show_api_key(&app_id).await?,
            ApiKeyRemove { app_id } => return self.remove_api_key(&app_id).await,
            Test { of } => self.test_endpoint(&of.app_id, &of.endpoint_id).await?,
            Log {
                app_id,
                channel,
                endpoint_id,
                page,
            } => {
                let endpoint = endpoint_id.as_deref();
                self.delivery_log(&app_id, channel, endpoint, &page).await?
            }
            Delivery {
                app_id,
                delivery_id,
            } => self.show_delivery(&app_id, &delivery_id).await?,
            Replay {
                app_id,
                delivery_id,
            } => self.replay_delivery(&app_id, &delivery_id).await?,
            ReplayRange(range) => self.replay_range(range).await?,
        };
        Ok(AdminReply::Webhook(reply))
    }

    async fn add_endpoint(&self, new: NewEndpoint) -> Result<WebhookReply, AdminError> {
        let app_id = app_id(&new.app_id)?;
        let (shown_url, name) = checked(&new)?;
        let events = new.events.iter().map(String::as_str);
        let events = EventFilter::parse(events).map_err(|error| invalid(error.to_string()))?;
        let secret = (new.channel == Channel::Webhook).then(|| {
            let secret = WebhookSecret::generate(self.entropy.as_ref());
            secret.expose()
        });
        let add = AddEndpoint {
            id: EndpointId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app_id: app_id.clone(),
            channel: new.channel,
            name,
            shown_url,
            url: SecretText::new(new.url.0.as_str()),
            events: match new.channel {
                Channel::Slack if new.events.is_empty() => EventFilter::for_people(),
                _ => events,
            },
            local: new.local,
            secret: secret.as_ref().map(|text| NewSecret {
                id: SecretId::generate(self.clock.as_ref(), self.entropy.as_ref()),
                text: SecretText::new(text.as_str()),
            }),
        };
        match self.store.write(Lane::Rest, add).await? {
            EndpointAddition::Added(endpoint) => {
                tracing::info!(app.id = %app_id, endpoint.id = %endpoint.id, channel = endpoint.channel.as_str(), "an endpoint was added");
                Ok(WebhookReply::Added {
                    endpoint: view(&endpoint),
                    secret: secret.map(|text| PrintedSecret(text.to_string())),
                })
            }
            EndpointAddition::UnknownApp => Err(unknown_app(&app_id)),
            EndpointAddition::TooMany => Err(AdminError::Conflict {
                message: format!(
                    "the app {app_id} has {MAX_ENDPOINTS} endpoints, the most it may have: remove one first"
                ),
            }),
        }
    }

    async fn list_endpoints(&self, id: &str, channel: Channel) -> Result<WebhookReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let endpoints = webhooks::of_app(&mut tx, app, channel).await?;
        Ok(WebhookReply::Endpoints {
            endpoints: endpoints.iter().map(view).collect(),
        })
    }

    async fn show_endpoint(&self, id: &str, endpoint: &str) -> Result<WebhookReply, AdminError> {
        let (_, found) = self.known_endpoint(id, endpoint).await?;
        Ok(WebhookReply::Endpoint(view(&found)))
    }

    /// The app and its endpoint, or that there is none.
    pub(crate) async fn known_endpoint(
        &self,
        id: &str,
        endpoint: &str,
    ) -> Result<(AppUuid, Endpoint), AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let parsed = endpoint_id(&app_id, endpoint)?;
        let found = webhooks::find(&mut tx, app, parsed).await?;
        Ok((app, found.ok_or_else(|| missing(&app_id, endpoint))?))
    }

    async fn remove_endpoint(&self, id: &str, endpoint: &str) -> Result<WebhookReply, AdminError> {
        self.known_endpoint(id, endpoint).await?;
        let app_id = app_id(id)?;
        let remove = RemoveEndpoint {
            endpoint: endpoint_id(&app_id, endpoint)?,
            app_id: app_id.clone(),
        };
        let removed = self.store.write(Lane::Rest, remove).await?;
        let removed = removed.ok_or_else(|| missing(&app_id, endpoint))?;
        tracing::info!(app.id = %app_id, endpoint.id = %removed.id, "an endpoint was removed");
        Ok(WebhookReply::Endpoint(view(&removed)))
    }

    async fn enable_endpoint(&self, id: &str, endpoint: &str) -> Result<WebhookReply, AdminError> {
        self.known_endpoint(id, endpoint).await?;
        let app_id = app_id(id)?;
        let enable = EnableEndpoint {
            endpoint: endpoint_id(&app_id, endpoint)?,
            app_id: app_id.clone(),
        };
        let enabled = self.store.write(Lane::Rest, enable).await?;
        let enabled = enabled.ok_or_else(|| missing(&app_id, endpoint))?;
        Ok(WebhookReply::Endpoint(view(&enabled)))
    }

    async fn rotate_endpoint_secret(
        &self,
        id: &str,
        endpoint: &str,
        overlap_hours: u64,
    ) -> Result<WebhookReply, AdminError> {
        if overlap_hours > MAX_OVERLAP_HOURS {
            return Err(invalid(format!(
                "the overlap is 0 to {MAX_OVERLAP_HOURS} hours"
            )));
        }
        let (_, found) = self.known_endpoint(id, endpoint).await?;
        if found.channel != Channel::Webhook {
            return Err(invalid("Slack takes no signature".to_owned()));
        }
        let text = WebhookSecret::generate(self.entropy.as_ref()).expose();
        let rotate = RotateSecret {
            app_id: app_id(id)?,
            endpoint: found.id,
            secret: NewSecret {
                id: SecretId::generate(self.clock.as_ref(), self.entropy.as_ref()),
                text: SecretText::new(text.as_str()),
            },
            overlap: Duration::from_hours(overlap_hours),
        };
        match self.store.write(Lane::Rest, rotate).await? {
            Rotation::Rotated { old_until } => {
                tracing::info!(endpoint.id = %found.id, "the secret of an endpoint was replaced");
                Ok(WebhookReply::SecretRotated {
                    endpoint_id: found.id,
                    secret: PrintedSecret(text.to_string()),
                    old_until,
                })
            }
            Rotation::UnderWay { until } => Err(AdminError::Conflict {
                message: format!(
                    "two secrets sign until {until}: wait, or end every old one now with --overlap-hours 0"
                ),
            }),
            Rotation::Unknown => Err(missing(&app_id(id)?, endpoint)),
        }
    }

    async fn set_api_key(
        &self,
        id: &str,
        header: &str,
        key: &PrintedSecret,
    ) -> Result<WebhookReply, AdminError> {
        let app_id = app_id(id)?;
        let header = header.to_ascii_lowercase();
        check_header(&header)?;
        let fits = |byte: u8| byte.is_ascii_graphic();
        let key = key.0.trim();
        if key.is_empty() || key.len() > MAX_KEY_BYTES || !key.bytes().all(fits) {
            return Err(invalid(format!(
                "the key is 1 to {MAX_KEY_BYTES} visible ASCII characters without spaces"
            )));
        }
        let set = SetApiKey {
            app_id: app_id.clone(),
            header,
            key: SecretText::new(key),
        };
        let row = self.store.write(Lane::Rest, set).await?;
        let row = row.ok_or_else(|| unknown_app(&app_id))?;
        Ok(WebhookReply::ApiKey(ApiKeyView {
            app_id: app_id.to_string(),
            header: row.header,
            updated_at: row.updated_at,
        }))
    }

    async fn show_api_key(&self, id: &str) -> Result<WebhookReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let row = webhooks::api_key(&mut tx, app).await?;
        let row = row.ok_or_else(|| no_api_key(&app_id))?;
        Ok(WebhookReply::ApiKey(ApiKeyView {
            app_id: app_id.to_string(),
            header: row.header,
            updated_at: row.updated_at,
        }))
    }

    async fn remove_api_key(&self, id: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let remove = RemoveApiKey {
            app_id: app_id.clone(),
        };
        match self.store.write(Lane::Rest, remove).await? {
            None => Err(unknown_app(&app_id)),
            Some(false) => Err(no_api_key(&app_id)),
            Some(true) => Ok(AdminReply::Removed),
        }
    }
}

/// What of the URL may be shown, and the name; refuses what would be no good.
fn checked(new: &NewEndpoint) -> Result<(String, String), AdminError> {
    let url = OutgoingUrl::parse(&new.url.0).map_err(|error| invalid(error.to_string()))?;
    let origin = url.origin();
    if !new.local && !origin.starts_with("https://") {
        return Err(invalid(
            "the URL begins with https://: http is taken with --local, for development".to_owned(),
        ));
    }
    let policy = if new.local {
        Policy::LOCAL
    } else {
        Policy::PUBLIC
    };
    // What a name leads to is found out with each delivery.
    url.check(policy).map_err(|error| {
        invalid(if new.local {
            error.to_string()
        } else {
            format!("{error}; --local reaches private networks and this machine, for development")
        })
    })?;
    if !matches!(new.channel, Channel::Webhook | Channel::Slack) {
        return Err(invalid("the channel is webhook or slack".to_owned()));
    }
    let host = origin.split("://").nth(1).unwrap_or(&origin);
    let name = new.name.as_deref().filter(|name| !name.is_empty());
    let name = name.unwrap_or(host).to_owned();
    text::check_name(&name).map_err(|why| invalid(format!("the endpoint's {why}")))?;
    Ok((origin, name))
}

/// A header that an app's key may come in: none that the request needs itself.
fn check_header(header: &str) -> Result<(), AdminError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let formed = (1..=64).contains(&header.len()) && header.bytes().all(token);
    let own = header.starts_with("webhook-")
        || matches!(
            header,
            "host" | "content-length" | "content-type" | "transfer-encoding" | "connection"
        );
    if formed && !own {
        Ok(())
    } else {
        Err(invalid(
            "the header is a name such as x-api-key or authorization, of letters, digits and dashes, and none of the request's own".to_owned(),
        ))
    }
}

pub(super) fn invalid(message: String) -> AdminError {
    AdminError::Invalid { message }
}

fn no_api_key(app: &AppId) -> AdminError {
    AdminError::NotFound {
        message: format!("the app {app} has no API key: `mayday webhook api-key set` sets one"),
    }
}

fn endpoint_id(app: &AppId, text: &str) -> Result<EndpointId, AdminError> {
    text.parse().map_err(|_| missing(app, text))
}

fn missing(app: &AppId, endpoint: &str) -> AdminError {
    AdminError::NotFound {
        message: format!(
            "the app {app} has no endpoint {endpoint}: `mayday webhook list --app {app}` and `mayday slack list --app {app}` show all"
        ),
    }
}

fn view(endpoint: &Endpoint) -> EndpointView {
    EndpointView {
        endpoint_id: endpoint.id,
        channel: endpoint.channel,
        name: endpoint.name.clone(),
        url: format!("{}/..", endpoint.shown_url),
        events: endpoint
            .events
            .types()
            .map(|kind| kind.as_str().to_owned())
            .collect(),
        local: endpoint.local,
        created_at: endpoint.created_at,
        disabled_at: endpoint.disabled.as_ref().map(|(at, _)| *at),
        disabled_reason: endpoint.disabled.as_ref().map(|(_, why)| why.clone()),
        failing_since: endpoint.failing_since,
        pending: endpoint.pending,
        live_secrets: endpoint.live_secrets,
    }
}
