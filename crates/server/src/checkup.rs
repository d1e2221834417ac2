//! What a doctor sees of this server from outside its process: certificates and file
//! descriptors.

use std::fs;

use mayday_app::doctor::{Finding, Verdict};
use mayday_core::clock::Clock as _;

use crate::admin_socket;
use crate::clock::AnchoredClock;
use crate::config::Config;
use crate::limits;
use crate::node;
use crate::tls::{self, ENDS_SOON};

/// Looks at what the settings say, and at the server that runs on the data directory.
pub(crate) fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![certificate(config)];
    findings.extend(descriptors(config));
    findings
}

fn certificate(config: &Config) -> Finding {
    const CHECK: &str = "server.certificate";
    let found = match tls::inspect(&config.tls, &config.store.data_dir) {
        None => {
            let none = "TLS is off: phones speak plainly to whatever stands before this server";
            let mut finding = Finding::new(Verdict::Noted, CHECK, none);
            finding.advice = Some("end TLS before it, or turn it on with --tls".to_owned());
            return finding;
        }
        Some(Err(failure)) => {
            let advice = "the listeners show the one before until the files are in order";
            return Finding::failed(CHECK, failure.to_string(), advice);
        }
        Some(Ok(validity)) => validity,
    };
    let Some(validity) = found else {
        let unknown = "it does not say in the standard's way how long it is valid";
        return Finding::new(Verdict::NotTried, CHECK, unknown);
    };
    let now = AnchoredClock::new().now();
    let advice = "replace the files: they are taken up at once, and nobody is cut";
    if now > validity.not_after {
        return Finding::failed(CHECK, format!("it ended at {}", validity.not_after), advice);
    }
    if now < validity.not_before {
        let found = format!("it is valid from {} only", validity.not_before);
        return Finding::failed(CHECK, found, "is this machine's clock right?");
    }
    let found = format!("it is valid until {}", validity.not_after);
    if now.plus(ENDS_SOON) > validity.not_after {
        return Finding::failed(CHECK, found, advice);
    }
    Finding::new(Verdict::Passed, CHECK, found)
}

/// Whether the running server may hold as many connections as it is set to take.
fn descriptors(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "server.file_descriptors";
    let Some(pid) = running(config) else {
        let none = "no server runs on this data directory";
        let mut finding = Finding::new(Verdict::Noted, "server.running", none);
        finding.advice = Some("`mayday serve` starts one".to_owned());
        return vec![finding];
    };
    let running = format!("process {pid} serves");
    let running = Finding::new(Verdict::Passed, "server.running", running);
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    let Some(granted) = open_files(&limits) else {
        let why = "this system does not tell another process's limits";
        return vec![running, Finding::new(Verdict::NotTried, CHECK, why)];
    };
    let needed = limits::needed(config);
    let found = format!("{granted} are allowed, {needed} may be needed");
    let finding = if granted < needed {
        let advice = format!("LimitNOFILE={needed} in the systemd unit, or `ulimit -n {needed}`");
        Finding::failed(CHECK, found, advice)
    } else {
        Finding::new(Verdict::Passed, CHECK, found)
    };
    vec![running, finding]
}

/// The process that answers on the data directory's socket.
fn running(config: &Config) -> Option<i32> {
    let asked = admin_socket::server_pid(&config.store.data_dir);
    node::runtime().ok()?.block_on(asked)
}

/// The soft limit of open files in the text of `/proc/PID/limits`.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_read() {
        let line = |soft: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units\n\
                 Max open files            {soft}                 1048576              files\n"
            )
        };
        assert_eq!(open_files(&line("1024")), Some(1024));
        assert_eq!(open_files(&line("unlimited")), Some(u64::MAX));
        assert_eq!(open_files("Max processes 1 2 processes\n"), None);
    }
}
