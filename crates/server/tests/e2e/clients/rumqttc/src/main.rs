//! Plays the scene of clients/mod.rs with rumqttc and reports it as JSON.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{TlsConfiguration, Transport};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Nothing takes longer unless it hangs.
const LIMIT: Duration = Duration::from_mins(1);

/// The stage that the test has set.
struct Stage(Value);

impl Stage {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    /// Host or, for WebSockets, URL.
    fn broker(&self) -> String {
        let host = self.text("host");
        match self.text("transport") {
            scheme @ ("ws" | "wss") => {
                format!("{scheme}://{host}:{}{}", self.port(), self.text("path"))
            }
            _ => host.to_owned(),
        }
    }

    fn port(&self) -> u16 {
        u16::try_from(self.0["port"].as_u64().unwrap()).unwrap()
    }

    fn transport(&self) -> Transport {
        match self.text("transport") {
            "tcp" => Transport::tcp(),
            "ws" => Transport::ws(),
            "tls" => Transport::tls_with_config(self.trust()),
            "wss" => Transport::wss_with_config(self.trust()),
            other => panic!("no transport {other}"),
        }
    }

    fn trust(&self) -> TlsConfiguration {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(self.text("ca")).unwrap();
        roots.add(certificate).unwrap();
        let client =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        TlsConfiguration::Rustls(Arc::new(client))
    }
}

/// The scene, for one of the two clients that rumqttc is.
macro_rules! scene {
    ($name:ident, $client:path, $filter:path, $open:expr, $refused:expr, $acknowledged:expr) => {
        async fn $name(stage: &Stage) -> Value {
            use $client as client;
            use client::mqttbytes::QoS;
            use client::{Event, EventLoop, Incoming, MqttOptions};

            let open = |id: &str, password: &str| {
                let mut options = MqttOptions::new(id, stage.broker(), stage.port());
                options
                    .set_credentials(stage.text("username"), password)
                    .set_keep_alive(Duration::from_secs(30))
                    .set_transport(stage.transport());
                ($open)(options)
            };
            async fn next<T>(
                events: &mut EventLoop,
                pick: impl Fn(&Incoming) -> Option<T>,
            ) -> Result<T, client::ConnectionError> {
                let awaited = async {
                    loop {
                        if let Event::Incoming(packet) = events.poll().await?
                            && let Some(found) = pick(&packet)
                        {
                            return Ok(found);
                        }
                    }
                };
                timeout(LIMIT, awaited).await.expect("nothing within 60 s")
            }

            let (_liar, mut events) = open("liar", &"f".repeat(64));
            let refused = next(&mut events, |packet| {
                matches!(packet, Incoming::ConnAck(_)).then_some(())
            })
            .await
            .expect_err("the liar was let in");
            let wrong_password: u64 = ($refused)(refused);

            let (phone, mut events) = open("eixam_phone", stage.text("password"));
            let own = format!("sos/events/{}", stage.text("uuid"));
            let alias = format!("sos/events/{}", stage.text("alias"));
            let filter = |topic: &str| <$filter>::new(topic.to_owned(), QoS::AtLeastOnce);
            phone.subscribe_many([filter(&own), filter(&alias)]).await.unwrap();
            let subscribed = next(&mut events, |packet| match packet {
                Incoming::SubAck(ack) => Some(ack.return_codes.clone()),
                _ => None,
            })
            .await
            .unwrap();
            let subscribed: Vec<u64> = subscribed
                .iter()
                .map(|code| match code {
                    code if format!("{code:?}") == "Success(AtLeastOnce)" => 1,
                    _ => 0x80,
                })
                .collect();

            let position = json!({
                "timestamp": stage.text("timestamp"), "latitude": 41.38, "longitude": 2.17
            });
            let body = position.to_string();
            let publish = |topic: String| {
                let (phone, body) = (phone.clone(), body.clone());
                async move { phone.publish(topic, QoS::AtLeastOnce, false, body).await.unwrap() }
            };
            publish(format!("sos/alerts/{}", stage.text("uuid"))).await;
            let (mut sos, mut heard) = (None, Vec::new());
            while sos.is_none() || heard.len() < 2 {
                let (ack, event) = next(&mut events, |packet| match packet {
                    Incoming::PubAck(ack) => Some((Some(($acknowledged)(ack)), None)),
                    Incoming::Publish(publish) => {
                        let topic = String::from_utf8(publish.topic.clone().into()).unwrap();
                        let event: Value = serde_json::from_slice(&publish.payload).unwrap();
                        Some((None, Some((topic, event))))
                    }
                    _ => None,
                })
                .await
                .unwrap();
                sos = sos.or(ack);
                heard.extend(event);
            }
            let event = |topic: &str| heard.iter().find(|(on, _)| on == topic).unwrap().1.clone();
            assert_eq!(event(&alias)["userId"], stage.0["alias"]);
            assert_eq!(event(&alias)["eventId"], event(&own)["eventId"]);

            let code = |packet: &Incoming| match packet {
                Incoming::PubAck(ack) => Some(($acknowledged)(ack)),
                _ => None,
            };
            publish(format!("tel/{}/data", stage.text("uuid"))).await;
            let telemetry = next(&mut events, code).await.unwrap();
            publish("sos/alerts/somebody-else".to_owned()).await;
            let foreign = match next(&mut events, code).await {
                Ok(code) => json!(code),
                Err(_) => json!("closed"),
            };
            json!({
                "wrong_password": wrong_password,
                "subscribed": subscribed,
                "sos": sos,
                "event": event(&own),
                "telemetry": telemetry,
                "foreign": foreign,
            })
        }
    };
}

