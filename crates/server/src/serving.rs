//! The running server: listeners, workers, and their orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mayday_app::App;
use mayday_http::{AdminHost, HttpSettings};
use mayday_mqtt::MqttSettings;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin_socket;
use crate::clock;
use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::lifecycle::{Addresses, Signals};
use crate::limits::fit_to_file_descriptors;
use crate::node::Node;

/// Connections of the admin listener: a few probes and scrapers.
const ADMIN_CONNECTIONS: usize = 64;

/// An HTTP listener holds one seat in reserve for so many.
const HTTP_RESERVE_SHARE: usize = 16;

/// Time for workers to finish what they hold once the listeners are drained.
const WORKERS_DRAIN: Duration = Duration::from_secs(5);

/// A server that accepts.
pub(crate) struct Server {
    node: Node,
    addresses: Addresses,
    /// Takes commands from outside: ends first.
    front: Group,
    /// Works on what was taken.
    back: Group,
    /// Watches: ends last.
    rear: Group,
    drain_lead: Duration,
    drain_limit: Duration,
}

/// Tasks that end together.
struct Group {
    tasks: JoinSet<&'static str>,
    shutdown: CancellationToken,
}

impl Group {
    fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            shutdown: CancellationToken::new(),
        }
    }

    /// Runs a task that must last until the group's shutdown.
    fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            task.await;
            name
        });
    }

    /// Resolves when a task has ended before its time. Never for an empty group.
    async fn broken(&mut self) -> String {
        match self.tasks.join_next().await {
            Some(Ok(name)) => format!("the {name} ended unexpectedly"),
            Some(Err(error)) => format!("a part of the server failed: {error}"),
            None => std::future::pending().await,
        }
    }

    /// Asks the tasks to end and waits; cuts what is left after `limit`.
    async fn end(mut self, what: &'static str, limit: Duration) {
        self.shutdown.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, ended).await.is_err() {
            tracing::warn!(
                drain.limit_s = limit.as_secs(),
                "the {what} did not finish in time and are cut"
            );
            self.tasks.shutdown().await;
        }
    }
}

impl Server {
    /// Binds, opens and starts everything.
    pub(crate) async fn start(config: &Config) -> Result<Self, Failure> {
        // With the seats that HTTP keeps in reserve, and as many MQTT sockets
        // that are being closed as there may be unproven ones.
        let connections = config.http.max_connections
            + config.http.max_connections / HTTP_RESERVE_SHARE
            + config.mqtt.max_connections
            + config.mqtt.max_unproven_connections * 2
            + ADMIN_CONNECTIONS
            + ADMIN_CONNECTIONS / HTTP_RESERVE_SHARE
            + 1;
        let config = &fit_to_file_descriptors(config, connections);
        // Ports first: a taken one is found before anything is opened.
        let http = bind("HTTP", "--http", config.http.listen).await?;
        let mqtt = bind("MQTT", "--mqtt", config.mqtt.listen).await?;
        let admin = bind("health and metrics", "--admin", config.admin.listen).await?;
        let addresses = Addresses {
            http: http.local_addr()?,
            mqtt: mqtt.local_addr()?,
            admin: admin.local_addr()?,
        };
        let node = Node::open(config).await?;
        let data_dir = &config.store.data_dir;
        let socket = admin_socket::bind(data_dir).map_err(|error| {
            Failure::new(format!(
                "the command line's socket cannot be made in {}: {error}",
                data_dir.display()
            ))
        })?;
        let mut server = Self {
            node,
            addresses,
            front: Group::new(),
            back: Group::new(),
            rear: Group::new(),
            drain_lead: config.lifecycle.drain_lead,
            drain_limit: config.lifecycle.drain,
        };
        server.start_front(config, http, mqtt);
        let ended = server.front.shutdown.clone();
        let app = Arc::clone(&server.node.app);
        server
            .front
            .spawn("command line's socket", socket.serve(app, ended));
        server.start_back(admin);
        tracing::info!(
            http.address = %addresses.http,
            mqtt.address = %addresses.mqtt,
            admin.address = %addresses.admin,
            data.directory = %data_dir.display(),
            "serving"
        );
        Ok(server)
    }

    fn start_front(&mut self, config: &Config, http: TcpListener, mqtt: TcpListener) {
        let settings = HttpSettings {
            cors_origins: config.http.cors_origins.clone(),
            trusted_proxies: config.http.trusted_proxies.clone(),
            request_timeout: config.http.request_timeout,
            max_connections: config.http.max_connections,
            drain_timeout: config.lifecycle.drain,
            ..HttpSettings::default()
        };
        let router = mayday_http::router(Arc::clone(&self.node.app), settings.clone());
        let metrics = self.node.metrics.clone();
        let ended = self.front.shutdown.clone();
        self.front.spawn(
            "HTTP listener",
            mayday_http::serve(http, router, settings, metrics, ended),
        );
        let settings = MqttSettings {
            keep_alive_max: config.mqtt.max_keep_alive,
            drain_timeout: config.lifecycle.drain,
            ..MqttSettings::default()
        };
        let app = Arc::clone(&self.node.app);
        let ended = self.front.shutdown.clone();
        self.front.spawn(
            "MQTT listener",
            mayday_mqtt::serve(mqtt, app, settings, ended),
        );
    }

