//! What operators read and close: dead letters, unattributed SOS, alerts.

use mayday_core::ids::{AppUuid, RecordId};
use mayday_store::alerts::{self, Alert, CloseAlert};
use mayday_store::dead_letters::{self, DeadLetter};
use mayday_store::unattributed::{self, Unattributed};
use mayday_store::{Lane, ReadTx};

use super::page::Window;
use super::secrets::known_app;
use super::{
    AdminError, AdminReply, AlertView, AlertsRequest, DeadLetterView, PageRequest,
    UnattributedView, app_id,
};
use crate::App;

/// How much of a body is shown, so that the largest page stays readable.
const SHOWN_BYTES: usize = 8 * 1_024;

/// A page of an app's records, as asked for.
struct Inquiry {
    app: AppUuid,
    before: Option<RecordId>,
    window: Window,
    tx: ReadTx,
}

impl App {
    pub(super) async fn dead_letters(
        &self,
        id: &str,
        page: &PageRequest,
    ) -> Result<AdminReply, AdminError> {
        let mut ask = self.inquiry(id, page).await?;
        let fetch = ask.window.fetch();
        let rows = dead_letters::page(&mut ask.tx, ask.app, ask.before, fetch).await?;
        let page = ask.window.page(rows, |row| row.id.to_string());
        Ok(AdminReply::DeadLetters(page.map(dead_letter)))
    }

    pub(super) async fn unattributed(
        &self,
        id: &str,
        page: &PageRequest,
    ) -> Result<AdminReply, AdminError> {
        let mut ask = self.inquiry(id, page).await?;
        let fetch = ask.window.fetch();
        let rows = unattributed::page(&mut ask.tx, ask.app, ask.before, fetch).await?;
        let page = ask.window.page(rows, |row| row.id.to_string());
        Ok(AdminReply::Unattributed(page.map(unattributed_sos)))
    }

    pub(super) async fn alerts(&self, asked: &AlertsRequest) -> Result<AdminReply, AdminError> {
        let mut ask = self.inquiry(&asked.app_id, &asked.page).await?;
        let fetch = ask.window.fetch();
        let rows = if asked.only_open {
            alerts::open_page(&mut ask.tx, ask.app, ask.before, fetch).await?
        } else {
            alerts::page(&mut ask.tx, ask.app, ask.before, fetch).await?
        };
        let page = ask.window.page(rows, |row| row.id.to_string());
        Ok(AdminReply::Alerts(page.map(alert)))
    }

    pub(super) async fn close_alert(
        &self,
        id: &str,
        alert_id: &str,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        drop(tx);
        let missing = || AdminError::NotFound {
            message: format!(
                "the app {app_id} has no alert {alert_id}: `mayday inspect alerts --all --app {app_id}` \
                 shows all"
            ),
        };
        let close = CloseAlert {
            app,
            alert: alert_id.parse::<RecordId>().map_err(|_| missing())?,
        };
        let closed = self.store.write(Lane::Rest, close).await?;
        let closed = closed.ok_or_else(missing)?;
        tracing::info!(app.id = %app_id, alert.id = %closed.id, "an operator closed an alert");
        Ok(AdminReply::Alert(alert(closed)))
    }

    async fn inquiry(&self, id: &str, page: &PageRequest) -> Result<Inquiry, AdminError> {
        let app_id = app_id(id)?;
        let window = Window::of(page)?;
        let cursor = page.cursor.as_deref().map(str::parse::<RecordId>);
        let before = cursor.transpose().map_err(|_| AdminError::Invalid {
            message: "the cursor is not one of a page before: leave it out to begin at the newest"
                .to_owned(),
        })?;
        let mut tx = self.store.read().await?;
        Ok(Inquiry {
            app: known_app(&mut tx, &app_id).await?,
            before,
            window,
            tx,
        })
    }
}

fn dead_letter(letter: DeadLetter) -> DeadLetterView {
    DeadLetterView {
        id: letter.id,
        user_id: letter.user,
        transport: letter.transport.as_str().to_owned(),
        reason: letter.reason.as_str().to_owned(),
        fields: letter.fields,
        body: shown(&letter.raw),
        body_bytes: letter.raw_bytes,
        received_at: letter.received_at,
    }
}

fn unattributed_sos(sos: Unattributed) -> UnattributedView {
    UnattributedView {
        id: sos.id,
        gateway_user_id: sos.gateway,
        transport: sos.transport,
        device_id: sos.device_id,
        hardware_id: sos.hardware_id,
        originator_node_id: sos.originator_node_id,
        relay_node_id: sos.relay_node_id,
        latitude: sos.latitude,
        longitude: sos.longitude,
        flags: sos
            .flags
            .iter()
            .map(|flag| flag.as_str().to_owned())
            .collect(),
        incident_id: sos.incident,
        reports: sos.reports,
        body: shown(&sos.raw),
        latest_body: sos.latest_raw.as_deref().map(shown),
        received_at: sos.received_at,
        last_received_at: sos.last_received_at,
        settled_at: sos.settled_at,
    }
}

pub(super) fn alert(alert: Alert) -> AlertView {
    AlertView {
        id: alert.id,
        kind: alert.kind,
        user_id: alert.user,
        incident_id: alert.incident,
        detail: alert.detail,
        created_at: alert.created_at,
        closed_at: alert.closed_at,
    }
}

/// The beginning of a body as text; bytes that are no UTF-8 are replaced.
fn shown(raw: &[u8]) -> String {
    let beginning = raw.get(..SHOWN_BYTES).unwrap_or(raw);
    String::from_utf8_lossy(beginning).into_owned()
}
