//! How a server is, from outside: its health, its figures, its memory.

use std::fs;

use serde_json::Value;

use super::http;
use super::server::Server;

impl Server {
    /// `/health/ready`: the status, and the codes of the reasons.
    pub(crate) fn readiness(&self) -> (u16, Vec<String>) {
        let answer = http::send(&self.admin, "GET", "/health/ready", &[], b"").unwrap();
        let verdict = answer.json();
        let reasons = verdict["reasons"].as_array().cloned().unwrap_or_default();
        let code = |reason: &Value| reason["code"].as_str().unwrap().to_owned();
        (answer.status, reasons.iter().map(code).collect())
    }

    /// `/health/engine`.
    pub(crate) fn engine(&self) -> Value {
        let answer = http::send(&self.admin, "GET", "/health/engine", &[], b"").unwrap();
        answer.json()
    }

    /// The first sample of a family in `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let answer = http::send(&self.admin, "GET", "/metrics", &[], b"").unwrap();
        let page = String::from_utf8(answer.body).unwrap();
        page.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {page}"))
    }

    /// The memory it holds now, in MiB (`VmRSS`).
    pub(crate) fn memory_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let kib: u64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
            .unwrap_or_else(|| panic!("no VmRSS in {status}"));
        kib / 1_024
    }
}
