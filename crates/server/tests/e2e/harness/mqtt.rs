//! A blocking MQTT client for 3.1.1 and 5, written from the standards, so that
//! it shares no mistake with the product.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// No acknowledgement takes longer unless something is broken.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// The protocol level of CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V311,
    V5,
}

impl Version {
    /// Both, for tests that must hold on either.
    pub(crate) const BOTH: [Self; 2] = [Self::V311, Self::V5];
}

/// What a CONNECT says.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) version: Version,
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) password: String,
    /// Seconds.
    pub(crate) keep_alive: u16,
}

/// A packet from the server, as far as tests look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    Connack {
        session_present: bool,
        code: u8,
    },
    Publish {
        topic: String,
        payload: Vec<u8>,
        qos: u8,
        id: u16,
        retain: bool,
    },
    Puback {
        id: u16,
        code: u8,
    },
    Suback {
        codes: Vec<u8>,
    },
    Pingresp,
    Disconnect {
        code: u8,
    },
    Other(u8),
}

/// A connection that the server accepted.
pub(crate) struct Mqtt {
    stream: TcpStream,
    version: Version,
    received: Vec<u8>,
    waiting: VecDeque<Packet>,
    next_id: u16,
}

impl Mqtt {
    /// Connects; the code of the CONNACK when the server says no.
    pub(crate) fn connect(address: &str, login: &Login) -> io::Result<Result<Self, u8>> {
        Self::connect_within(LIMIT, address, login)
    }

