//! A node with an MQTT listener on a free port.

use std::net::SocketAddr;
use std::time::Duration;

use mayday_app::presence::PresenceLimits;
use mayday_app::testing::TestApp;
use mayday_core::identity::Caller;
use mayday_mqtt::{Endpoint, MqttSettings};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::transport::{self, Terms, Via};

/// Settings under which no client is too slow for the listener, nor the store.
pub(crate) fn patient() -> MqttSettings {
    let long = Duration::from_mins(5);
    MqttSettings {
        connect_timeout: long,
        write_timeout: long,
        drain_timeout: long,
        ..MqttSettings::default()
    }
}

/// A node with an MQTT listener.
pub(crate) struct Server {
    pub(crate) node: TestApp,
    pub(crate) via: Via,
    pub(crate) terms: Terms,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) listener: JoinHandle<()>,
    _stop: DropGuard,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::over(Via::Tcp).await
    }

    pub(crate) async fn over(via: Via) -> Self {
        Self::over_with(via, patient(), PresenceLimits::default()).await
    }

    pub(crate) async fn over_with(
        via: Via,
        settings: MqttSettings,
        presence: PresenceLimits,
    ) -> Self {
        Self::of(TestApp::with_presence(presence).await, via, settings).await
    }

    /// One on each database that there is.
    pub(crate) async fn on_both(via: Via) -> Vec<Self> {
        let mut servers = vec![Self::over(via).await];
        if let Some(node) = TestApp::postgres().await {
            servers.push(Self::of(node, via, patient()).await);
        }
        servers
    }

    async fn of(node: TestApp, via: Via, settings: MqttSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let endpoint = Endpoint::new(node.app.clone(), settings, shutdown.clone());
        let terms = Terms::new();
        let serving = transport::serve(
            via,
            endpoint,
            listener,
            terms.server.clone(),
            shutdown.clone(),
        );
        Self {
            node,
            via,
            terms,
            address,
            listener: tokio::spawn(serving),
            _stop: shutdown.clone().drop_guard(),
            shutdown,
        }
    }

    pub(crate) async fn caller(&self, external_id: &str) -> Caller {
        self.node.caller(external_id).await
    }

    /// Whether the user has an open incident.
    pub(crate) async fn has_sos(&self, external_id: &str) -> bool {
        let caller = self.caller(external_id).await;
        let open = self.node.app.current_sos(&caller).await;
        open.unwrap().is_some()
    }
}
