//! The sockets on which a server listens.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use crate::config::Config;
use crate::failure::Failure;
use crate::lifecycle::Addresses;

/// Connections that wait to be accepted; the system may allow fewer
/// (`net.core.somaxconn`).
const BACKLOG: u32 = 4_096;

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
    pub(crate) fn bind(config: &Config) -> Result<Self, Failure> {
        Ok(Self {
            http: bind_if("HTTP", "--http", config.http.listen)?,
            https: bind_if("HTTPS", "--https", config.tls.https)?,
            mqtt: bind_if("MQTT", "--mqtt", config.mqtt.listen)?,
            mqtts: bind_if("MQTT with TLS", "--mqtts", config.tls.mqtts)?,
            admin: bind("health and metrics", "--admin", config.admin.listen)?,
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

fn bind_if(
    what: &str,
    flag: &str,
    address: Option<SocketAddr>,
) -> Result<Option<TcpListener>, Failure> {
    match address {
        Some(address) => bind(what, flag, address).map(Some),
        None => Ok(None),
    }
}

/// Listens with room for a crowd: the system's own default is so small that a burst
/// of strangers makes a phone wait for its second or third try, seconds later.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A restart must not wait for connections of before to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn bind(what: &str, flag: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    listen(address).map_err(|error| {
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