mod v4 {
    //! Version 3.1.1, under the names that the other version has.
    pub(crate) use rumqttc::{ConnectionError, Event, EventLoop, Incoming, MqttOptions};
    pub(crate) mod mqttbytes {
        pub(crate) use rumqttc::QoS;
    }
}

mod v5 {
    //! Version 5.
    pub(crate) use rumqttc::v5::{
        ConnectionError, Event, EventLoop, Incoming, MqttOptions, mqttbytes,
    };
}

scene!(
    scene_v4,
    crate::v4,
    rumqttc::SubscribeFilter,
    |options: rumqttc::MqttOptions| {
        let (client, mut events) = rumqttc::AsyncClient::new(options, 16);
        let limit = LIMIT.as_secs();
        events.network_options.set_connection_timeout(limit);
        (client, events)
    },
    |error| match error {
        rumqttc::ConnectionError::ConnectionRefused(code) => match code {
            rumqttc::ConnectReturnCode::BadUserNamePassword => 4,
            rumqttc::ConnectReturnCode::NotAuthorized => 5,
            other => panic!("refused with {other:?}"),
        },
        other => panic!("{other:?}"),
    },
    |_: &rumqttc::PubAck| 0_u64
);

/// `Filter::new` under the name and with the arguments of 3.1.1.
struct Filter;

impl Filter {
    #[expect(
        clippy::new_ret_no_self,
        reason = "it stands for the client's own type"
    )]
    fn new(topic: String, qos: rumqttc::v5::mqttbytes::QoS) -> rumqttc::v5::mqttbytes::v5::Filter {
        rumqttc::v5::mqttbytes::v5::Filter::new(topic, qos)
    }
}

scene!(
    scene_v5,
    crate::v5,
    Filter,
    |mut options: rumqttc::v5::MqttOptions| {
        options.set_connection_timeout(LIMIT.as_secs());
        rumqttc::v5::AsyncClient::new(options, 16)
    },
    |error| match error {
        rumqttc::v5::ConnectionError::ConnectionRefused(code) => match code {
            rumqttc::v5::mqttbytes::v5::ConnectReturnCode::BadUserNamePassword => 0x86,
            rumqttc::v5::mqttbytes::v5::ConnectReturnCode::NotAuthorized => 0x87,
            other => panic!("refused with {other:?}"),
        },
        other => panic!("{other:?}"),
    },
    |ack: &rumqttc::v5::mqttbytes::v5::PubAck| match ack.reason {
        rumqttc::v5::mqttbytes::v5::PubAckReason::Success => 0_u64,
        rumqttc::v5::mqttbytes::v5::PubAckReason::NotAuthorized => 0x87,
        other => panic!("acknowledged with {other:?}"),
    }
);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let stage = Stage(serde_json::from_str(&text).unwrap());
    let report = match stage.text("version") {
        "5" => scene_v5(&stage).await,
        _ => scene_v4(&stage).await,
    };
    println!("{report}");
}
