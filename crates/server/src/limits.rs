//! The file-descriptor limit: every connection holds one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors beside the connections: database files, day files, sockets.
const OWN_DESCRIPTORS: u64 = 128;

/// Raises the limit as far as allowed, and warns when the listeners may need
/// more than was granted.
pub(crate) fn raise_file_descriptors(wanted: u64, connections: u64) {
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
