//! One attempt over SMTP (RFC 5321).

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail as From, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use mayday_core::clock::SharedClock;
use tokio::time::{Instant, timeout, timeout_at};

use super::message::Mail;
use crate::guard::{InvalidRoots, Roots};
use crate::outcome::{Next, Outcome, Refusal};
use crate::secret::Secret;

/// Connections that are kept for the next mail.
const MAX_KEPT: usize = 4;

/// How long one is kept; servers close them after minutes.
const KEPT_FOR: Duration = Duration::from_mins(1);

/// How the connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// STARTTLS, required (port 587).
    StartTls,
    /// TLS from the first byte (port 465).
    Tls,
    /// None: for a relay on this machine or in tests.
    Plain,
}

/// The server that takes our mail.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Its name, which its certificate proves.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
    /// User and password.
    pub credentials: Option<(String, Secret)>,
    /// The name that we say in EHLO.
    pub hello: String,
    /// The own address that connections leave from.
    pub bind: Option<IpAddr>,
    /// Whom TLS trusts.
    pub roots: Roots,
    /// For connecting, TLS and authentication together.
    pub connect_timeout: Duration,
    /// For handing over one mail, after connecting.
    pub send_timeout: Duration,
}

struct Kept {
    connection: AsyncSmtpConnection,
    since: Instant,
}

struct Shared {
    settings: SmtpSettings,
    tls: Option<TlsParameters>,
    clock: SharedClock,
    kept: Mutex<Vec<Kept>>,
}

/// Hands mails to one server. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct SmtpMailer(Arc<Shared>);

