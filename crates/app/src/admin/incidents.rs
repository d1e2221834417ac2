//! Incidents as operators see them: list, show, acknowledge, resolve, revoke a link.
//!
//! What an operator does is recorded with the incident, in the transaction that
//! does it, under the name that the operator gives.

mod told;

use mayday_core::ids::{AppUuid, ContactId, IncidentId, UserId};
use mayday_core::sos::Incident;
use mayday_core::text;
use mayday_core::time::Timestamp;
use mayday_store::alerts;
use mayday_store::escalation::acknowledge::{self, AcknowledgementRow};
use mayday_store::escalation::{
    AcknowledgeOutcome, AttemptRow, By, RevokeLink, attempts, decline, tokens,
};
use mayday_store::incidents::{self, ListedIncident, ResolveIncident};
use mayday_store::{Lane, StoreError, Tx};
use serde::{Deserialize, Serialize};

pub use told::{LinkView, MessageView, PersonView};

use super::page::Window;
use super::secrets::known_app;
use super::{AdminError, AdminReply, AlertView, PageRequest, app_id, records};
use crate::App;

/// About incidents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum IncidentRequest {
    /// The incidents of an app, newest first: [`AdminReply::Incidents`].
    List {
        /// The app's public id.
        app_id: String,
        /// Only those that are open.
        #[serde(default)]
        only_open: bool,
        /// Which page.
        #[serde(default)]
        page: PageRequest,
    },
    /// One incident: [`AdminReply::Incident`].
    Show {
        /// The app's public id.
        app_id: String,
        /// The incident's id.
        incident_id: String,
    },
    /// Says that an operator takes care, which stops the escalation; an ended incident
    /// is a conflict: [`AdminReply::Incident`].
    Acknowledge {
        /// The app's public id.
        app_id: String,
        /// The incident's id.
        incident_id: String,
        /// Who takes care, 1 to 120 characters.
        operator: String,
    },
    /// Ends an incident as handled; one that has ended already is a conflict:
    /// [`AdminReply::Incident`].
    Resolve {
        /// The app's public id.
        app_id: String,
        /// The incident's id.
        incident_id: String,
        /// Who ends it, 1 to 120 characters.
        operator: String,
    },
    /// Revokes the tracking links of a contact; nothing happens where there is none. The
    /// next message to the contact carries another: [`AdminReply::Incident`].
    RevokeLink {
        /// The app's public id.
        app_id: String,
        /// The incident's id.
        incident_id: String,
        /// The contact's id, as the incident shows it.
        contact_id: String,
        /// Who revokes it, 1 to 120 characters.
        operator: String,
    },
}

/// An incident in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentSummary {
    /// Its id.
    pub id: IncidentId,
    /// The partner's id of its owner.
    pub external_user_id: String,
    /// The internal id of its owner.
    pub user_id: UserId,
    /// `active`, `acknowledged`, `resolved` or `cancelled`; open are the first two.
    pub state: String,
    /// A drill: nobody is in distress.
    pub drill: bool,
    /// Hidden from the phone of the person in distress.
    pub hidden: bool,
    /// What was odd, `duress` included: never read these words out to the owner.
    pub flags: Vec<String>,
    /// What raised it, such as `button_ui` or `check-in`.
    pub trigger_source: Option<String>,
    /// The latest words of the person in distress.
    pub message: Option<String>,
    /// Where, in degrees.
    pub latitude: Option<f64>,
    /// Where, in degrees.
    pub longitude: Option<f64>,
    /// When the position was measured.
    pub position_at: Option<Timestamp>,
    /// When the first trigger was received.
    pub created_at: Timestamp,
    /// When the last trigger was received.
    pub last_trigger_at: Timestamp,
    /// When it was last acknowledged.
    pub acknowledged_at: Option<Timestamp>,
    /// When nobody was left to tell, whoever helps since.
    pub exhausted_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The round of the escalation, from 1.
    pub round: u32,
}

