//! The file-descriptor limit: every connection holds one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// Descriptors beside the connections: database files, day files, sockets.
const OWN_DESCRIPTORS: u64 = 128;

/// What is left of a listener's limit at least.
const LEAST_CONNECTIONS: usize = 4;

/// Connections of the admin listener: a few probes and scrapers.
pub(crate) const ADMIN_CONNECTIONS: usize = 64;

/// An HTTP listener holds one seat in reserve for so many.
const HTTP_RESERVE_SHARE: usize = 16;

/// Connections that the listeners may hold at once.
pub(crate) fn connections(config: &Config) -> usize {
    // With the seats that HTTP keeps in reserve, and as many MQTT sockets that are
    // being closed as there may be unproven ones.
    config.http.max_connections
        + config.http.max_connections / HTTP_RESERVE_SHARE
        + config.mqtt.max_connections
        + config.mqtt.max_unproven_connections * 2
        + ADMIN_CONNECTIONS
        + ADMIN_CONNECTIONS / HTTP_RESERVE_SHARE
        + 1
}

/// File descriptors that a server with these settings may need.
pub(crate) fn needed(config: &Config) -> u64 {
    let connections = u64::try_from(connections(config)).unwrap_or(u64::MAX);
    connections.saturating_add(OWN_DESCRIPTORS)
}

/// Raises the limit as far as allowed. Where fewer are granted than the listeners
/// may need for their `connections`, their limits are lowered in proportion: a
/// full house knows whom to close for an SOS, a listener without a descriptor
/// does not.
pub(crate) fn fit_to_file_descriptors(config: &Config, connections: usize) -> Config {
    let mut fitted = config.clone();
    let needed = u64::try_from(connections).unwrap_or(u64::MAX);
    let granted = raise_file_descriptors(config.lifecycle.file_descriptors, needed);
    if granted >= needed.saturating_add(OWN_DESCRIPTORS) {
        return fitted;
    }
    let room = granted.saturating_sub(OWN_DESCRIPTORS).max(granted / 2);
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    for limit in [
        &mut fitted.http.max_connections,
        &mut fitted.mqtt.max_connections,
        &mut fitted.mqtt.max_unproven_connections,
    ] {
        *limit = share(*limit, room, connections);
    }
    tracing::warn!(
        http.max_connections = fitted.http.max_connections,
        mqtt.max_connections = fitted.mqtt.max_connections,
        "fewer connections are taken than configured, for want of file descriptors"
    );
    fitted
}

/// Raises the limit as far as allowed, and warns when the connections may need
/// more than was granted. Answers what was granted.
pub(crate) fn raise_file_descriptors(wanted: u64, connections: u64) -> u64 {
    let granted = raise(wanted);
    let needed = connections.saturating_add(OWN_DESCRIPTORS);
    if granted < needed {
        tracing::warn!(
            limit.file_descriptors = granted,
            limit.needed = needed,
            "fewer file descriptors are allowed than connections: raise the limit \
             (`ulimit -n {needed}`, or LimitNOFILE={needed} in the systemd unit), or \
             lower http.max_connections and mqtt.max_connections"
        );
    } else {
        tracing::debug!(limit.file_descriptors = granted, "file-descriptor limit");
    }
    granted
}

/// What a limit becomes when there is `room` for so many `of` all connections.
fn share(limit: usize, room: usize, of: usize) -> usize {
    let part = limit.saturating_mul(room) / of.max(1);
    part.max(LEAST_CONNECTIONS).min(limit)
}

/// Raises the soft limit to `wanted` or the hard limit; answers what holds.
fn raise(wanted: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // No value stands for "without limit".
    let current = current.unwrap_or(u64::MAX);
    let target = maximum.map_or(wanted, |maximum| wanted.min(maximum));
    if target <= current {
        return current;
    }
    let raised = Rlimit {
        current: Some(target),
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => target,
        Err(_) => current,
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn limits_shrink_in_proportion_and_never_grow() {
        assert_eq!(share(8_000, 200, 20_000), 80);
        assert_eq!(share(500, 200, 20_000), 5);
        assert_eq!(share(10, 200, 20_000), 4);
        assert_eq!(share(2, 200, 20_000), 2);
    }
}
