//! A cry that is meant: from the grace window to the all-clear.
//!
//! What would go to Ben's and Carla's phones stays on this screen; the links in
//! it are real and lead to the tracking page of this server.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mayday_app::App;
use mayday_app::escalation::DeliveryReport;
use mayday_app::senders::SCREEN;
use mayday_core::time::Timestamp;
use mayday_gateway::onscreen::{Message, Shown};
use mayday_gateway::outcome::Delivery;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::account::{ANSWER_WITHIN, GRACE};
use super::cast::{BEN_PHONE, CARLA_PHONE, Cast, Person};
use super::http_client::Visitor;
use super::mqtt_client::MqttClient;
use super::stage::Stage;
use super::{Addresses, text_of};
use crate::failure::{Failure, Outcome};
use crate::output::Paint;

/// How long a message may take to appear; the longest wait of the demo's policy
/// and some.
const MESSAGE_LIMIT: Duration = Duration::from_secs(30);
/// Between two looks at the screen.
const LOOK_EVERY: Duration = Duration::from_millis(20);

const PHONE: &str = "Ana's phone";
const BEN: &str = "Ben's phone";
const CARLA: &str = "Carla's phone";

/// Tells it.
pub(super) async fn tell(
    app: &Arc<App>,
    cast: &Cast,
    mqtt: &mut MqttClient,
    addresses: Addresses,
    stage: Stage,
) -> Outcome {
    let shown = app.senders().screen().after(0);
    let mut rescue = Rescue {
        app,
        ana: &cast.ana,
        mqtt,
        visitor: Visitor::new(addresses.http),
        stage,
        taken: shown.iter().map(|shown| shown.number).collect(),
    };
    let opened_at = rescue.cry().await?;
    rescue.ben_is_written_to(opened_at).await?;
    rescue.ben_does_not_answer().await?;
    let token = rescue.carla_opens_her_link().await?;
    rescue.carla_answers(&token).await?;
    rescue.who_knows().await?;
    rescue.all_clear().await?;
    rescue.what_the_phone_heard().await
}

struct Rescue<'a> {
    app: &'a Arc<App>,
    ana: &'a Person,
    mqtt: &'a mut MqttClient,
    visitor: Visitor,
    stage: Stage,
    /// The numbers of the messages that were taken from the screen.
    taken: BTreeSet<u64>,
}

