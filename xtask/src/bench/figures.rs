//! What is measured, against what, and the goal.

/// One figure: what is run against mayday, and against what it is held.
pub(super) struct Figure {
    /// What `--only` looks for words in.
    pub(super) name: &'static str,
    /// What the table calls it.
    pub(super) title: &'static str,
    pub(super) arguments: &'static [&'static str],
    pub(super) door: Door,
    pub(super) against: Against,
    pub(super) goal: Goal,
    /// The goal on PostgreSQL; none: not measured there.
    pub(super) on_postgres: Option<Goal>,
}

/// When a figure is good.
pub(super) enum Goal {
    /// So many times what it is held against, at least; and its p99 in milliseconds.
    Ratio {
        words: &'static str,
        least: f64,
        p99: Option<f64>,
    },
    /// An SOS beside so many samples a second: p50 and p99 of the PUBACK in milliseconds,
    /// p99 of the event after it.
    Cry {
        words: &'static str,
        beside: f64,
        puback: (f64, f64),
        event_p99: Option<(f64, &'static str)>,
    },
    /// So many bytes of memory for a connection, at most.
    BytesEach { words: &'static str, most: f64 },
}

impl Goal {
    /// As the table has it.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Ratio { words, .. } | Self::Cry { words, .. } | Self::BytesEach { words, .. } => {
                words
            }
        }
    }
}

/// Which listener is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Mqtt,
    Mqtts,
    Http,
    Https,
}

/// What a figure is held against.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    /// The same load on Mosquitto.
    Mosquitto,
    /// Liveness, which looks nothing up.
    Live,
    /// Its own milliseconds.
    Itself,
    /// The memory of a server that has just started, measured once.
    Fresh,
}

impl Against {
    /// What is added to the number in Mosquitto's column.
    pub(super) fn remark(self) -> &'static str {
        match self {
            Self::Live => " (live)",
            Self::Mosquitto | Self::Itself | Self::Fresh => "",
        }
    }
}

/// The word for connections that do nothing, on the command line of `mayday bench`.
pub(super) const IDLE: &str = "idle";

pub(super) const FIGURES: &[Figure] = &[
    Figure {
        name: "telemetry, window 16",
        title: "telemetry acks/s, window 16",
        arguments: &["mqtt", "--connections", "100", "--window", "16"],
        door: Door::Mqtt,
        against: Against::Mosquitto,
        goal: Goal::Ratio {
            words: "1.5x, p99 < 30 ms",
            least: 1.5,
            p99: Some(30.0),
        },
        on_postgres: Some(Goal::Ratio {
            words: "0.5x",
            least: 0.5,
            p99: None,
        }),
    },
    Figure {
        name: "telemetry, window 1",
        title: "telemetry acks/s, window 1",
        arguments: &["mqtt", "--connections", "100", "--window", "1"],
        door: Door::Mqtt,
        against: Against::Mosquitto,
        goal: Goal::Ratio {
            words: "0.5x, towards 0.7x",
            least: 0.5,
            p99: None,
        },
        on_postgres: None,
    },
    Figure {
        name: "connect",
        title: "CONNECT with HMAC, a second",
        arguments: &["connect", "--connections", "20", "--users", "50"],
        door: Door::Mqtt,
        against: Against::Mosquitto,
        goal: Goal::Ratio {
            words: "0.7x",
            least: 0.7,
            p99: None,
        },
        on_postgres: None,
    },
    Figure {
        name: "http, own profile",
        title: "`GET /v1/sdk/me` a second, against `/health/live`",
        arguments: &["http", "--connections", "50"],
        door: Door::Http,
        against: Against::Live,
        goal: Goal::Ratio {
            words: "0.5x",
            least: 0.5,
            p99: None,
        },
        on_postgres: None,
    },
    Figure {
        name: "sos beside 10 000 samples/s",
        title: "SOS beside 10 000 samples/s",
        arguments: &["sos", "--background-rate", "10000"],
        door: Door::Mqtt,
        against: Against::Itself,
        goal: Goal::Cry {
            words: "2 / 25 ms",
            beside: 10_000.0,
            puback: (2.0, 25.0),
            event_p99: Some((5.0, "5 ms")),
        },
        on_postgres: Some(Goal::Cry {
            words: "p99 100 ms",
            beside: 10_000.0,
            puback: (f64::INFINITY, 100.0),
            event_p99: None,
        }),
    },
    Figure {
        name: "idle, tcp",
        title: "idle connection, tcp",
        arguments: &[IDLE, "--threads", "2"],
        door: Door::Mqtt,
        against: Against::Fresh,
        goal: Goal::BytesEach {
            words: "4 kB",
            most: 4_000.0,
        },
        on_postgres: None,
    },
    Figure {
        name: "idle, tls",
        title: "idle connection, tls",
        arguments: &[IDLE, "--threads", "2"],
        door: Door::Mqtts,
        against: Against::Fresh,
        goal: Goal::BytesEach {
            words: "20 kB",
            most: 20_000.0,
        },
        on_postgres: None,
    },
    Figure {
        name: "idle, wss",
        title: "idle connection, wss",
        arguments: &[IDLE, "--threads", "2", "--websocket"],
        door: Door::Https,
        against: Against::Fresh,
        goal: Goal::BytesEach {
            words: "20 kB",
            most: 20_000.0,
        },
        on_postgres: None,
    },
];
