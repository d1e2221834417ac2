//! Label sets: closed words only, so that the number of series is bounded.

use prometheus_client::encoding::EncodeLabelSet;

/// `transport` = `http` or `mqtt`.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Via {
    pub(super) transport: &'static str,
}

/// What became of something that came in by a transport.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct OutcomeOf {
    pub(super) transport: &'static str,
    pub(super) outcome: &'static str,
}

/// What became of a job.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct JobRun {
    pub(super) kind: &'static str,
    pub(super) outcome: &'static str,
}

/// Why something was refused by a transport.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct ReasonOf {
    pub(super) transport: &'static str,
    pub(super) reason: &'static str,
}

/// Why something ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Reason {
    pub(super) reason: &'static str,
}

/// Packets `in` or `out`.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Direction {
    pub(super) direction: &'static str,
}

/// An HTTP route's template, never its path.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Route {
    pub(super) route: String,
}

/// An answered HTTP request.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) route: String,
    pub(super) status: u16,
}

/// A lane of the state store's writer.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Lane {
    pub(super) lane: &'static str,
}

/// A provider of the configuration and what it carries.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Provider {
    pub(super) provider: String,
    pub(super) channel: &'static str,
}

/// What became of what was sent through a provider.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Sent {
    pub(super) provider: String,
    pub(super) channel: &'static str,
    pub(super) outcome: &'static str,
}