/// One incident with what is around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentDetail {
    /// The incident.
    #[serde(flatten)]
    pub summary: IncidentSummary,
    /// The device that cried for help.
    pub device_id: Option<String>,
    /// Another text for the same device.
    pub hardware_id: Option<String>,
    /// How many triggers came.
    pub triggers: u32,
    /// Who is in distress.
    #[serde(default)]
    pub person: PersonView,
    /// Each message to a contact, the all-clear included, the first first.
    #[serde(default)]
    pub messages: Vec<MessageView>,
    /// The links to the tracking page that were sent, the first first.
    #[serde(default)]
    pub links: Vec<LinkView>,
    /// Who was told and by which way, one item per actuator.
    pub actuators: Vec<serde_json::Value>,
    /// What operators were told about it.
    pub alerts: Vec<AlertView>,
    /// Who said that they help and did not take it back, the first first.
    pub helpers: Vec<HelperView>,
    /// Who said last that they cannot help, the first first.
    #[serde(default)]
    pub declines: Vec<DeclineView>,
    /// What operators did with it.
    pub actions: Vec<ActionView>,
}

/// Somebody who said that they help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperView {
    /// The name that they gave, or that is known.
    pub name: String,
    /// `page`, `call`, `sms`, or `console` for an operator.
    pub means: String,
    /// When.
    pub at: Timestamp,
    /// The latest sign of life since.
    pub last_sign_at: Timestamp,
    /// The round of the escalation in which they said it: of an earlier one than the
    /// incident's, the person has cried for help again since.
    #[serde(default)]
    pub round: u32,
    /// Gave no sign since for so long that they, and others, were asked again.
    #[serde(default)]
    pub silent: bool,
}

/// A contact who said that they cannot help, or not any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclineView {
    /// Who.
    pub contact_id: ContactId,
    /// The name that is known.
    pub name: String,
    /// When.
    pub at: Timestamp,
}

/// Something that an operator did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionView {
    /// `resolve` or `revoke_link`.
    pub action: String,
    /// Who.
    pub operator: String,
    /// When.
    pub at: Timestamp,
}

impl App {
    pub(super) async fn administer_incidents(
        &self,
        request: IncidentRequest,
    ) -> Result<AdminReply, AdminError> {
        match request {
            IncidentRequest::List {
                app_id,
                only_open,
                page,
            } => self.list_incidents(&app_id, only_open, &page).await,
            IncidentRequest::Show {
                app_id,
                incident_id,
            } => {
                let (app, incident) = self.named(&app_id, &incident_id).await?;
                self.show_incident(app, incident).await
            }
            IncidentRequest::Acknowledge {
                app_id,
                incident_id,
                operator,
            } => {
                let (app, incident) = self.named(&app_id, &incident_id).await?;
                self.acknowledge_incident(app, incident, operator).await
            }
            IncidentRequest::Resolve {
                app_id,
                incident_id,
                operator,
            } => {
                let (app, incident) = self.named(&app_id, &incident_id).await?;
                self.resolve_incident(app, incident, operator).await
            }
            IncidentRequest::RevokeLink {
                app_id,
                incident_id,
                contact_id,
                operator,
            } => {
                let (app, incident) = self.named(&app_id, &incident_id).await?;
                self.revoke_link(app, incident, &contact_id, operator).await
            }
        }
    }

    async fn list_incidents(
        &self,
        id: &str,
        only_open: bool,
        page: &PageRequest,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let window = Window::of(page)?;
        let cursor = page.cursor.as_deref().map(str::parse::<IncidentId>);
        let before = cursor.transpose().map_err(|_| AdminError::Invalid {
            message: "the cursor is not one of a page before: leave it out to begin at the newest"
                .to_owned(),
        })?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let rows = incidents::page(&mut tx, app, only_open, before, window.fetch()).await?;
        drop(tx);
        let mut page = window.page(rows, |row| row.incident.id.to_string());
        for row in &mut page.items {
            if row.incident.state.is_open() {
                let shown = Box::new(row.incident.clone());
                row.incident = *self.with_newest_position(shown).await;
            }
        }
        Ok(AdminReply::Incidents(page.map(summary)))
    }

