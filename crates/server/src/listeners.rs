//! The sockets on which a server listens.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::config::Config;
use crate::failure::Failure;
use crate::lifecycle::Addresses;

/// Bound sockets; those that are off are missing.
pub(crate) struct Listeners {
    /// The SDK's HTTP interface.
    pub(crate) http: Option<TcpListener>,
    /// The same behind TLS.
    pub(crate) https: Option<TcpListener>,
    /// The SDK's MQTT interface.
    pub(crate) mqtt: Option<TcpListener>,
    /// The same behind TLS.
    pub(crate) mqtts: Option<TcpListener>,
    /// Health and metrics.
    pub(crate) admin: TcpListener,
}

impl Listeners {
    /// Takes every port, or says which one it cannot have.
    pub(crate) async fn bind(config: &Config) -> Result<Self, Failure> {
        Ok(Self {
            http: bind_if("HTTP", "--http", config.http.listen).await?,
            https: bind_if("HTTPS", "--https", config.tls.https).await?,
            mqtt: bind_if("MQTT", "--mqtt", config.mqtt.listen).await?,
            mqtts: bind_if("MQTT with TLS", "--mqtts", config.tls.mqtts).await?,
            admin: bind("health and metrics", "--admin", config.admin.listen).await?,
        })
    }

    /// Where they accept.
    pub(crate) fn addresses(&self) -> io::Result<Addresses> {
        let of = |listener: &Option<TcpListener>| {
            let address = listener.as_ref().map(TcpListener::local_addr);
            address.transpose()
        };
        Ok(Addresses {
            http: of(&self.http)?,
            https: of(&self.https)?,
            mqtt: of(&self.mqtt)?,
            mqtts: of(&self.mqtts)?,
            admin: self.admin.local_addr()?,
        })
    }
}

async fn bind_if(
    what: &str,
    flag: &str,
    address: Option<SocketAddr>,
) -> Result<Option<TcpListener>, Failure> {
    match address {
        Some(address) => bind(what, flag, address).await.map(Some),
        None => Ok(None),
    }
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