    /// As [`Mqtt::connect`], for a CONNACK that may take longer.
    pub(crate) fn connect_within(
        limit: Duration,
        address: &str,
        login: &Login,
    ) -> io::Result<Result<Self, u8>> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(LIMIT))?;
        let mut client = Self {
            stream,
            version: login.version,
            received: Vec::new(),
            waiting: VecDeque::new(),
            next_id: 0,
        };
        let mut body = text("MQTT");
        body.push(if login.version == Version::V5 { 5 } else { 4 });
        body.push(0b1100_0010);
        body.extend(login.keep_alive.to_be_bytes());
        client.properties(&mut body);
        for field in [&login.client_id, &login.username, &login.password] {
            body.extend(text(field));
        }
        client.send(0x10, &body)?;
        match client.next(limit)? {
            Some(Packet::Connack { code: 0, .. }) => Ok(Ok(client)),
            Some(Packet::Connack { code, .. }) => Ok(Err(code)),
            other => Err(io::Error::other(format!("no CONNACK but {other:?}"))),
        }
    }

    /// Sends a PUBLISH and does not wait; its packet id (0 for `QoS` 0).
    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8], qos: u8) -> io::Result<u16> {
        let mut body = text(topic);
        let id = if qos == 0 { 0 } else { self.fresh_id() };
        if qos > 0 {
            body.extend(id.to_be_bytes());
        }
        self.properties(&mut body);
        body.extend_from_slice(payload);
        self.send(0x30 | (qos << 1), &body)?;
        Ok(id)
    }

    /// Sends a PUBLISH with `QoS` 1 and waits for its PUBACK; the reason code.
    pub(crate) fn publish_acked(&mut self, topic: &str, payload: &[u8]) -> io::Result<u8> {
        let id = self.publish(topic, payload, 1)?;
        let packet = self.wait_for(
            LIMIT,
            |packet| matches!(packet, Packet::Puback { id: acked, .. } if *acked == id),
        )?;
        match packet {
            Packet::Puback { code, .. } => Ok(code),
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }

    /// Subscribes with `QoS` 1; one code per topic.
    pub(crate) fn subscribe(&mut self, topics: &[&str]) -> io::Result<Vec<u8>> {
        let mut body = self.fresh_id().to_be_bytes().to_vec();
        self.properties(&mut body);
        for topic in topics {
            body.extend(text(topic));
            body.push(1);
        }
        self.send(0x82, &body)?;
        match self.wait_for(LIMIT, |packet| matches!(packet, Packet::Suback { .. }))? {
            Packet::Suback { codes } => Ok(codes),
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }

    /// PINGREQ, and does not wait.
    pub(crate) fn send_ping(&mut self) -> io::Result<()> {
        self.send(0xc0, &[])
    }

    /// PINGREQ, and waits for the PINGRESP.
    pub(crate) fn ping(&mut self) -> io::Result<()> {
        self.send_ping()?;
        self.wait_for(LIMIT, |packet| *packet == Packet::Pingresp)
            .map(|_| ())
    }

    /// A polite end.
    pub(crate) fn disconnect(mut self) {
        // The server may have gone first.
        let _ = self.send(0xe0, &[]);
    }

    /// The next packet; `None` after `limit` of silence. A PUBLISH of `QoS` 1
    /// is acknowledged.
    pub(crate) fn next(&mut self, limit: Duration) -> io::Result<Option<Packet>> {
        match self.waiting.pop_front() {
            Some(packet) => Ok(Some(packet)),
            None => self.read(limit),
        }
    }

    /// The first packet that fits; others are kept for [`Mqtt::next`].
    pub(crate) fn wait_for(
        &mut self,
        limit: Duration,
        fits: impl Fn(&Packet) -> bool,
    ) -> io::Result<Packet> {
        if let Some(at) = self.waiting.iter().position(&fits)
            && let Some(packet) = self.waiting.remove(at)
        {
            return Ok(packet);
        }
        loop {
            match self.read(limit)? {
                Some(packet) if fits(&packet) => return Ok(packet),
                Some(packet) => self.waiting.push_back(packet),
                None => return Err(ErrorKind::TimedOut.into()),
            }
        }
    }

    /// Sends bytes as they are.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// From now on nothing here waits.
    pub(crate) fn set_nonblocking(&mut self) {
        self.stream.set_nonblocking(true).unwrap();
    }

    /// Sends as much as goes without waiting; how much it was. A connection that
    /// the server closed takes nothing.
    pub(crate) fn write_some(&mut self, bytes: &[u8]) -> usize {
        self.stream.write(bytes).unwrap_or(0)
    }

    /// Reads what has come, without waiting, and throws it away.
    pub(crate) fn throw_away(&mut self) {
        let mut buffer = [0; 16 * 1024];
        while matches!(self.stream.read(&mut buffer), Ok(1..)) {}
    }

    /// A PUBLISH of 3.1.1 with `QoS` 1.
    pub(crate) fn publish_bytes(topic: &str, id: u16, payload: &[u8]) -> Vec<u8> {
        let mut body = text(topic);
        body.extend(id.to_be_bytes());
        body.extend_from_slice(payload);
        frame(0x32, &body)
    }

    fn read(&mut self, limit: Duration) -> io::Result<Option<Packet>> {
        self.stream.set_read_timeout(Some(limit))?;
        loop {
            if let Some((first, body)) = self.take_frame() {
                let packet = self.decode(first, &body);
                if let Packet::Publish { qos: 1, id, .. } = &packet {
                    self.send(0x40, &id.to_be_bytes())?;
                }
                return Ok(Some(packet));
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.received.extend_from_slice(&buffer[..read]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = *self.received.first()?;
        let (length, used) = varint(self.received.get(1..)?)?;
        let end = 1 + used + length;
        let body = self.received.get(1 + used..end)?.to_vec();
        self.received.drain(..end);
        Some((first, body))
    }

    fn decode(&self, first: u8, body: &[u8]) -> Packet {
        let number = |at: usize| {
            u16::from_be_bytes([
                body.get(at).copied().unwrap_or(0),
                body.get(at + 1).copied().unwrap_or(0),
            ])
        };
        match first >> 4 {
            2 => Packet::Connack {
                session_present: body[0] & 1 == 1,
                code: body[1],
            },
            3 => {
                let qos = (first >> 1) & 3;
                let end = 2 + usize::from(number(0));
                let mut at = end;
                let id = if qos > 0 { number(at) } else { 0 };
                at += if qos > 0 { 2 } else { 0 };
                Packet::Publish {
                    topic: String::from_utf8_lossy(&body[2..end]).into_owned(),
                    payload: body[at + self.skip(&body[at..])..].to_vec(),
                    qos,
                    id,
                    retain: first & 1 == 1,
                }
            }
            4 => Packet::Puback {
                id: number(0),
                code: body.get(2).copied().unwrap_or(0),
            },
            9 => Packet::Suback {
                codes: body[2 + self.skip(&body[2..])..].to_vec(),
            },
            13 => Packet::Pingresp,
            14 => Packet::Disconnect {
                code: body.first().copied().unwrap_or(0),
            },
            other => Packet::Other(other),
        }
    }

    /// The bytes that the properties of 5 take at the head of `bytes`.
    fn skip(&self, bytes: &[u8]) -> usize {
        if self.version == Version::V311 {
            return 0;
        }
        varint(bytes).map_or(0, |(length, used)| length + used)
    }

    /// 5 wants a property length where 3.1.1 has nothing.
    fn properties(&self, body: &mut Vec<u8>) {
        if self.version == Version::V5 {
            body.push(0);
        }
    }

    fn send(&mut self, first: u8, body: &[u8]) -> io::Result<()> {
        self.stream.write_all(&frame(first, body))
    }

    fn fresh_id(&mut self) -> u16 {
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        self.next_id
    }
}

/// A packet: its first byte, its length and what follows.
pub(crate) fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    frame.extend(length(body.len()));
    frame.extend_from_slice(body);
    frame
}

/// A variable byte integer.
pub(crate) fn length(mut value: usize) -> Vec<u8> {
    let mut digits = Vec::new();
    loop {
        let digit = u8::try_from(value % 128).unwrap();
        value /= 128;
        digits.push(if value > 0 { digit | 0x80 } else { digit });
        if value == 0 {
            return digits;
        }
    }
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}