    async fn show_incident(
        &self,
        app: AppUuid,
        incident: IncidentId,
    ) -> Result<AdminReply, AdminError> {
        let mut tx = self.store.read().await?;
        let listed = incidents::listed(&mut tx, app, incident).await?;
        let mut listed = listed.ok_or_else(|| unknown_incident(&incident.to_string()))?;
        let alerts = alerts::of_incident(&mut tx, incident).await?;
        let actions = incidents::actions_of(&mut tx, incident).await?;
        let helpers = acknowledge::standing(&mut tx, incident).await?;
        let asked = attempts::of_incident(&mut tx, incident).await?;
        let declines = declines(&mut tx, incident, &helpers, &asked).await?;
        let links = tokens::of_incident(&mut tx, incident).await?;
        let person = told::person(&mut tx, listed.incident.user).await?;
        let messages = told::messages(&mut tx, &listed.incident, &asked).await?;
        drop(tx);
        if listed.incident.state.is_open() {
            let shown = self.with_newest_position(Box::new(listed.incident)).await;
            listed.incident = *shown;
        }
        let actions = actions.into_iter().map(|row| ActionView {
            action: row.action,
            operator: row.operator,
            at: row.at,
        });
        Ok(AdminReply::Incident(Box::new(IncidentDetail {
            device_id: listed.incident.device_id.clone(),
            hardware_id: listed.incident.hardware_id.clone(),
            triggers: listed.incident.triggers,
            actuators: listed.incident.actuators.items.clone(),
            alerts: alerts.into_iter().map(records::alert).collect(),
            person,
            messages,
            links: links.iter().map(told::link).collect(),
            helpers: helpers.into_iter().map(|row| helper(row, &asked)).collect(),
            declines,
            actions: actions.collect(),
            summary: summary(listed),
        })))
    }

    async fn acknowledge_incident(
        &self,
        app: AppUuid,
        incident: IncidentId,
        operator: String,
    ) -> Result<AdminReply, AdminError> {
        check_operator(&operator)?;
        let unknown = || unknown_incident(&incident.to_string());
        let mut tx = self.store.read().await?;
        let listed = incidents::listed(&mut tx, app, incident).await?;
        drop(tx);
        listed.ok_or_else(unknown)?;
        let by = By::Operator(operator);
        match self.acknowledge(incident, by, None).await? {
            AcknowledgeOutcome::Now(_) => {
                tracing::info!(incident.id = %incident, "an operator acknowledged an incident");
            }
            AcknowledgeOutcome::Again(_) => {}
            AcknowledgeOutcome::Ended => {
                return Err(AdminError::Conflict {
                    message: "the incident has ended: there is nothing to acknowledge".to_owned(),
                });
            }
            AcknowledgeOutcome::Unknown => return Err(unknown()),
        }
        self.show_incident(app, incident).await
    }

    async fn resolve_incident(
        &self,
        app: AppUuid,
        incident: IncidentId,
        operator: String,
    ) -> Result<AdminReply, AdminError> {
        check_operator(&operator)?;
        let resolve = ResolveIncident {
            app,
            incident,
            operator,
        };
        let ended = self.store.write(Lane::Sos, resolve).await?;
        if !ended.ok_or_else(|| unknown_incident(&incident.to_string()))? {
            return Err(self.ended_already(app, incident).await?);
        }
        self.metrics.sos_ended("resolved");
        tracing::info!(incident.id = %incident, "an operator resolved an incident");
        self.show_incident(app, incident).await
    }

    /// Says how and when an incident ended before.
    async fn ended_already(
        &self,
        app: AppUuid,
        incident: IncidentId,
    ) -> Result<AdminError, AdminError> {
        let mut tx = self.store.read().await?;
        let listed = incidents::listed(&mut tx, app, incident).await?;
        let before = listed.map(summary).and_then(|summary| {
            let at = summary.ended_at?;
            Some(format!("{} at {at}", summary.state))
        });
        let before = before.unwrap_or_else(|| "and is gone".to_owned());
        Ok(AdminError::Conflict {
            message: format!("the incident had ended already, {before}: nothing was changed"),
        })
    }

