//! `[admin]`: health and metrics for machines.

use std::net::SocketAddr;

use super::reader::Reader;

/// The listener for health and metrics.
#[derive(Clone, Debug)]
pub(crate) struct AdminConfig {
    /// Address and port; port 0 picks a free one.
    pub(crate) listen: SocketAddr,
}

impl AdminConfig {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let listen = reader.address("admin.listen");
        let remote = reader.boolean("admin.allow_remote");
        if !listen.ip().is_loopback() && !remote {
            reader.refuse(
                "admin.listen",
                "can be reached from other machines, and health and metrics ask for no \
                 password: use 127.0.0.1, or set admin.allow_remote = true",
            );
        }
        Self { listen }
    }
}
