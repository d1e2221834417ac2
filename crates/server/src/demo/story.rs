//! One SOS that is a false alarm and one that is not, over real sockets.

use std::sync::Arc;
use std::time::Duration;

use mayday_app::App;
use mayday_core::clock::Clock as _;
use mayday_core::time::Timestamp;
use serde_json::{Value, json};

use super::cast::{Cast, DEVICE_ID, Person};
use super::mqtt_client::MqttClient;
use super::stage::Stage;
use super::{Addresses, rescue, text_of};
use crate::clock::AnchoredClock;
use crate::failure::{Failure, Outcome};
use crate::output::Paint;

/// Where Ana walks: above Benasque, north-east each time, in degrees.
const START: (f64, f64) = (42.631_2, 0.523_4);
const STRIDE: f64 = 0.000_4;

const PHONE: &str = "Ana's phone";
const SERVER: &str = "mayday";

/// Tells it.
pub(super) async fn tell(
    app: &Arc<App>,
    cast: &Cast,
    addresses: Addresses,
    stage: Stage,
) -> Outcome {
    let ana = &cast.ana;
    let mut story = Story {
        ana,
        stage,
        clock: AnchoredClock::new(),
        last_sample: Timestamp::from_secs(0),
        stride: 0.0,
        mqtt: connect(ana, addresses, stage).await?,
    };
    story.walk(3).await?;
    let incident = story.trigger().await?;
    story.walk(2).await?;
    story.look().await?;
    story.cancel().await?;
    story.remember(&incident).await?;
    rescue::tell(app, cast, &mut story.mqtt, addresses, stage).await?;
    story.mqtt.disconnect().await
}

struct Story<'a> {
    ana: &'a Person,
    stage: Stage,
    clock: AnchoredClock,
    last_sample: Timestamp,
    stride: f64,
    mqtt: MqttClient,
}

async fn connect(ana: &Person, addresses: Addresses, stage: Stage) -> Result<MqttClient, Failure> {
    stage.heading("Ana goes for a walk in the mountains")?;
    let began = tokio::time::Instant::now();
    let username = ana.mqtt_username();
    let mut mqtt = MqttClient::connect(addresses.mqtt, "demo-ana", &username, &ana.hash).await?;
    let connected = Some(began.elapsed());
    mqtt.subscribe(&format!("sos/events/{}", ana.user_id))
        .await?;
    let text = "connects over MQTT; her signature is verified";
    stage.step(PHONE, Paint::Accent, text, connected).await?;
    Ok(mqtt)
}

impl Story<'_> {
    /// Sends positions.
    async fn walk(&mut self, strides: u32) -> Outcome {
        let topic = format!("tel/{}/data", self.ana.user_id);
        for _ in 0..strides {
            self.stride += 1.0;
            let sample = self.position();
            let sent = self.mqtt.publish(&topic, &sample).await?;
            let text = format!(
                "sends her position {:.4}, {:.4}; it is on disk",
                START.0 + self.stride * STRIDE,
                START.1 + self.stride * STRIDE
            );
            self.stage
                .step(PHONE, Paint::Accent, &text, Some(sent.acknowledged))
                .await?;
        }
        Ok(())
    }

    /// Presses the button; answers the incident's id.
    async fn trigger(&mut self) -> Result<String, Failure> {
        self.stage.heading("She falls, and presses SOS")?;
        let mut body = self.position();
        if let Some(body) = body.as_object_mut() {
            body.insert("deviceId".to_owned(), json!(DEVICE_ID));
            body.insert("triggerSource".to_owned(), json!("app_button"));
            body.insert("message".to_owned(), json!("I fell, my leg hurts"));
        }
        let topic = format!("sos/alerts/{}", self.ana.user_id);
        let sent = self.mqtt.publish(&topic, &body).await?;
        let (event, arrived) = self.mqtt.event("processed").await?;
        let stage = self.stage;
        let text = "publishes the SOS with her position and her device";
        stage.step(PHONE, Paint::Bad, text, None).await?;
        let text = "stores it, then acknowledges: safe from power cuts";
        let took = Some(sent.acknowledged);
        stage.step(SERVER, Paint::Warn, text, took).await?;
        let text = format!(
            "sends the event `processed`, status {}",
            text_of(&event, "/status")
        );
        let took = Some(arrived.duration_since(sent.sent));
        stage.step(SERVER, Paint::Warn, &text, took).await?;
        let incident = text_of(&event, "/incidentId");
        stage.detail(&format!("incident {incident}"))?;
        Ok(incident)
    }

    /// Reads the incident back, as the app does after a silence.
    async fn look(&mut self) -> Outcome {
        let answer = self.ana.http.get("/v1/sdk/sos").await?;
        let snapshot = answer.body.pointer("/incident/positionSnapshot");
        let degree = |name: &str| {
            let value = snapshot.and_then(|snapshot| snapshot.get(name));
            value.and_then(Value::as_f64).unwrap_or_default()
        };
        let text = "reads it back over HTTP: it followed her steps";
        self.stage
            .step(PHONE, Paint::Accent, text, Some(answer.took))
            .await?;
        self.stage.detail(&format!(
            "state {}, last position {:.4}, {:.4}",
            text_of(&answer.body, "/incident/state"),
            degree("latitude"),
            degree("longitude")
        ))
    }

    /// Ends it, and sees the end arrive on the other transport.
    async fn cancel(&mut self) -> Outcome {
        self.stage.heading("It is only a bruise: she cancels")?;
        let began = tokio::time::Instant::now();
        let answer = self.ana.http.post("/v1/sdk/sos/cancel", &json!({})).await?;
        let (event, arrived) = self.mqtt.event("cancelled").await?;
        let text = format!("cancels over HTTP: {}", answer.status);
        let took = Some(answer.took);
        self.stage.step(PHONE, Paint::Accent, &text, took).await?;
        let text = format!(
            "sends the event `cancelled` over MQTT, number {}",
            event.get("snapshotVersion").unwrap_or(&Value::Null)
        );
        let took = Some(arrived.duration_since(began));
        self.stage.step(SERVER, Paint::Warn, &text, took).await
    }

    /// Finds it in the history, with its trail.
    async fn remember(&mut self, incident: &str) -> Outcome {
        let answer = self.ana.http.get("/v1/sdk/sos/history?limit=1").await?;
        let item = answer.body.pointer("/incidents/0").unwrap_or(&Value::Null);
        if text_of(item, "/incident/id") != incident {
            return Err(Failure::new(
                "the incident is not the newest of the history",
            ));
        }
        let trail = item.get("trail").and_then(Value::as_array);
        let text = format!(
            "finds it in her history, {}, with {} positions",
            text_of(item, "/incident/state"),
            trail.map_or(0, Vec::len)
        );
        self.stage
            .step(PHONE, Paint::Accent, &text, Some(answer.took))
            .await
    }

    /// Where she is. No two samples of a phone bear one time.
    fn position(&mut self) -> Value {
        let tick = Duration::from_millis(1);
        self.last_sample = self.clock.now().max(self.last_sample.plus(tick));
        json!({
            "timestamp": self.last_sample.to_string(),
            "latitude": START.0 + self.stride * STRIDE,
            "longitude": START.1 + self.stride * STRIDE,
            "altitude": 2_140.0,
            "mobileBattery": 71,
        })
    }
}
