//! Packets, byte by byte.

use mayday_app::testing::APP_ID;

/// The two versions of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V311,
    V5,
}

pub(crate) const BOTH: [Version; 2] = [Version::V311, Version::V5];

pub(crate) const PINGREQ: &[u8] = b"\xC0\x00";

pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut rest = body.len();
    loop {
        let digit = u8::try_from(rest % 128).unwrap();
        rest /= 128;
        bytes.push(if rest > 0 { digit | 0x80 } else { digit });
        if rest == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    binary(text.as_bytes())
}

pub(crate) fn binary(bytes: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

/// What a CONNECT says.
#[derive(Clone, Debug)]
pub(crate) struct Connect {
    pub(crate) version: Version,
    pub(crate) client_id: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) keep_alive: u16,
    pub(crate) clean: bool,
    pub(crate) will: Option<(String, Vec<u8>)>,
    /// Raw properties of 5.
    pub(crate) properties: Vec<u8>,
}

impl Connect {
    /// As the SDK does it.
    pub(crate) fn new(version: Version, external_id: &str, hash: &str) -> Self {
        Self {
            version,
            client_id: format!("client-of-{external_id}"),
            username: Some(format!("sdk:{APP_ID}:{external_id}")),
            password: Some(hash.to_owned()),
            keep_alive: 30,
            clean: true,
            will: None,
            properties: Vec::new(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut flags = u8::from(self.clean) << 1;
        if self.will.is_some() {
            flags |= 0b0000_1100;
        }
        flags |= u8::from(self.password.is_some()) << 6;
        flags |= u8::from(self.username.is_some()) << 7;
        let mut body = text("MQTT");
        body.push(if self.version == Version::V5 { 5 } else { 4 });
        body.push(flags);
        body.extend(self.keep_alive.to_be_bytes());
        if self.version == Version::V5 {
            body.push(u8::try_from(self.properties.len()).unwrap());
            body.extend_from_slice(&self.properties);
        }
        body.extend(text(&self.client_id));
        if let Some((topic, payload)) = &self.will {
            if self.version == Version::V5 {
                body.push(0);
            }
            body.extend(text(topic));
            body.extend(binary(payload));
        }
        for field in [&self.username, &self.password].into_iter().flatten() {
            body.extend(text(field));
        }
        packet(0x10, &body)
    }
}

/// PUBLISH; `id` 0 for QoS 0. `flags` are those beside QoS.
pub(crate) fn publish_with(
    version: Version,
    qos: u8,
    flags: u8,
    id: u16,
    topic: &str,
    payload: &[u8],
) -> Vec<u8> {
    let mut body = text(topic);
    if qos > 0 {
        body.extend(id.to_be_bytes());
    }
    if version == Version::V5 {
        body.push(0);
    }
    body.extend_from_slice(payload);
    packet(0x30 | qos << 1 | flags, &body)
}

/// PUBLISH of QoS 1.
pub(crate) fn publish(version: Version, id: u16, topic: &str, payload: &[u8]) -> Vec<u8> {
    publish_with(version, 1, 0, id, topic, payload)
}

pub(crate) fn subscribe(version: Version, id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == Version::V5 {
        body.push(0);
    }
    for (filter, qos) in filters {
        body.extend(text(filter));
        body.push(*qos);
    }
    packet(0x82, &body)
}

pub(crate) fn unsubscribe(version: Version, id: u16, filters: &[&str]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == Version::V5 {
        body.push(0);
    }
    for filter in filters {
        body.extend(text(filter));
    }
    packet(0xA2, &body)
}

/// PUBACK, PUBREL and their kin, by first byte.
pub(crate) fn ack(first: u8, id: u16) -> Vec<u8> {
    packet(first, &id.to_be_bytes())
}

/// A telemetry body, a second apart from the next.
pub(crate) fn sample(second: u16) -> Vec<u8> {
    format!(
        r#"{{"timestamp":"2026-09-09T10:{:02}:{:02}.000Z","latitude":41.4,"longitude":2.17}}"#,
        second / 60 % 60,
        second % 60
    )
    .into_bytes()
}

/// A trigger's body; each `n` is another cry.
pub(crate) fn cry(n: u16) -> Vec<u8> {
    format!(
        r#"{{"timestamp":"2026-09-09T10:00:{:02}.{:03}456Z","latitude":41.4,"longitude":2.17}}"#,
        n / 1000 % 60,
        n % 1000
    )
    .into_bytes()
}
