//! Somebody with a phone: an external id of an app, and the hash that proves it.

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::http::{self, Answer};
use super::mqtt::{Login, Mqtt, Version};
use super::server::Server;

/// An app with its secret, as `mayday app create` printed them.
#[derive(Clone, Debug)]
pub(crate) struct Partner {
    pub(crate) app_id: String,
    pub(crate) secret: String,
}

impl Partner {
    /// What the partner's backend does: `lowercase hex(HMAC-SHA256(secret, external id))`.
    pub(crate) fn sign(&self, external_id: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(external_id.as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    /// The expiring hash: the MAC covers version, expiry (seconds since 1970),
    /// app and user, each after a NUL, which no id can hold.
    pub(crate) fn sign_until(&self, external_id: &str, expiry: i64) -> String {
        let message = format!("\0x1\0{expiry}\0{}\0{external_id}", self.app_id);
        format!("x1.{expiry}.{}", self.sign(&message))
    }

    /// A user of this app, signed.
    pub(crate) fn person(&self, external_id: &str) -> Person {
        Person {
            app_id: self.app_id.clone(),
            external_id: external_id.to_owned(),
            hash: self.sign(external_id),
        }
    }
}

/// A signed user.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) app_id: String,
    pub(crate) external_id: String,
    pub(crate) hash: String,
}

impl Person {
    /// A request with the three headers.
    pub(crate) fn http(
        &self,
        server: &Server,
        method: &str,
        path: &str,
        body: &str,
    ) -> std::io::Result<Answer> {
        self.http_within(http::LIMIT, server, method, path, body)
    }

    /// As [`Person::http`], for an answer that may take longer.
    pub(crate) fn http_within(
        &self,
        limit: Duration,
        server: &Server,
        method: &str,
        path: &str,
        body: &str,
    ) -> std::io::Result<Answer> {
        http::send_within(
            limit,
            &server.http,
            method,
            path,
            &[
                ("x-app-id", &self.app_id),
                ("x-user-id", &self.external_id),
                ("authorization", &format!("Bearer {}", self.hash)),
                ("content-type", "application/json"),
            ],
            body.as_bytes(),
        )
    }

    /// The user's UUID, the `sdk_user_id` of the topics.
    pub(crate) fn uuid(&self, server: &Server) -> String {
        let answer = self.http(server, "GET", "/v1/sdk/me", "").unwrap();
        assert_eq!(
            answer.status,
            200,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        answer.json()["user"]["id"].as_str().unwrap().to_owned()
    }

    /// The user name of CONNECT.
    pub(crate) fn username(&self) -> String {
        format!("sdk:{}:{}", self.app_id, self.external_id)
    }

    /// A CONNECT that proves who this is.
    pub(crate) fn login(&self, version: Version, client_id: &str) -> Login {
        Login {
            version,
            client_id: client_id.to_owned(),
            username: self.username(),
            password: self.hash.clone(),
            // Longer than any test leaves it silent.
            keep_alive: 300,
        }
    }

    /// A connection.
    pub(crate) fn connect(&self, server: &Server, version: Version, client_id: &str) -> Mqtt {
        Mqtt::connect(&server.mqtt, &self.login(version, client_id))
            .unwrap()
            .unwrap_or_else(|code| panic!("CONNACK {code:#04x} for {}", self.external_id))
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
