//! `[provider.NAME]`: who carries SMS and calls.

use std::collections::BTreeSet;

use mayday_gateway::guard::OutgoingUrl;
use mayday_gateway::secret::Secret;
use mayday_gateway::template::{BodyKind, Success, TemplateSettings};
use mayday_gateway::twilio::{Sender, TwilioSettings};
use serde_json::Value;

use super::reader::Reader;

/// A provider that the user named.
#[derive(Clone, Debug)]
pub(crate) struct ProviderConfig {
    /// Its name.
    pub(crate) name: String,
    /// How it is spoken to.
    pub(crate) kind: ProviderKind,
    /// Whether it may stand on this machine or in a private network, without TLS too.
    pub(crate) private: bool,
}

/// How a provider is spoken to.
#[derive(Clone, Debug)]
pub(crate) enum ProviderKind {
    /// Twilio's API.
    Twilio(TwilioConfig),
    /// A request of the user's own making.
    Template(TemplateSettings),
}

/// An account at Twilio, or at one that speaks like it.
#[derive(Clone, Debug)]
pub(crate) struct TwilioConfig {
    /// For messages.
    pub(crate) messages: TwilioSettings,
    /// For calls; `None` without a number to call from.
    pub(crate) calls: Option<TwilioSettings>,
    /// What it signs reports with.
    pub(crate) auth_token: Secret,
}

/// The settings of one kind, which the other must not have.
const OF_TWILIO: &[&str] = &[
    "base_url",
    "account_sid",
    "auth_token",
    "auth_token_file",
    "api_key",
    "api_key_secret",
    "api_key_secret_file",
    "from",
    "messaging_service",
];
const OF_TEMPLATE: &[&str] = &[
    "request_url",
    "method",
    "headers",
    "auth_header",
    "auth_header_secret",
    "auth_header_secret_file",
    "body_kind",
    "body",
    "success_statuses",
    "success_pointer",
    "success_value",
    "id_pointer",
];

/// Which kind a provider says it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Twilio,
    Template,
}

impl ProviderConfig {
    /// Reads all providers, by name.
    pub(crate) fn read_all(reader: &mut Reader<'_>) -> Vec<Self> {
        let names = reader.names("provider");
        names
            .into_iter()
            .filter_map(|name| Section::new(reader, &name).read())
            .collect()
    }

    /// Whether it calls.
    pub(crate) const fn calls(&self) -> bool {
        matches!(
            &self.kind,
            ProviderKind::Twilio(TwilioConfig { calls: Some(_), .. })
        )
    }
}

/// One `[provider.NAME]`.
struct Section<'r, 'l> {
    reader: &'r mut Reader<'l>,
    name: String,
}

impl<'r, 'l> Section<'r, 'l> {
    fn new(reader: &'r mut Reader<'l>, name: &str) -> Self {
        Self {
            reader,
            name: name.to_owned(),
        }
    }

    fn key(&self, setting: &str) -> String {
        format!("provider.{}.{setting}", self.name)
    }

    fn text(&mut self, setting: &str) -> String {
        self.reader.text(&self.key(setting))
    }

    fn secret(&mut self, setting: &str) -> Option<Secret> {
        let secret = self.reader.secret_or_file(&self.key(setting))?;
        Some(Secret::new(secret.reveal().clone()))
    }

    fn refuse(&mut self, setting: &str, why: &str) {
        self.reader.refuse(&self.key(setting), why);
    }

    fn read(mut self) -> Option<ProviderConfig> {
        let words = [("twilio", Kind::Twilio), ("template", Kind::Template)];
        let kind = self.reader.choice(&self.key("kind"), &words);
        let private = self.reader.boolean(&self.key("allow_private_network"));
        // Both are read, so that each setting is known to be one.
        let (twilio, template) = (self.twilio(kind), self.template(kind));
        let kind = match kind? {
            Kind::Twilio => {
                self.refuse_others(OF_TEMPLATE, "belongs to a provider of kind \"template\"");
                ProviderKind::Twilio(twilio?)
            }
            Kind::Template => {
                self.refuse_others(OF_TWILIO, "belongs to a provider of kind \"twilio\"");
                ProviderKind::Template(template?)
            }
        };
        Some(ProviderConfig {
            name: self.name,
            kind,
            private,
        })
    }

    fn refuse_others(&mut self, settings: &[&str], why: &str) {
        for setting in settings {
            if self.reader.is_made(&self.key(setting)) {
                self.refuse(setting, why);
            }
        }
    }