    async fn revoke_link(
        &self,
        app: AppUuid,
        incident: IncidentId,
        contact: &str,
        operator: String,
    ) -> Result<AdminReply, AdminError> {
        check_operator(&operator)?;
        let contact = contact.parse().map_err(|_| AdminError::Invalid {
            message: format!("{contact} is no contact's id: `mayday incident show` shows them"),
        })?;
        let revoke = RevokeLink {
            app,
            incident,
            contact,
            operator,
        };
        let revoked = self.store.write(Lane::Sos, revoke).await?;
        if revoked.ok_or_else(|| unknown_incident(&incident.to_string()))? == 0 {
            return Err(AdminError::Conflict {
                message: format!(
                    "contact {contact} has no link of this incident that works: nothing was revoked"
                ),
            });
        }
        tracing::info!(incident.id = %incident, contact.id = %contact, "an operator revoked a contact's link");
        self.show_incident(app, incident).await
    }

    /// The app and the incident that a request names.
    async fn named(&self, app: &str, incident: &str) -> Result<(AppUuid, IncidentId), AdminError> {
        let app_id = app_id(app)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let id = incident.parse().map_err(|_| unknown_incident(incident))?;
        Ok((app, id))
    }
}

fn helper(row: AcknowledgementRow, asked: &[AttemptRow]) -> HelperView {
    HelperView {
        silent: told::is_silent(&row, asked),
        name: row.name,
        means: row.means,
        at: row.at,
        last_sign_at: row.last_sign_at,
        round: row.round,
    }
}

/// Who said last that they cannot help: the latest of each who does not help again.
async fn declines(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    helpers: &[AcknowledgementRow],
    asked: &[AttemptRow],
) -> Result<Vec<DeclineView>, StoreError> {
    let mut said = decline::of_incident(tx, incident).await?;
    said.retain(|no| {
        let helps = |row: &AcknowledgementRow| row.contact == Some(no.contact) && row.at > no.at;
        !helpers.iter().any(helps)
    });
    if said.is_empty() {
        return Ok(Vec::new());
    }
    said.sort_by_key(|no| std::cmp::Reverse(no.at));
    let mut views: Vec<DeclineView> = Vec::new();
    for no in said {
        if views.iter().any(|view| view.contact_id == no.contact) {
            continue;
        }
        let mut own = asked.iter().rev();
        let own = own.find(|row| row.attempt.key.contact == no.contact);
        views.push(DeclineView {
            contact_id: no.contact,
            name: own.map(|row| row.name.clone()).unwrap_or_default(),
            at: no.at,
        });
    }
    views.reverse();
    Ok(views)
}

fn check_operator(name: &str) -> Result<(), AdminError> {
    text::check_name(name).map_err(|why| AdminError::Invalid {
        message: format!("the operator's {why}"),
    })
}

fn unknown_incident(id: &str) -> AdminError {
    AdminError::NotFound {
        message: format!("the app has no incident {id}: `mayday incident list` shows all"),
    }
}

fn summary(listed: ListedIncident) -> IncidentSummary {
    let Incident {
        id,
        user,
        state,
        flags,
        origin,
        message,
        position,
        created_at,
        last_trigger_at,
        acknowledged_at,
        exhausted_at,
        cancelled_at,
        resolved_at,
        round,
        drill,
        ..
    } = listed.incident;
    IncidentSummary {
        id,
        external_user_id: listed.external_id,
        user_id: user,
        state: state.as_str().to_owned(),
        drill,
        hidden: listed.hidden,
        flags: flags.iter().map(|flag| flag.as_str().to_owned()).collect(),
        trigger_source: origin.trigger_source,
        message,
        latitude: position.map(|position| position.fix.latitude),
        longitude: position.map(|position| position.fix.longitude),
        position_at: position.map(|position| position.time),
        created_at,
        last_trigger_at,
        acknowledged_at,
        exhausted_at,
        ended_at: cancelled_at.or(resolved_at),
        round,
    }
}