/// An attempt that did not reach the end.
enum Failure {
    /// The server said no.
    Answered(Error),
    /// It broke or took too long before the mail itself began.
    Before(&'static str),
    /// The same, after it began.
    Within(&'static str),
}

impl SmtpMailer {
    /// A mailer. Fails when an authority in [`SmtpSettings::roots`] cannot be used.
    pub fn new(settings: SmtpSettings, clock: SharedClock) -> Result<Self, InvalidRoots> {
        let tls = match settings.security {
            Security::Plain => None,
            Security::StartTls | Security::Tls => Some(tls_parameters(&settings)?),
        };
        Ok(Self(Arc::new(Shared {
            settings,
            tls,
            clock,
            kept: Mutex::default(),
        })))
    }

    /// Makes one attempt, and one more from [`Mail::from_instead`] when the first is
    /// refused for good: that an app's address may not send through this server must
    /// keep no SOS from anybody.
    pub async fn send(&self, mail: &Mail) -> Outcome {
        let outcome = self.attempt(mail).await;
        let refused = matches!(&outcome, Outcome::Refused(refusal) if refusal.next == Next::Never);
        match mail.under_the_other() {
            Some(other) if refused => {
                let second = self.attempt(&other).await;
                if matches!(second, Outcome::Accepted { .. }) {
                    // The part before the `@` may be a person's.
                    let domain = mail.from.rsplit('@').next().unwrap_or_default();
                    tracing::warn!(
                        sender.domain = domain,
                        "the mail server refused an app's sender; the mail left under the address of [smtp]"
                    );
                }
                second
            }
            _ => outcome,
        }
    }

    /// Makes one attempt. 4xx is a refusal that time may heal, 5xx a final one;
    /// no answer to the mail itself is ambiguous. The id of an accepted mail is
    /// the text of its `Message-ID`.
    async fn attempt(&self, mail: &Mail) -> Outcome {
        let message = match mail.compose(self.0.clock.now()) {
            Ok(message) => message,
            Err(error) => {
                return Outcome::Refused(Refusal {
                    next: Next::Never,
                    code: None,
                    reason: error.to_string(),
                });
            }
        };
        // A kept connection may have been closed meanwhile: as long as nothing
        // of the mail went out, it goes over a new one.
        if let Some(kept) = self.take() {
            match self.hand_over(kept, &message).await {
                Ok(()) => return accepted(mail),
                Err(Failure::Before(_)) => {}
                // 421: the server closes, which it may do at any time.
                Err(Failure::Answered(error)) if code(&error) == Some(421) => {}
                Err(failure) => return self.ended(failure),
            }
        }
        let handed = match self.connect().await {
            Ok(connection) => self.hand_over(connection, &message).await,
            Err(failure) => Err(failure),
        };
        match handed {
            Ok(()) => accepted(mail),
            Err(failure) => self.ended(failure),
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let settings = &self.0.settings;
        let connecting = async {
            let hello = ClientId::Domain(settings.hello.clone());
            let at_once = match settings.security {
                Security::Tls => self.0.tls.clone(),
                Security::StartTls | Security::Plain => None,
            };
            let mut connection = AsyncSmtpConnection::connect_tokio1(
                (settings.host.as_str(), settings.port),
                Some(settings.connect_timeout),
                &hello,
                at_once,
                settings.bind,
            )
            .await?;
            if settings.security == Security::StartTls
                && let Some(tls) = self.0.tls.clone()
            {
                connection.starttls(tls, &hello).await?;
            }
            if let Some((user, password)) = &settings.credentials {
                let credentials = Credentials::new(user.clone(), password.expose().to_owned());
                connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
            }
            Ok::<_, Error>(connection)
        };
        match timeout(settings.connect_timeout, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) if error.status().is_some() => Err(Failure::Answered(error)),
            Ok(Err(error)) if error.is_tls() => Err(Failure::Before("no TLS with the server")),
            Ok(Err(_)) => Err(Failure::Before("no connection to the server")),
            Err(_) => Err(Failure::Before("no connection in time")),
        }
    }

    /// MAIL, RCPT, DATA, the mail. A connection over which it went well is kept.
    async fn hand_over(
        &self,
        mut connection: AsyncSmtpConnection,
        message: &Message,
    ) -> Result<(), Failure> {
        let deadline = Instant::now() + self.0.settings.send_timeout;
        let envelope = message.envelope();
        let asking = async {
            let from = From::new(envelope.from().cloned(), Vec::new());
            connection.command(from).await?;
            for to in envelope.to() {
                let to: Address = to.clone();
                connection.command(Rcpt::new(to, Vec::new())).await?;
            }
            connection.command(Data).await
        };
        match timeout_at(deadline, asking).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.status().is_some() => return Err(Failure::Answered(error)),
            Ok(Err(_)) => return Err(Failure::Before("broke off before the mail")),
            Err(_) => return Err(Failure::Before("no answer in time, before the mail")),
        }
        match timeout_at(deadline, connection.message(&message.formatted())).await {
            Ok(Ok(_)) => {
                self.keep(connection);
                Ok(())
            }
            Ok(Err(error)) if error.status().is_some() => Err(Failure::Answered(error)),
            Ok(Err(_)) => Err(Failure::Within("broke off within the mail")),
            Err(_) => Err(Failure::Within("no answer to the mail in time")),
        }
    }

    fn take(&self) -> Option<AsyncSmtpConnection> {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.since.elapsed() < KEPT_FOR);
        kept.pop().map(|kept| kept.connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_KEPT {
            let since = Instant::now();
            kept.push(Kept { connection, since });
        }
    }

    fn ended(&self, failure: Failure) -> Outcome {
        let server = format!("{}:{}", self.0.settings.host, self.0.settings.port);
        match failure {
            Failure::Within(what) => Outcome::Ambiguous {
                reason: format!("{server}: {what}"),
            },
            Failure::Before(what) => {
                Outcome::Refused(Refusal::retry(None, format!("{server}: {what}")))
            }
            // The text beside the code often repeats the receiver.
            Failure::Answered(error) => {
                let code = code(&error).map(|code| code.to_string());
                let told = code.as_deref().unwrap_or("without a code").to_owned();
                Outcome::Refused(Refusal {
                    next: refused(&error),
                    code,
                    reason: format!("{server}: refused, {told}"),
                })
            }
        }
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.settings.fmt(f)
    }
}

fn accepted(mail: &Mail) -> Outcome {
    Outcome::Accepted {
        provider_id: mail.id.clone(),
    }
}

fn code(error: &Error) -> Option<u16> {
    error.status().map(u16::from)
}

/// 4xx heals; 53x is about us (authentication, encryption), so another server
/// may take it; any other 5xx is about this mail.
fn refused(error: &Error) -> Next {
    match code(error) {
        Some(530..=538) => Next::OtherProvider,
        _ if error.is_permanent() => Next::Never,
        _ => Next::Retry { after: None },
    }
}

fn tls_parameters(settings: &SmtpSettings) -> Result<TlsParameters, InvalidRoots> {
    let (store, own) = match &settings.roots {
        Roots::Mozilla => (CertificateStore::WebpkiRoots, &[][..]),
        Roots::MozillaAnd(own) => (CertificateStore::WebpkiRoots, own.as_slice()),
        Roots::Only(own) => (CertificateStore::None, own.as_slice()),
    };
    let mut builder = TlsParameters::builder(settings.host.clone()).certificate_store(store);
    for authority in own {
        let authority = Certificate::from_der(authority.to_vec());
        builder = builder.add_root_certificate(authority.map_err(InvalidRoots::new)?);
    }
    builder.build_rustls().map_err(InvalidRoots::new)
}
