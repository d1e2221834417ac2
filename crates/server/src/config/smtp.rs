//! `[smtp]`: the server that takes our mail.

use mayday_gateway::mail::{Security, SmtpSettings};
use mayday_gateway::secret::Secret;

use super::OutboundConfig;
use super::reader::Reader;

/// The server that takes our mail, and who we are there.
#[derive(Clone, Debug)]
pub(crate) struct SmtpConfig {
    /// The server.
    pub(crate) server: SmtpSettings,
    /// The sender's address.
    pub(crate) from: String,
    /// The sender's name as it is shown.
    pub(crate) from_name: String,
}

impl SmtpConfig {
    /// Reads the section; `None` without a host.
    pub(crate) fn read(reader: &mut Reader<'_>, outbound: &OutboundConfig) -> Option<Self> {
        let host = reader.text("smtp.host");
        let port = reader.integer("smtp.port", 0_u16..=u16::MAX);
        let security = reader.choice(
            "smtp.security",
            &[
                ("starttls", Security::StartTls),
                ("tls", Security::Tls),
                ("plain", Security::Plain),
            ],
        );
        let security = security.unwrap_or(Security::StartTls);
        let (user, password) = (
            reader.text("smtp.user"),
            reader.secret_or_file("smtp.password"),
        );
        let from = reader.text("smtp.from");
        let from_name = reader.text("smtp.from_name");
        let hello = reader.text("smtp.hello");
        let connect_timeout = reader.seconds("smtp.connect_timeout_seconds", 1..=60);
        let send_timeout = reader.seconds("smtp.send_timeout_seconds", 1..=300);
        if host.is_empty() {
            return None;
        }
        let Some((_, domain)) = from.rsplit_once('@').filter(|(name, _)| !name.is_empty()) else {
            reader.refuse(
                "smtp.from",
                "must be a mail address, such as sos@example.org",
            );
            return None;
        };
        let credentials = credentials(reader, &host, security, (&user, password));
        let hello = if hello.is_empty() { domain } else { &hello };
        Some(Self {
            server: SmtpSettings {
                port: if port == 0 {
                    usual_port(security)
                } else {
                    port
                },
                host,
                security,
                credentials,
                hello: hello.to_owned(),
                bind: outbound.guard.bind,
                roots: outbound.guard.roots.clone(),
                connect_timeout,
                send_timeout,
            },
            from_name,
            from,
        })
    }
}

/// Who logs in at the mail server; `None` without a log-in, or when it is refused.
fn credentials(
    reader: &mut Reader<'_>,
    host: &str,
    security: Security,
    (user, password): (&str, Option<super::Secret<String>>),
) -> Option<(String, Secret)> {
    match (user, password) {
        ("", None) => None,
        ("", Some(_)) => {
            reader.refuse("smtp.user", "is missing for smtp.password");
            None
        }
        (_, None) => {
            reader.refuse("smtp.user", "needs smtp.password or smtp.password_file too");
            None
        }
        (_, Some(_)) if security == Security::Plain && !is_this_machine(host) => {
            reader.refuse(
                "smtp.security",
                "\"plain\" would show the password to the network: use \"starttls\" or \"tls\"",
            );
            None
        }
        (user, Some(password)) => Some((user.to_owned(), Secret::new(password.reveal().clone()))),
    }
}

/// RFC 8314, 3.3; a relay on this machine listens as any mail server does.
const fn usual_port(security: Security) -> u16 {
    match security {
        Security::StartTls => 587,
        Security::Tls => 465,
        Security::Plain => 25,
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
