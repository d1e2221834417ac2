//! What became of notifications: the log, a test, sending again.

use mayday_core::escalation::Channel;
use mayday_core::identity::AppId;
use mayday_core::ids::{AppUuid, DeliveryId, EndpointId, EventId};
use mayday_core::notification::message_id;
use mayday_store::webhooks::{
    self, AttemptRow, Delivery, LogQuery, ReplayDelivery, ReplayRange, StartTest,
};
use mayday_store::{Lane, Tx};

use super::page::Window;
use super::secrets::known_app;
use super::webhook_requests::{AttemptView, DeliveryDetail, DeliveryView, RangeOf, WebhookReply};
use super::webhooks::invalid;
use super::{AdminError, PageRequest, app_id};
use crate::App;

impl App {
    pub(super) async fn delivery_log(
        &self,
        id: &str,
        channel: Channel,
        endpoint: Option<&str>,
        page: &PageRequest,
    ) -> Result<WebhookReply, AdminError> {
        let app_id = app_id(id)?;
        let window = Window::of(page)?;
        let cursor = page.cursor.as_deref().map(str::parse::<DeliveryId>);
        let before = cursor.transpose().map_err(|_| {
            invalid(
                "the cursor is not one of a page before: leave it out to begin at the newest"
                    .to_owned(),
            )
        })?;
        let endpoint: Option<EndpointId> = match endpoint {
            None => None,
            Some(text) => Some(self.known_endpoint(id, text).await?.1.id),
        };
        let mut tx = self.store.read().await?;
        let query = LogQuery {
            app: known_app(&mut tx, &app_id).await?,
            channel,
            endpoint,
            before,
            limit: window.fetch(),
        };
        let rows = webhooks::log(&mut tx, query).await?;
        let page = window.page(rows, |row| row.id.to_string());
        Ok(WebhookReply::Log(page.map(|row| view(&row))))
    }

    pub(super) async fn show_delivery(
        &self,
        id: &str,
        delivery: &str,
    ) -> Result<WebhookReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let wanted = delivery.parse().map_err(|_| missing(&app_id, delivery))?;
        detail(&mut tx, app, wanted)
            .await?
            .ok_or_else(|| missing(&app_id, delivery))
    }

    /// Sends a test and waits for what becomes of it.
    pub(super) async fn test_endpoint(
        &self,
        id: &str,
        endpoint: &str,
    ) -> Result<WebhookReply, AdminError> {
        let (app, found) = self.known_endpoint(id, endpoint).await?;
        let delivery = DeliveryId::generate(self.clock.as_ref(), self.entropy.as_ref());
        let start = StartTest {
            delivery,
            notification: EventId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app,
            app_id: id.to_owned(),
            endpoint: found.id,
        };
        self.store.write(Lane::Rest, start).await?;
        let mut tx = self.store.read().await?;
        let sending = webhooks::for_sending(&mut tx, delivery, true).await?;
        drop(tx);
        if let Some(sending) = sending
            && let Some(destination) = &sending.destination
        {
            self.attempt(delivery, &sending, destination, false).await?;
        }
        let mut tx = self.store.read().await?;
        let shown = detail(&mut tx, app, delivery).await?;
        shown.ok_or_else(|| AdminError::Conflict {
            message: "the endpoint was removed meanwhile".to_owned(),
        })
    }

    pub(super) async fn replay_delivery(
        &self,
        id: &str,
        delivery: &str,
    ) -> Result<WebhookReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let wanted = delivery.parse().map_err(|_| missing(&app_id, delivery))?;
        let known = webhooks::delivery(&mut tx, app, wanted).await?;
        known.ok_or_else(|| missing(&app_id, delivery))?;
        drop(tx);
        let replay = ReplayDelivery {
            app,
            delivery: wanted,
        };
        if self.store.write(Lane::Rest, replay).await? {
            tracing::info!(app.id = %app_id, delivery.id = %wanted, "a delivery was begun anew");
            Ok(WebhookReply::Replayed {
                count: 1,
                next: None,
            })
        } else {
            Err(AdminError::Conflict {
                message: format!(
                    "the delivery {delivery} is due already, was taken back, or its endpoint is disabled or removed (`mayday webhook enable`)"
                ),
            })
        }
    }

    pub(super) async fn replay_range(&self, range: RangeOf) -> Result<WebhookReply, AdminError> {
        let (app, endpoint) = self
            .known_endpoint(&range.app_id, &range.endpoint_id)
            .await?;
        if endpoint.disabled.is_some() {
            return Err(AdminError::Conflict {
                message: "the endpoint is disabled: `mayday webhook enable` it first".to_owned(),
            });
        }
        let replay = ReplayRange {
            app,
            endpoint: endpoint.id,
            since: range.since,
            until: range.until.unwrap_or_else(|| self.clock.now()),
            delivered_too: range.delivered_too,
            after: range.after,
        };
        let done = self.store.write(Lane::Rest, replay).await?;
        tracing::info!(endpoint.id = %endpoint.id, deliveries = done.count, "deliveries were begun anew");
        Ok(WebhookReply::Replayed {
            count: done.count,
            next: done.next,
        })
    }
}

async fn detail(
    tx: &mut Tx<'_>,
    app: AppUuid,
    delivery: DeliveryId,
) -> Result<Option<WebhookReply>, AdminError> {
    let Some(row) = webhooks::delivery(tx, app, delivery).await? else {
        return Ok(None);
    };
    let tried = webhooks::attempts_of(tx, delivery).await?;
    Ok(Some(WebhookReply::Delivery(DeliveryDetail {
        delivery: view(&row),
        body: row.body,
        tried: tried.into_iter().map(attempt).collect(),
    })))
}

fn missing(app: &AppId, delivery: &str) -> AdminError {
    AdminError::NotFound {
        message: format!(
            "the app {app} has no delivery {delivery}: `mayday webhook log --app {app}` shows them"
        ),
    }
}

fn view(row: &Delivery) -> DeliveryView {
    DeliveryView {
        delivery_id: row.id,
        endpoint_id: row.endpoint,
        endpoint: row.endpoint_name.clone(),
        webhook_id: message_id(row.notification.uuid()),
        kind: row.kind.clone(),
        incident_id: row.incident,
        state: row.state.as_str().to_owned(),
        attempts: row.attempts,
        due_at: row.due_at,
        created_at: row.created_at,
        delivered_at: row.delivered_at,
        failed_at: row.failed_at,
        error: row.error.clone(),
    }
}

fn attempt(row: AttemptRow) -> AttemptView {
    AttemptView {
        number: row.number,
        started_at: row.started_at,
        took_ms: row.took_ms,
        status: row.status,
        outcome: row.outcome,
        error: row.error,
        excerpt: row.excerpt,
    }
}
