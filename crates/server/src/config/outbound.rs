//! `[outbound]`: how this server reaches others.

use std::net::IpAddr;

use mayday_gateway::guard::{GuardSettings, Proxy, ProxyNames, Roots, authorities_from_pem};
use mayday_gateway::secret::Secret;

use super::reader::Reader;

/// How this server reaches others.
#[derive(Clone, Debug)]
pub(crate) struct OutboundConfig {
    /// For the client of everything that goes out over HTTP.
    pub(crate) guard: GuardSettings,
}

impl OutboundConfig {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let bind = reader.text("outbound.bind_address");
        let address = bind.parse::<IpAddr>().ok();
        if !bind.is_empty() && address.is_none() {
            reader.refuse(
                "outbound.bind_address",
                "must be an IP address of this machine",
            );
        }
        Self {
            guard: GuardSettings {
                bind: address,
                proxy: proxy(reader),
                roots: roots(reader),
                ..GuardSettings::default()
            },
        }
    }
}

fn proxy(reader: &mut Reader<'_>) -> Option<Proxy> {
    let text = reader.text("outbound.proxy");
    let credentials = reader.secret_or_file("outbound.proxy_password");
    let names = if reader.boolean("outbound.proxy_resolves_names") {
        ProxyNames::AtProxy
    } else {
        ProxyNames::Here
    };
    if text.is_empty() {
        if credentials.is_some() {
            reader.refuse("outbound.proxy_password", "needs outbound.proxy too");
        }
        return None;
    }
    let split = text.rsplit_once(':');
    let parsed = split.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let Some((host, port)) = parsed.filter(|(host, _)| is_host(host)) else {
        reader.refuse(
            "outbound.proxy",
            "must be HOST:PORT, such as proxy.internal:3128",
        );
        return None;
    };
    Some(Proxy {
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        credentials: credentials.map(|secret| Secret::new(secret.reveal().clone())),
        names,
    })
}

fn is_host(host: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    !host.is_empty() && host.bytes().all(plain)
}

fn roots(reader: &mut Reader<'_>) -> Roots {
    let Some(pem) = reader.optional_file("outbound.ca_file") else {
        return Roots::Mozilla;
    };
    match authorities_from_pem(&pem) {
        Ok(own) => Roots::MozillaAnd(own),
        Err(error) => {
            reader.refuse("outbound.ca_file", &error.to_string());
            Roots::Mozilla
        }
    }
}
