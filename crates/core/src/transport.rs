//! Which way a request came in.

use serde::{Deserialize, Serialize};

/// Which way a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// An HTTP request.
    Http,
    /// An MQTT PUBLISH.
    Mqtt,
}

impl Transport {
    /// The word in the store, in logs and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Mqtt => "mqtt",
        }
    }

    /// The transport of a word read from the store.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Http, Self::Mqtt]
            .into_iter()
            .find(|transport| transport.as_str() == word)
    }
}