    fn start_back(&mut self, admin: TcpListener) {
        let answers_to = if self.addresses.admin.ip().is_loopback() {
            AdminHost::Loopback
        } else {
            AdminHost::Any
        };
        let app = Arc::clone(&self.node.app);
        let ended = self.back.shutdown.clone();
        self.back.spawn("workers", mayday_workers::run(app, ended));
        let settings = HttpSettings {
            max_connections: ADMIN_CONNECTIONS,
            drain_timeout: WORKERS_DRAIN,
            ..HttpSettings::default()
        };
        let router = mayday_http::admin_router(Arc::clone(&self.node.app), answers_to);
        let metrics = self.node.metrics.clone();
        let ended = self.rear.shutdown.clone();
        self.rear.spawn(
            "admin listener",
            mayday_http::serve(admin, router, settings, metrics, ended.clone()),
        );
        let clock = Arc::clone(&self.node.clock);
        self.rear
            .spawn("clock's watcher", clock::watch(clock, ended));
        self.rear.spawn("heartbeat", self.node.beat());
    }

    /// Where the listeners accept.
    pub(crate) const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The use cases.
    pub(crate) const fn app(&self) -> &Arc<App> {
        &self.node.app
    }

    /// Serves until the first signal, then drains until all is done or the
    /// second signal comes.
    pub(crate) async fn run(mut self, signals: &Signals) -> Outcome {
        let mut broken = tokio::select! {
            () = signals.drain.cancelled() => None,
            why = self.broken() => Some(why),
        };
        // Whoever balances load learns it before the first listener is closed.
        self.node.app.begin_drain();
        let stopped = || Failure::new("stopped by a second signal before the drain ended");
        if broken.is_none() && !self.drain_lead.is_zero() {
            tracing::info!(
                drain.lead_s = self.drain_lead.as_secs(),
                "not ready any more; still accepting, for load balancers to turn elsewhere"
            );
            let lead = self.drain_lead;
            broken = tokio::select! {
                cut_short = wait_lead(lead, self.broken()) => cut_short,
                () = signals.stop.cancelled() => return Err(stopped()),
            };
        }
        if let Some(why) = &broken {
            tracing::error!("{why}: draining");
        } else {
            tracing::info!("no new connections; finishing what is under way");
        }
        tokio::select! {
            () = self.drain() => {}
            () = signals.stop.cancelled() => return Err(stopped()),
        }
        match broken {
            None => Ok(()),
            Some(why) => Err(Failure::new(format!("{why}: look at the log"))),
        }
    }

    /// Resolves when a part of the server has ended before its time.
    async fn broken(&mut self) -> String {
        tokio::select! {
            why = self.front.broken() => why,
            why = self.back.broken() => why,
            why = self.rear.broken() => why,
        }
    }

    async fn drain(self) {
        // Listeners have a limit of their own; this one catches a stuck one.
        let limit = self.drain_limit + Duration::from_secs(1);
        self.front.end("listeners", limit).await;
        self.back.end("workers", WORKERS_DRAIN).await;
        let node = self.node.close();
        // The heartbeat ends with the node.
        tokio::join!(node, self.rear.end("watchers", WORKERS_DRAIN));
        tracing::info!("drained");
    }
}

/// Waits for the lead to pass; what breaks meanwhile ends it.
async fn wait_lead(lead: Duration, broken: impl Future<Output = String>) -> Option<String> {
    tokio::time::timeout(lead, broken).await.ok()
}

async fn bind(what: &str, flag: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let (why, advice) = match error.kind() {
            std::io::ErrorKind::AddrInUse => (
                "another program listens there".to_owned(),
                format!("stop it, or choose another port with {flag}"),
            ),
            std::io::ErrorKind::PermissionDenied => (
                "the system does not permit it".to_owned(),
                format!("choose a port above 1023 with {flag}"),
            ),
            std::io::ErrorKind::AddrNotAvailable => (
                "this machine has no such address".to_owned(),
                format!("choose another with {flag}"),
            ),
            _ => (error.to_string(), format!("check {flag}")),
        };
        Failure::new(format!(
            "cannot listen on {address} for {what}: {why}; {advice}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_lead_lasts_its_time_unless_something_breaks() {
        let lead = Duration::from_secs(30);
        let began = Instant::now();
        assert_eq!(wait_lead(lead, std::future::pending()).await, None);
        assert_eq!(began.elapsed(), lead);
        let broken = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            "the HTTP listener ended unexpectedly".to_owned()
        };
        let began = Instant::now();
        assert!(wait_lead(lead, broken).await.is_some());
        assert_eq!(began.elapsed(), Duration::from_secs(2));
    }
}
