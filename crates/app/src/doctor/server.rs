//! This server: what `/health/ready` knows, in the words of a doctor.

use super::Finding;
use crate::App;
use crate::health::HealthReport;

/// A job that has been due for longer says that the workers do not keep up.
const LATE_SECONDS: f64 = 60.0;

/// Bytes of a GiB.
const GIB: u64 = 1 << 30;

impl App {
    pub(super) async fn look_at_server(&self) -> Vec<Finding> {
        let report = self.health().await;
        let mut findings = vec![database(&report), disk(&report), clock(&report)];
        findings.extend(jobs(&report));
        findings.extend(providers(&report));
        findings.extend(report.copy.map(|copy| {
            let found = format!("{:.0} s behind", copy.lag_seconds);
            let late = report.warnings.iter().find(|one| one.code == "copy_behind");
            match late {
                None => Finding::passed("server.copy", found),
                Some(late) => Finding::failed("server.copy", found, late.message.clone()),
            }
        }));
        findings
    }
}

fn database(report: &HealthReport) -> Finding {
    let broken = ["store_unreadable", "key_missing", "store_failing"];
    let reason = report
        .reasons
        .iter()
        .find(|reason| broken.contains(&reason.code));
    match reason {
        None => Finding::passed("server.database", "it can be read, and commits do not fail"),
        Some(reason) => Finding::failed(
            "server.database",
            reason.message.clone(),
            "look into the server's log; `mayday check` looks for what is wrong with the data",
        ),
    }
}

fn disk(report: &HealthReport) -> Finding {
    let disk = report.disk;
    let found = format!(
        "{:.1} GiB free, telemetry stops below {:.1} GiB",
        in_gib(disk.free_bytes),
        in_gib(disk.line_bytes)
    );
    let bare = report.warnings.iter().find(|one| one.code == "no_ballast");
    if disk.exhausted {
        let advice = "make room: only SOS and what follows from them are stored until then";
        Finding::failed("server.disk", found, advice)
    } else if disk.free_bytes < disk.line_bytes {
        let advice = "make room: no telemetry is stored until then";
        Finding::failed("server.disk", found, advice)
    } else if let Some(bare) = bare {
        Finding::failed("server.disk", found, bare.message.clone())
    } else {
        Finding::passed("server.disk", found)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "one decimal of a number of gibibytes is shown"
)]
fn in_gib(bytes: u64) -> f64 {
    bytes as f64 / GIB as f64
}

fn clock(report: &HealthReport) -> Finding {
    let clock = report.clock;
    if clock.leapt || clock.system_ahead_seconds != 0.0 {
        let found = format!(
            "the system's clock is {:.1} s off mayday's{}",
            clock.system_ahead_seconds,
            if clock.leapt {
                ", and leapt at the start"
            } else {
                ""
            }
        );
        let advice = "set the system's clock by NTP; nothing is deleted for its age meanwhile";
        return Finding::failed("server.clock", found, advice);
    }
    Finding::passed("server.clock", "the system's clock has not stepped")
}

fn jobs(report: &HealthReport) -> Option<Finding> {
    let jobs = report.jobs?;
    if jobs.poison > 0 {
        return Some(Finding::failed(
            "server.jobs",
            format!("{} were set aside after failing for good", jobs.poison),
            "look into the server's log for what failed: a message may not have been sent",
        ));
    }
    let found = format!(
        "the oldest has been due for {:.0} s",
        jobs.oldest_due_seconds
    );
    Some(if jobs.oldest_due_seconds > LATE_SECONDS {
        let advice = "is a server running? Look at its log, and at the database's load";
        Finding::failed("server.jobs", found, advice)
    } else {
        Finding::passed("server.jobs", found)
    })
}

fn providers(report: &HealthReport) -> Vec<Finding> {
    let real = report.providers.iter().filter(|one| one.kind != "screen");
    let mut findings: Vec<_> = real
        .map(|one| {
            let check = format!("server.provider.{}.{}", one.name, one.channel.as_str());
            if one.failing {
                let advice = "`mayday provider list` shows what it said; \
                    `mayday provider test` tries it";
                return Finding::failed(&check, "it fails again and again", advice);
            }
            let sends = one.sends;
            let found = format!(
                "took {}, refused {}, unclear {}",
                sends.accepted, sends.refused, sends.ambiguous
            );
            Finding::passed(&check, found)
        })
        .collect();
    if findings.is_empty() {
        findings.push(Finding::noted(
            "server.provider",
            "no provider of SMS, calls or mail is configured",
            "contacts hear of nothing until one is: docs/providers.md",
        ));
    }
    findings
}