impl Rescue<'_> {
    /// Answers when the incident was opened.
    async fn cry(&mut self) -> Result<Timestamp, Failure> {
        self.stage
            .heading("The next day she falls again, and this time she means it")?;
        self.mqtt.forget_events();
        let topic = format!("sos/alerts/{}", self.ana.user_id);
        let body = json!({
            "latitude": 42.632_4,
            "longitude": 0.524_6,
            "triggerSource": "app_button",
            "message": "I cannot get up",
            "mobileBattery": 34,
        });
        let sent = self.mqtt.publish(&topic, &body).await?;
        let (event, _) = self.mqtt.event("processed").await?;
        let text = "publishes an SOS: \"I cannot get up\"";
        let took = Some(sent.acknowledged);
        self.stage.step(PHONE, Paint::Bad, text, took).await?;
        let text = format!("could still take it back: {} s of grace", GRACE.as_secs());
        self.stage.step(PHONE, Paint::Faint, &text, None).await?;
        let opened_at = Timestamp::parse(&text_of(&event, "/openedAt"));
        opened_at.map_err(|error| Failure::new(format!("an event without its time: {error}")))
    }

    /// The latency is the promise of the service: from the end of the grace window.
    async fn ben_is_written_to(&mut self, opened_at: Timestamp) -> Outcome {
        let shown = self.message_to(BEN_PHONE).await?;
        let Message::Sms(sms) = &shown.message else {
            return Err(Failure::new("Ben was to be written to first"));
        };
        let late = Some(shown.at.since(opened_at.plus(GRACE)));
        let text = "is sent an SMS: after the grace window it took";
        self.stage.step(BEN, Paint::Accent, text, late).await?;
        self.quote(&sms.text)
    }

    /// No answer, and a call that nobody takes.
    async fn ben_does_not_answer(&mut self) -> Outcome {
        let text = format!(
            "lies in a drawer; mayday waits {} s",
            ANSWER_WITHIN.as_secs()
        );
        self.stage.step(BEN, Paint::Faint, &text, None).await?;
        let call = self.message_to(BEN_PHONE).await?;
        let Message::Call(spoken) = &call.message else {
            return Err(Failure::new("Ben was to be called"));
        };
        self.stage.step(BEN, Paint::Accent, "rings", None).await?;
        self.quote(&spoken.script.message)?;
        // What a telephone company would say of it.
        let report = DeliveryReport {
            provider: SCREEN.to_owned(),
            provider_id: self.app.senders().screen().provider_id(call.number),
            delivery: Delivery::Failed,
            code: Some("no-answer".to_owned()),
            answered_by: None,
            at: self.app.now(),
        };
        self.app
            .report_delivery(report)
            .await
            .map_err(|error| Failure::new(error.to_string()))?;
        let text = "rings out: it is Carla's turn at once";
        self.stage.step(BEN, Paint::Faint, text, None).await
    }

    /// The next contact, who opens the link. Answers the token in it.
    async fn carla_opens_her_link(&mut self) -> Result<String, Failure> {
        let Message::Sms(sms) = self.message_to(CARLA_PHONE).await?.message else {
            return Err(Failure::new("Carla was to be written to"));
        };
        let text = "gets an SMS, with a tracking link of her own";
        self.stage.step(CARLA, Paint::Accent, text, None).await?;
        self.quote(&sms.text)?;
        let link = sms.text.split_whitespace().last().unwrap_or_default();
        let path = link.find("/t/").and_then(|at| link.get(at..));
        let path = path.ok_or_else(|| Failure::new(format!("no tracking link in {}", sms.text)))?;
        let page = self.visitor.page(path).await?;
        let text = format!(
            "opens it: a page of {} kB, without JavaScript too",
            page.bytes.div_ceil(1_000)
        );
        self.stage
            .step(CARLA, Paint::Accent, &text, Some(page.took))
            .await?;
        Ok(path.trim_start_matches("/t/").to_owned())
    }

    async fn carla_answers(&mut self, token: &str) -> Outcome {
        let began = Instant::now();
        let path = format!("/v1/public/sos/{token}/acknowledge");
        self.visitor.post(&path, &json!({"name": "Carla"})).await?;
        let (event, arrived) = self.mqtt.event("sos_ack").await?;
        let text = "says \"I am on it\": nobody else is asked any more";
        self.stage.step(CARLA, Paint::Good, text, None).await?;
        let text = format!(
            "hears that {} is coming, status {}",
            text_of(&event, "/acknowledgedBy/name"),
            text_of(&event, "/status")
        );
        let took = Some(arrived.duration_since(began));
        self.stage.step(PHONE, Paint::Good, &text, took).await
    }

    /// How far each message got, as Ana's app shows it.
    async fn who_knows(&mut self) -> Outcome {
        let answer = self.ana.http.get("/v1/sdk/sos").await?;
        let text = "shows her who was told, and how far it got";
        self.stage
            .step(PHONE, Paint::Accent, text, Some(answer.took))
            .await?;
        let list = |pointer: &str| {
            let list = answer.body.pointer(pointer).and_then(Value::as_array);
            list.cloned().unwrap_or_default()
        };
        let contacts = list("/incident/actuators/items/0/contacts");
        for receipt in list("/receipts") {
            let told = receipt.get("contactId");
            let of = contacts.iter().find(|one| one.get("contactId") == told);
            let name = of.map_or_else(|| "?".to_owned(), |one| text_of(one, "/name"));
            self.stage.detail(&format!(
                "{name:<7}{:<7}{}",
                text_of(&receipt, "/channel"),
                text_of(&receipt, "/step")
            ))?;
        }
        Ok(())
    }

    async fn all_clear(&mut self) -> Outcome {
        self.stage.heading("Carla has found her")?;
        let resolve = "/v1/sdk/sos/resolve";
        let answer = self.ana.http.post(resolve, &json!({})).await?;
        self.mqtt.event("resolved").await?;
        let took = Some(answer.took);
        let text = "closes the SOS as handled";
        self.stage.step(PHONE, Paint::Good, text, took).await?;
        for (phone, actor) in [(BEN_PHONE, BEN), (CARLA_PHONE, CARLA)] {
            if let Message::Sms(sms) = self.message_to(phone).await?.message {
                let text = "gets the all-clear";
                self.stage.step(actor, Paint::Good, text, None).await?;
                self.quote(&sms.text)?;
            }
        }
        Ok(())
    }

    /// The events in the order in which a subscriber heard them.
    async fn what_the_phone_heard(&mut self) -> Outcome {
        let text = "has heard all of it, numbered and in order";
        self.stage.step(PHONE, Paint::Accent, text, None).await?;
        let mut heard: Vec<(&str, i64, i64)> = Vec::new();
        for (kind, number) in self.mqtt.events_seen() {
            match heard.last_mut() {
                Some((last, _, to)) if last == kind => *to = *number,
                _ => heard.push((kind, *number, *number)),
            }
        }
        for (kind, from, to) in heard {
            let numbers = if from == to {
                from.to_string()
            } else {
                format!("{from}-{to}")
            };
            self.stage.detail(&format!("{numbers:<7}{kind}"))?;
        }
        Ok(())
    }

    /// The next message to a phone, in whatever order those to others come.
    async fn message_to(&mut self, phone: &str) -> Result<Shown, Failure> {
        let until = Instant::now() + MESSAGE_LIMIT;
        loop {
            for shown in self.app.senders().screen().after(0) {
                let to = match &shown.message {
                    Message::Sms(sms) => &sms.to,
                    Message::Call(call) => &call.to,
                    Message::Mail(_) => continue,
                };
                if to == phone && self.taken.insert(shown.number) {
                    return Ok(shown);
                }
            }
            if Instant::now() > until {
                return Err(Failure::new(format!("nothing was sent to {phone}")));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn quote(&self, text: &str) -> Outcome {
        for line in text.lines() {
            self.stage.detail(line)?;
        }
        Ok(())
    }
}