    fn twilio(&mut self, kind: Option<Kind>) -> Option<TwilioConfig> {
        let base_url = self.text("base_url").trim_end_matches('/').to_owned();
        let account_sid = self.text("account_sid");
        let auth_token = self.secret("auth_token");
        let (api_key, api_key_secret) = (self.text("api_key"), self.secret("api_key_secret"));
        let (from, service) = (self.text("from"), self.text("messaging_service"));
        if kind != Some(Kind::Twilio) {
            return None;
        }
        if OutgoingUrl::parse(&base_url).is_err() {
            self.refuse("base_url", "must be a URL such as https://api.twilio.com");
        }
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
        if account_sid.is_empty() || !plain(&account_sid) {
            self.refuse("account_sid", "must be the account's SID, AC and 32 digits");
        }
        if auth_token.is_none() {
            let why = "or auth_token_file must be set: the account's reports are signed with it";
            self.refuse("auth_token", why);
        }
        if api_key.is_empty() != api_key_secret.is_none() {
            self.refuse(
                "api_key",
                "and api_key_secret belong together: set both or neither",
            );
        }
        if from.is_empty() && service.is_empty() {
            self.refuse(
                "from",
                "or messaging_service must be set: messages come from there",
            );
        }
        let auth_token = auth_token?;
        let (user, password) = match api_key_secret {
            Some(secret) if !api_key.is_empty() => (api_key, secret),
            _ => (account_sid.clone(), auth_token.clone()),
        };
        let settings = |sender| TwilioSettings {
            base_url: base_url.clone(),
            account_sid: account_sid.clone(),
            user: user.clone(),
            password: password.clone(),
            sender,
        };
        // Only a number can call, not a name.
        let calls = from
            .starts_with('+')
            .then(|| settings(Sender::From(from.clone())));
        let sender = if service.is_empty() {
            Sender::From(from)
        } else {
            Sender::Service(service)
        };
        Some(TwilioConfig {
            messages: settings(sender),
            calls,
            auth_token,
        })
    }

    fn template(&mut self, kind: Option<Kind>) -> Option<TemplateSettings> {
        let url = self.text("request_url");
        let method = self.text("method");
        let mut headers = self.headers();
        let auth_header = self.text("auth_header");
        let secret = self.secret("auth_header_secret");
        let body_kind = self.reader.choice(
            &self.key("body_kind"),
            &[
                ("none", None),
                ("json", Some(BodyKind::Json)),
                ("form", Some(BodyKind::Form)),
                ("xml", Some(BodyKind::Xml)),
            ],
        );
        let body = self.text("body");
        let success = self.success();
        let id_pointer = self.text("id_pointer");
        if kind != Some(Kind::Template) {
            return None;
        }
        if let Some(secret) = secret {
            headers.push((auth_header, secret));
        }
        let Ok(method) = method.parse() else {
            self.refuse("method", "must be a method of HTTP, such as POST");
            return None;
        };
        let body_kind = body_kind.flatten();
        if body_kind.is_none() && !body.is_empty() {
            self.refuse("body", "needs body_kind too: \"json\", \"form\" or \"xml\"");
        }
        let settings = TemplateSettings {
            method,
            url,
            headers,
            body: body_kind.map(|kind| (kind, body)),
            success,
            id_pointer: (!id_pointer.is_empty()).then_some(id_pointer),
        };
        if let Err(error) = settings.check() {
            self.refuse(
                "request_url",
                &format!("or what is sent there cannot be used: {error}"),
            );
            return None;
        }
        Some(settings)
    }

    fn headers(&mut self) -> Vec<(String, Secret)> {
        let lines = self.reader.list(&self.key("headers"));
        let mut headers = Vec::new();
        for line in lines {
            match line.split_once(':') {
                Some((name, value)) => {
                    headers.push((name.trim().to_owned(), Secret::new(value.trim())));
                }
                None => self.refuse("headers", "must hold \"name: value\""),
            }
        }
        headers
    }

    fn success(&mut self) -> Success {
        let statuses = self.reader.list(&self.key("success_statuses"));
        let codes: BTreeSet<u16> = statuses
            .iter()
            .filter_map(|status| status.parse().ok())
            .filter(|status| (100..600).contains(status))
            .collect();
        if codes.len() != statuses.len() {
            self.refuse(
                "success_statuses",
                "must hold different statuses such as \"200\"",
            );
        }
        let (pointer, value) = (self.text("success_pointer"), self.text("success_value"));
        let equals = (!pointer.is_empty()).then(|| {
            // A number or a truth value stands as it is, anything else is a text.
            let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
            (pointer, value)
        });
        Success {
            statuses: codes,
            equals,
        }
    }
}
