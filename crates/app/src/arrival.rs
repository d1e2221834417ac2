//! Where a connection came from.

use std::net::IpAddr;

use tokio::time::Instant;

/// Whom a connection comes from and since when it is open, as the listener that
/// accepted it knows. It goes with a request whose connection changes from HTTP
/// to another protocol, because limits on unproven connections count from then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The client's address; behind a trusted proxy that which it names.
    pub client: IpAddr,
    /// When the connection was accepted, or, if it has carried other requests
    /// before, when this one came.
    pub since: Instant,
}
