//! The running server: listeners, workers, and their orderly end.

use std::sync::Arc;
use std::time::Duration;

use mayday_app::App;
use mayday_core::clock::SharedClock;
use mayday_http::{AdminHost, HttpSettings};
use mayday_mqtt::{Endpoint, MqttSettings};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin_socket;
use crate::clock;
use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::lifecycle::{Addresses, Signals};
use crate::limits::{ADMIN_CONNECTIONS, connections, fit_to_file_descriptors};
use crate::listeners::Listeners;
use crate::node::Node;
use crate::tls::{self, Tls};

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
        let config = &fit_to_file_descriptors(config, connections(config));
        // Certificates and ports first: what is wrong with them is found before
        // anything is opened.
        tls::check(&config.tls)?;
        let listeners = Listeners::bind(config)?;
        let addresses = listeners.addresses()?;
        let own_url = addresses.http.map(|address| format!("http://{address}"));
        let node = Node::open(config, own_url).await?;
        let data_dir = &config.store.data_dir;
        let tls = Tls::open(
            &config.tls,
            data_dir,
            Arc::clone(&node.clock) as SharedClock,
        )?;
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
        let Listeners {
            http,
            https,
            mqtt,
            mqtts,
            admin,
        } = listeners;
        let tls = tls.map(Arc::new);
        let secure = tls.as_deref();
        let endpoint = server.start_mqtt(config, (mqtt, mqtts), secure);
        server.start_http(config, (http, https), secure, &endpoint);
        if let Some(tls) = tls {
            server.watch_certificate(tls)?;
        }
        let ended = server.front.shutdown.clone();
        let app = Arc::clone(&server.node.app);
        server
            .front
            .spawn("command line's socket", socket.serve(app, ended));
        server.start_back(admin);
        tracing::info!(
            http.address = addresses.http.map(display),
            https.address = addresses.https.map(display),
            mqtt.address = addresses.mqtt.map(display),
            mqtts.address = addresses.mqtts.map(display),
            admin.address = %addresses.admin,
            data.directory = %data_dir.display(),
            "serving"
        );
        Ok(server)
    }

    fn start_mqtt(
        &mut self,
        config: &Config,
        (plain, secure): (Option<TcpListener>, Option<TcpListener>),
        tls: Option<&Tls>,
    ) -> Endpoint {
        let settings = MqttSettings {
            keep_alive_max: config.mqtt.max_keep_alive,
            drain_timeout: config.lifecycle.drain,
            ..MqttSettings::default()
        };
        let app = Arc::clone(&self.node.app);
        let endpoint = Endpoint::new(app, settings, self.front.shutdown.clone());
        let secure = secure.zip(tls).map(|(listener, tls)| mayday_mqtt::Door {
            listener,
            tls: Some(tls.mqtts()),
        });
        let doors = plain.map(Into::into).into_iter().chain(secure).collect();
        self.front
            .spawn("MQTT listener", endpoint.clone().serve(doors));
        endpoint
    }

    fn start_http(
        &mut self,
        config: &Config,
        (plain, secure): (Option<TcpListener>, Option<TcpListener>),
        tls: Option<&Tls>,
        mqtt: &Endpoint,
    ) {
        let settings = HttpSettings {
            cors_origins: config.http.cors_origins.clone(),
            trusted_proxies: config.http.trusted_proxies.clone(),
            public_url: config.http.public_url.clone(),
            request_timeout: config.http.request_timeout,
            max_connections: config.http.max_connections,
            drain_timeout: config.lifecycle.drain,
            ..HttpSettings::default()
        };
        let app = Arc::clone(&self.node.app);
        let router = mayday_http::router(Arc::clone(&app), settings.clone());
        let router = mqtt.with_websocket(router);
        let secure = secure.zip(tls).map(|(listener, tls)| mayday_http::Door {
            listener,
            tls: Some(tls.https()),
        });
        let doors = plain.map(Into::into).into_iter().chain(secure).collect();
        let ended = self.front.shutdown.clone();
        self.front.spawn(
            "HTTP listener",
            mayday_http::serve(doors, router, settings, app, ended),
        );
    }

    fn watch_certificate(&mut self, tls: Arc<Tls>) -> Result<(), Failure> {
        let hangups = signal(SignalKind::hangup())?;
        let ended = self.rear.shutdown.clone();
        self.rear
            .spawn("certificate's watcher", tls.watch(hangups, ended));
        Ok(())
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
        let app = Arc::clone(&self.node.app);
        let router = mayday_http::admin_router(Arc::clone(&app), settings.clone(), answers_to);
        let ended = self.rear.shutdown.clone();
        let doors = vec![admin.into()];
        self.rear.spawn(
            "admin listener",
            mayday_http::serve(doors, router, settings, app, ended.clone()),
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
