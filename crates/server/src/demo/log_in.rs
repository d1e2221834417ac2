//! Ana logs in with her app's own token, and then on a new phone.
//!
//! Her phone talks to the app's own server and to mayday; mayday asks the app's
//! server what the token is. One session a user: the second phone takes the place.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Addresses;
use super::account::APP_ID;
use super::cast::Person;
use super::http_client::{HttpClient, Visitor};
use super::partner::DemoPartner;
use super::stage::Stage;
use crate::failure::{Failure, Outcome};
use crate::output::Paint;

const PHONE: &str = "Ana's phone";
const NEW_PHONE: &str = "New phone";
const PARTNER: &str = "Partner";
const SERVER: &str = "mayday";

/// Tells it.
pub(super) async fn tell(
    ana: &Person,
    addresses: Addresses,
    partner: &mut DemoPartner,
    stage: Stage,
) -> Outcome {
    stage.heading("Her app has a server with a log-in of its own: a partner")?;
    let mut chapter = Chapter {
        ana,
        addresses,
        partner,
        stage,
    };
    let first = chapter.opens_a_session().await?;
    chapter.logs_in_on_a_new_phone().await?;
    chapter.is_told(&first).await
}

struct Chapter<'a> {
    ana: &'a Person,
    addresses: Addresses,
    partner: &'a mut DemoPartner,
    stage: Stage,
}

/// A session that mayday opened.
struct Session {
    access_token: String,
    /// From showing the token to mayday to its question at the partner.
    asked: Duration,
    /// What the partner said to that.
    word: String,
    /// From showing the token to the session.
    took: Duration,
}

impl Chapter<'_> {
    /// Answers the session, proven with a call of the SDK.
    async fn opens_a_session(&mut self) -> Result<HttpClient, Failure> {
        let stage = self.stage;
        let (token, took) = self.token().await?;
        let text = "logs in to the partner and gets the partner's token";
        stage.step(PHONE, Paint::Accent, text, Some(took)).await?;
        let session = self.session(&token, "phone", "Ana's phone").await?;
        let word = session.word;
        stage
            .step(PARTNER, Paint::Plain, &word, Some(session.asked))
            .await?;
        let phone = HttpClient::bearing(self.addresses.http, &session.access_token);
        let me = phone.get("/v1/sdk/me").await?.body;
        if needed(&me, "/user/id")? != self.ana.user_id {
            return Err(Failure::new("the session is somebody else's"));
        }
        let text = "opens a session: the same Ana as by her signature";
        let took = Some(session.took);
        stage.step(SERVER, Paint::Warn, text, took).await?;
        Ok(phone)
    }

    async fn logs_in_on_a_new_phone(&mut self) -> Outcome {
        let (token, _) = self.token().await?;
        let session = self.session(&token, "new-phone", "Ana's new phone").await?;
        let text = "logs in the same way; one session at a time";
        let took = Some(session.took);
        self.stage.step(NEW_PHONE, Paint::Accent, text, took).await
    }

    /// What the first phone hears when it calls again.
    async fn is_told(&self, phone: &HttpClient) -> Outcome {
        let refused = phone.refused("/v1/sdk/me").await?;
        let said = |pointer: &str| needed(&refused.body, pointer);
        let text = format!("is refused, {}: {}", refused.status, said("/error/code")?);
        let took = Some(refused.took);
        self.stage.step(PHONE, Paint::Bad, &text, took).await?;
        self.stage.detail(&format!(
            "by \"{}\", {}",
            said("/error/context/device/name")?,
            said("/error/context/at")?
        ))
    }

    /// A token of the partner, as its own app gets one.
    async fn token(&self) -> Result<(String, Duration), Failure> {
        let partner = Visitor::new(self.partner.address());
        let user = json!({ "user": self.ana.external_id });
        let answer = partner.post("/login", &user).await?;
        Ok((needed(&answer.body, "/token")?, answer.took))
    }

    /// Has mayday open a session for a token.
    async fn session(&mut self, token: &str, id: &str, name: &str) -> Result<Session, Failure> {
        let mayday = Visitor::new(self.addresses.http);
        let login = json!({
            "realm": APP_ID,
            "token": token,
            "device": { "id": id, "name": name },
        });
        let words = format!("asked about a token of {}", self.ana.external_id);
        let began = Instant::now();
        let asking = async {
            let word = self.partner.says(&words).await?;
            Ok((word, began.elapsed()))
        };
        let (answer, (word, asked)) =
            tokio::try_join!(mayday.post("/v1/sso/login", &login), asking)?;
        Ok(Session {
            access_token: needed(&answer.body, "/accessToken")?,
            asked,
            word,
            took: answer.took,
        })
    }
}

/// A text without which the story cannot go on.
fn needed(value: &Value, pointer: &str) -> Result<String, Failure> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    let text = text.ok_or_else(|| Failure::new(format!("an answer without {pointer}: {value}")));
    text.map(str::to_owned)
}
