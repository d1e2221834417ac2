//! The codes themselves. Nothing of the app is known here, so that the codec can
//! be fuzzed without it.

/// A reason code of MQTT 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reason(pub(crate) u8);

impl Reason {
    pub(crate) const SUCCESS: Self = Self(0x00);
    pub(crate) const NO_SUBSCRIPTION_EXISTED: Self = Self(0x11);
    pub(crate) const UNSPECIFIED: Self = Self(0x80);
    pub(crate) const MALFORMED: Self = Self(0x81);
    pub(crate) const PROTOCOL_ERROR: Self = Self(0x82);
    pub(crate) const UNSUPPORTED_VERSION: Self = Self(0x84);
    pub(crate) const BAD_CREDENTIALS: Self = Self(0x86);
    pub(crate) const NOT_AUTHORIZED: Self = Self(0x87);
    pub(crate) const UNAVAILABLE: Self = Self(0x88);
    pub(crate) const BUSY: Self = Self(0x89);
    pub(crate) const SHUTTING_DOWN: Self = Self(0x8B);
    pub(crate) const BAD_AUTH_METHOD: Self = Self(0x8C);
    pub(crate) const KEEP_ALIVE: Self = Self(0x8D);
    pub(crate) const TAKEN_OVER: Self = Self(0x8E);
    pub(crate) const PACKET_ID_NOT_FOUND: Self = Self(0x92);
    pub(crate) const RECEIVE_MAXIMUM: Self = Self(0x93);
    pub(crate) const TOPIC_ALIAS: Self = Self(0x94);
    pub(crate) const TOO_LARGE: Self = Self(0x95);
    pub(crate) const QUOTA: Self = Self(0x97);
    pub(crate) const PAYLOAD_INVALID: Self = Self(0x99);
    pub(crate) const SHARED_UNSUPPORTED: Self = Self(0x9E);
    pub(crate) const RATE: Self = Self(0x9F);
    pub(crate) const SUBSCRIPTION_IDS_UNSUPPORTED: Self = Self(0xA1);
    pub(crate) const WILDCARD_UNSUPPORTED: Self = Self(0xA2);

    /// Whether it tells of a failure.
    pub(crate) const fn is_failure(self) -> bool {
        self.0 >= 0x80
    }
}

/// Return codes of CONNACK 3.1.1.
pub(crate) mod v311 {
    pub(crate) const ACCEPTED: u8 = 0;
    pub(crate) const UNACCEPTABLE_VERSION: u8 = 1;
    pub(crate) const IDENTIFIER_REJECTED: u8 = 2;
    pub(crate) const UNAVAILABLE: u8 = 3;
    pub(crate) const BAD_CREDENTIALS: u8 = 4;
    pub(crate) const NOT_AUTHORIZED: u8 = 5;
    /// The failure code of SUBACK.
    pub(crate) const SUBSCRIBE_FAILED: u8 = 0x80;
}

/// How a CONNECT is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The code of 5.
    pub(crate) v5: Reason,
    /// The code of 3.1.1.
    pub(crate) v311: u8,
    /// For metrics: an error code of the contract.
    pub(crate) word: &'static str,
    /// For a developer who reads the reason string of 5.
    pub(crate) hint: &'static str,
}

impl Refusal {
    /// Username or password are missing or of the wrong shape.
    pub(crate) const CREDENTIALS: Self = Self {
        v5: Reason::BAD_CREDENTIALS,
        v311: v311::BAD_CREDENTIALS,
        word: "unauthorized",
        hint: "username must be sdk:<appId>:<externalUserId> and password the user hash",
    };
    /// An empty client id that asks for a stored session (3.1.1 only).
    pub(crate) const CLIENT_ID: Self = Self {
        v5: Reason::PROTOCOL_ERROR,
        v311: v311::IDENTIFIER_REJECTED,
        word: "client_id",
        hint: "an empty client id needs a clean session",
    };
    /// Extended authentication of MQTT 5.
    pub(crate) const AUTH_METHOD: Self = Self {
        v5: Reason::BAD_AUTH_METHOD,
        v311: v311::NOT_AUTHORIZED,
        word: "auth_method",
        hint: "use username and password",
    };
    /// A protocol version that is none of ours.
    pub(crate) const VERSION: Self = Self {
        v5: Reason::UNSUPPORTED_VERSION,
        v311: v311::UNACCEPTABLE_VERSION,
        word: "version",
        hint: "MQTT 3.1.1 or 5",
    };
    /// The check took too long.
    pub(crate) const UNAVAILABLE: Self = Self {
        v5: Reason::UNAVAILABLE,
        v311: v311::UNAVAILABLE,
        word: "unavailable",
        hint: "temporarily unavailable: try again",
    };
}
