//! One MQTT connection of the load: raw reads and writes on two buffers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::link::{Link, Under};
use super::packets::{self, Next, Packet, Protocol};
use super::people::Person;
use crate::failure::Failure;

/// Time for connecting, and for the answers to CONNECT and SUBSCRIBE.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Room for answers: a full window of them arrives in one read.
const INBOX_BYTES: usize = 8 * 1024;

/// Whom a connection is made to, and how.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The MQTT listener.
    pub(crate) address: SocketAddr,
    /// What lies under MQTT.
    pub(crate) under: Under,
    /// The protocol version.
    pub(crate) protocol: Protocol,
    /// Keep-alive in seconds.
    pub(crate) keep_alive_seconds: u16,
}

/// A connection.
pub(crate) struct Client {
    link: Link,
    inbox: Vec<u8>,
    /// How much of the inbox was read and not yet taken.
    filled: usize,
    taken: usize,
    /// What [`flush`](Self::flush) writes.
    pub(crate) outbox: Vec<u8>,
}

impl Client {
    /// Connects and says who it is.
    pub(crate) async fn connect(target: &Target, person: &Person) -> Result<Self, Failure> {
        Self::connect_as(target, person, &person.id).await
    }

    /// Connects a device of somebody who may have others.
    pub(crate) async fn connect_as(
        target: &Target,
        person: &Person,
        client_id: &str,
    ) -> Result<Self, Failure> {
        within("connecting", async {
            let mut client = Self {
                link: Link::connect(target.address, &target.under).await?,
                inbox: Vec::new(),
                filled: 0,
                taken: 0,
                outbox: Vec::new(),
            };
            packets::connect(
                target.protocol,
                person,
                client_id,
                target.keep_alive_seconds,
                &mut client.outbox,
            );
            client.flush().await?;
            match client.packet().await? {
                Packet::ConnAck(0) => {}
                Packet::ConnAck(code) => return Err(refused("CONNECT", code)),
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
            client.shrink();
            Ok(client)
        })
        .await
    }

    /// Subscribes with `QoS` 1.
    pub(crate) async fn subscribe(
        &mut self,
        protocol: Protocol,
        topic: &str,
    ) -> Result<(), Failure> {
        within("subscribing", async {
            packets::subscribe(protocol, topic, &mut self.outbox);
            self.flush().await?;
            loop {
                match self.packet().await? {
                    Packet::SubAck(0..=2) => break,
                    Packet::SubAck(code) => return Err(refused("SUBSCRIBE", code)),
                    _ => {}
                }
            }
            self.shrink();
            Ok(())
        })
        .await
    }

    /// Writes the outbox.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if !self.outbox.is_empty() {
            self.link.send(&self.outbox).await?;
            self.outbox.clear();
        }
        Ok(())
    }

    /// Waits until something arrived; cancel-safe.
    pub(crate) async fn fill(&mut self) -> io::Result<()> {
        if self.taken > 0 {
            self.inbox.copy_within(self.taken..self.filled, 0);
            self.filled -= self.taken;
            self.taken = 0;
        }
        let wanted = (2 * self.filled).max(INBOX_BYTES);
        if self.inbox.len() < wanted {
            self.inbox.resize(wanted, 0);
        }
        let room = self.inbox.get_mut(self.filled..).unwrap_or_default();
        let read = self.link.read(room).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.filled += read;
        Ok(())
    }

    /// The next packet that has arrived whole.
    pub(crate) fn next(&mut self) -> io::Result<Option<Packet<'_>>> {
        let arrived = self.inbox.get(self.taken..self.filled).unwrap_or_default();
        match packets::next(arrived) {
            Next::Packet(packet, length) => {
                self.taken += length;
                Ok(Some(packet))
            }
            Next::Incomplete => Ok(None),
            Next::Garbage => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Waits for a packet.
    async fn packet(&mut self) -> io::Result<Packet<'_>> {
        loop {
            let arrived = self.inbox.get(self.taken..self.filled);
            match packets::next(arrived.unwrap_or_default()) {
                Next::Incomplete => self.fill().await?,
                Next::Garbage => return Err(io::ErrorKind::InvalidData.into()),
                Next::Packet(..) => break,
            }
        }
        self.next()?
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Gives the buffers back while nothing lies in them: thousands may be idle.
    fn shrink(&mut self) {
        if self.taken == self.filled {
            self.inbox = Vec::new();
            (self.taken, self.filled) = (0, 0);
        }
        self.outbox = Vec::new();
    }

    /// Says goodbye and closes with a reset, which leaves no socket behind in
    /// `TIME_WAIT`: thousands of connections a second would use up all ports.
    pub(crate) async fn hang_up(mut self) {
        // A server that went away needs no goodbye.
        let _ = self.link.send(&packets::DISCONNECT).await;
        self.link.set_zero_linger();
    }
}

/// The server's no.
pub(crate) fn refused(what: &str, code: u8) -> io::Error {
    io::Error::other(format!("{what} was refused with code {code:#04x}"))
}

async fn within<T>(
    what: &str,
    exchange: impl Future<Output = io::Result<T>>,
) -> Result<T, Failure> {
    match timeout(ANSWER_TIMEOUT, exchange).await {
        Ok(done) => done.map_err(|error| Failure::new(format!("{what}: {error}"))),
        Err(_) => Err(Failure::new(format!(
            "{what}: no answer within {} s",
            ANSWER_TIMEOUT.as_secs()
        ))),
    }
}
