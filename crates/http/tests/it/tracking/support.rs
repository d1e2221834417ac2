//! An SOS of Ana, her contacts, and their links.

use axum::body::Body;
use axum::http::{Method, Request};
use mayday_app::admin::{AdminReply, AdminRequest, IncidentRequest};
use mayday_app::store::escalation::tokens;
use mayday_app::store::{Command, Lane, StoreError, Tx, incidents};
use mayday_app::testing::APP_ID;
use mayday_core::ids::{ContactId, IncidentId};
use serde_json::{Value, json};

use crate::harness::{Answer, Server, User};

/// Ana's SOS with what contacts hold of it.
pub(crate) struct Cry<'s> {
    pub(crate) server: &'s Server,
    pub(crate) ana: User<'s>,
    pub(crate) incident: IncidentId,
    /// The contacts in their order.
    pub(crate) contacts: Vec<ContactId>,
    /// Their links' tokens.
    pub(crate) tokens: Vec<String>,
}

/// What a sender does before it sends.
struct Issue(IncidentId, ContactId);

impl Command for Issue {
    type Output = String;
    const NAME: &'static str = "test.issue_link";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<String, StoreError> {
        Ok(tokens::issue(tx, self.0, self.1).await?.to_text())
    }
}

/// What everybody's page must never hold.
pub(crate) const SECRETS: [&str; 4] = ["+34600", "ben@example", "eva@example", "Authorization"];

impl<'s> Cry<'s> {
    /// Ana has two contacts, Ben (Spanish) and Eva (no language), and cries for help.
    pub(crate) async fn new(server: &'s Server) -> Self {
        let ana = server.user("ana");
        ana.put(
            "/v1/sdk/me",
            json!({"name": "Ana <b>", "phone": "+34600999999"}),
        )
        .await
        .body(200);
        let mut contacts = Vec::new();
        for (name, phone, email, language) in [
            ("Ben", "+34600111111", "ben@example.org", "es"),
            ("Eva", "+34600222222", "eva@example.org", "en"),
        ] {
            let new = json!({"name": name, "phone": phone, "email": email, "language": language});
            let made = ana.post("/v1/sdk/contacts", new).await.body(201);
            contacts.push(made["contact"]["id"].as_str().unwrap().parse().unwrap());
        }
        let cry = json!({
            "latitude": 41.387_421, "longitude": 2.168_612, "altitude": 12.4,
            "message": "Fell near the ridge", "hardwareId": "CF:82:12:34:56:78",
            "mobileBattery": 34, "deviceBattery": {"rawValue": 1, "range": "low"},
        });
        let opened = ana.post("/v1/sdk/sos", cry).await.body(200);
        let incident = opened["incident"]["id"].as_str().unwrap().parse().unwrap();
        let mut cry = Self {
            server,
            ana,
            incident,
            contacts,
            tokens: Vec::new(),
        };
        for contact in cry.contacts.clone() {
            let token = cry.issue(contact).await;
            cry.tokens.push(token);
        }
        cry
    }

    pub(crate) async fn issue(&self, contact: ContactId) -> String {
        let store = self.server.node.store.store();
        let issue = Issue(self.incident, contact);
        store.write(Lane::Job, issue).await.unwrap()
    }

    pub(crate) async fn revoke(&self, contact: ContactId) {
        let revoke = IncidentRequest::RevokeLink {
            app_id: APP_ID.to_owned(),
            incident_id: self.incident.to_string(),
            contact_id: contact.to_string(),
            operator: "Kim".to_owned(),
        };
        let reply = self.server.node.admin(AdminRequest::Incident(revoke)).await;
        let AdminReply::Incident(detail) = reply else {
            panic!("an incident, not {reply:?}");
        };
        let Some(done) = detail.actions.last() else {
            panic!("it is recorded");
        };
        assert_eq!((&*done.action, &*done.operator), ("revoke_link", "Kim"));
    }

    /// The first contact's page.
    pub(crate) fn page(&self) -> String {
        format!("/t/{}", self.tokens[0])
    }

    /// The first contact's JSON.
    pub(crate) fn json(&self) -> String {
        format!("/v1/public/sos/{}", self.tokens[0])
    }

    /// How the incident stands.
    pub(crate) async fn state(&self) -> &'static str {
        let mut tx = self.server.node.store.read().await.unwrap();
        let incident = incidents::get(&mut tx, self.incident).await.unwrap();
        incident.unwrap().state.as_str()
    }

    /// When the first contact's link was opened first.
    pub(crate) async fn opened(&self) -> bool {
        let mut tx = self.server.node.store.read().await.unwrap();
        let links = tokens::of_incident(&mut tx, self.incident).await.unwrap();
        let own = links.iter().find(|link| link.contact == self.contacts[0]);
        own.unwrap().opened_at.is_some()
    }

    /// Answers with the form of the page.
    pub(crate) async fn fill_in(&self, form: &str) -> Answer {
        post(self.server, &self.page(), form).await
    }
}

pub(crate) async fn get(server: &Server, path: &str) -> Answer {
    server.bare(Method::GET, path).await
}

pub(crate) async fn post(server: &Server, path: &str, form: &str) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap();
    server.send(request).await
}

pub(crate) async fn post_json(server: &Server, path: &str, body: Value) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    server.send(request).await
}

impl Answer {
    /// The text of a page with this status.
    #[track_caller]
    pub(crate) fn html(&self, status: u16) -> &str {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "text/html; charset=utf-8");
        &self.text
    }
}
