//! Whether a topic is a broker's client's own.
//!
//! On an external broker the topic text *is* the route: whoever may publish on
//! it, or hear it, is decided by its text alone. So only the UUID form is
//! anybody's, unless the broker serves exactly one app; then external ids are
//! unique on it, and the alias and flat forms are taken too.
//!
//! A broker asks by the username alone. That of a session is good for what the user's
//! sessions are: nothing once all were sent away, and for a cry for help while one was
//! merely overtaken.

use mayday_core::identity::{AppId, ExternalUserId, Standing, Username, parse_username};
use mayday_core::ids::UserId;
use mayday_core::topic::{EventFilter, PublishTopic, TopicForm, TopicIdentity};
use mayday_store::{sessions, users};
use uuid::Uuid;

use super::BrokerScope;
use crate::{App, AppError};

/// What a client wants to do with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicUse {
    /// Publish on it.
    Publish,
    /// Subscribe to it, or hear a message on it.
    Subscribe,
}

impl App {
    /// Whether a client that was admitted under this username is known still: its
    /// app active, its user there and not blocked.
    pub async fn knows_broker_client(
        &self,
        scope: BrokerScope,
        username: &str,
    ) -> Result<bool, AppError> {
        Ok(self.broker_client(scope, username).await?.is_some())
    }

    /// Whether a client that was admitted under this username may use a topic.
    pub async fn permit_broker_topic(
        &self,
        scope: BrokerScope,
        username: &str,
        topic: &str,
        how: TopicUse,
    ) -> Result<bool, AppError> {
        let Some(client) = self.broker_client(scope, username).await? else {
            return Ok(false);
        };
        let (user, external_id) = (client.user, client.external_id);
        let alias_shadowed = self.alias_shadowed(user, &external_id).await?;
        let identity = TopicIdentity {
            user,
            external_id: &external_id,
            alias_shadowed,
        };
        let form = match how {
            TopicUse::Publish => match identity.publish(topic) {
                Some(PublishTopic::Sos(form)) => form,
                Some(PublishTopic::Telemetry(form)) if client.standing == Standing::Full => form,
                _ => return Ok(false),
            },
            TopicUse::Subscribe => match identity.filter(topic) {
                EventFilter::Own(form) => form,
                _ => return Ok(false),
            },
        };
        Ok(form == TopicForm::Uuid || scope.is_one_app())
    }

    /// Whether the external id reads like another user's internal id, whose topics
    /// it would name. A broker asks often, so it never reads where an SOS does.
    pub(super) async fn alias_shadowed(
        &self,
        user: UserId,
        external_id: &ExternalUserId,
    ) -> Result<bool, AppError> {
        let Ok(id) = Uuid::parse_str(external_id.as_str()) else {
            return Ok(false);
        };
        if id == user.uuid() {
            return Ok(false);
        }
        let mut tx = self.store.read().await?;
        Ok(users::get(&mut tx, UserId(id)).await?.is_some())
    }

    async fn broker_client(
        &self,
        scope: BrokerScope,
        username: &str,
    ) -> Result<Option<BrokerClient>, AppError> {
        // Admitted by a hash or by a session, it is the same user.
        let (app_id, external_id, by_session) = match parse_username(username) {
            Some(Username::Signed(app_id, external_id)) => (app_id, external_id, false),
            Some(Username::Session(app_id, external_id)) => (app_id, external_id, true),
            None => return Ok(None),
        };
        let (Ok(app_id), Ok(external_id)) =
            (AppId::parse(app_id), ExternalUserId::parse(external_id))
        else {
            return Ok(None);
        };
        let app = self.identity.active_app(&app_id);
        let Some(app) = app.filter(|app| scope.serves(*app)) else {
            return Ok(None);
        };
        let mut tx = self.store.read().await?;
        let row = users::find(&mut tx, app, &external_id).await?;
        let Some(row) = row.filter(|row| row.blocked_at.is_none()) else {
            return Ok(None);
        };
        let standing = if by_session {
            sessions::standing(&mut tx, row.id, &external_id).await?
        } else {
            Some(Standing::Full)
        };
        Ok(standing.map(|standing| BrokerClient {
            user: row.id,
            external_id,
            standing,
        }))
    }
}

/// Who stands behind a username.
struct BrokerClient {
    user: UserId,
    external_id: ExternalUserId,
    standing: Standing,
}
