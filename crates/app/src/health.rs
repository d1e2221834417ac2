//! How the node is: what `/health/ready`, `/health/engine` and `/metrics` tell.
//!
//! A node is ready when it can store an SOS. What only slows other work down
//! is shown in the figures and does not take the node out of service: whoever
//! balances load must not lose a way for an SOS because telemetry is late.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mayday_core::clock::ClockDoubt;
use mayday_core::time::Timestamp;
use mayday_store::jobs::{self, JobCounts};
use mayday_store::{CopyStats, Dialect, Lane, StoreError, StoreStats, spill};
use serde::Serialize;

use crate::App;
use crate::senders::ProviderHealth;

/// How long the state store may take to answer a health check.
const READ_LIMIT: Duration = Duration::from_secs(2);

/// How the node is.
#[derive(Clone, Debug, Serialize)]
pub struct HealthReport {
    /// Why the node should get no new work; empty when it is ready.
    pub reasons: Vec<NotReady>,
    /// What needs a person and is no reason to send work elsewhere.
    pub warnings: Vec<NotReady>,
    /// The state store.
    pub store: StoreHealth,
    /// Background jobs; null when the store could not be read.
    pub jobs: Option<JobHealth>,
    /// The telemetry store.
    pub telemetry: TelemetryFigures,
    /// The disk under the data directory.
    pub disk: DiskHealth,
    /// The second copy of the state store; null when none is kept.
    pub copy: Option<CopyHealth>,
    /// The clock.
    pub clock: ClockHealth,
    /// What this node sends through, by channel.
    pub providers: Vec<ProviderHealth>,
}

/// The second copy of the state store.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CopyHealth {
    /// For how many seconds commits may be missing in it.
    pub lag_seconds: f64,
    /// Whether it follows commit by commit; else the database file is to be copied,
    /// or being copied.
    pub following: bool,
}

/// A reason to send new work elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotReady {
    /// A word for programs.
    pub code: &'static str,
    /// What it means and what to do.
    pub message: String,
}

/// The state store's figures.
#[derive(Clone, Debug, Serialize)]
pub struct StoreHealth {
    /// Commands waiting in each lane.
    pub queued: Queues,
    /// Commits since the start.
    pub commits: u64,
    /// Commands committed since the start.
    pub commands: u64,
    /// Seconds spent in commits since the start.
    pub commit_seconds: f64,
    /// Seconds since the last commit; null before the first.
    pub last_commit_age_seconds: Option<f64>,
    /// Whether the last commit failed.
    pub failing: bool,
}

/// Commands waiting in each lane of the writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Queues {
    /// SOS.
    pub sos: usize,
    /// Sessions.
    pub session: usize,
    /// Background jobs.
    pub job: usize,
    /// All else.
    pub rest: usize,
}

/// Background jobs.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct JobHealth {
    /// Waiting for their time or for a runner.
    pub ready: i64,
    /// Being worked on.
    pub leased: i64,
    /// Set aside after failing for good.
    pub poison: i64,
    /// For how many seconds the oldest job has been due; 0 when none is.
    pub oldest_due_seconds: f64,
}

/// The telemetry store's figures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TelemetryFigures {
    /// Samples waiting for the writer.
    pub queued: usize,
    /// The writer has not committed for a second though samples wait: they
    /// take the spill table.
    pub stalled: bool,
    /// Files that cannot be used until somebody mends them: their samples are missing
    /// from answers.
    pub unusable_files: usize,
    /// Samples committed since the start.
    pub committed_samples: u64,
    /// Commits since the start.
    pub commits: u64,
    /// Samples in the spill table; null when the store could not be read.
    pub spill_rows: Option<i64>,
}

/// The disk under the data directory.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct DiskHealth {
    /// Bytes free.
    pub free_bytes: u64,
    /// Below this, telemetry and spill stop so that SOS goes on.
    pub line_bytes: u64,
    /// Next to nothing is free: until there is room again only SOS and jobs are stored.
    pub exhausted: bool,
    /// Whether there is a ballast that is given up for an SOS (or none is wanted).
    pub ballast: bool,
    /// Bytes that it holds.
    pub ballast_bytes: u64,
}

/// The clock, which alarms and keeps nobody from being served.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ClockHealth {
    /// Seconds by which the system's clock is ahead of mayday's (negative:
    /// behind) since it stepped; 0 while they agree.
    pub system_ahead_seconds: f64,
    /// At the start the time may have leapt: nothing is deleted for its age.
    pub leapt: bool,
}

impl HealthReport {
    /// Whether the node should get new work.
    pub fn is_ready(&self) -> bool {
        self.reasons.is_empty()
    }
}

impl App {
    /// How the node is now. Answers within a few seconds whatever is broken.
    pub async fn health(&self) -> HealthReport {
        let read = tokio::time::timeout(READ_LIMIT, self.counts()).await;
        let (counts, unreadable) = match read {
            Ok(Ok(counts)) => (Some(counts), None),
            Ok(Err(error)) => (None, Some(error.to_string())),
            Err(_) => (None, Some("no answer within 2 s".to_owned())),
        };
        let now = self.clock.now();
        let stats = self.store.stats();
        let disk = self.store.disk();
        if self.store.dialect() == Dialect::Postgres {
            // Nobody else measures it there.
            disk.measure();
        }
        let telemetry = self.telemetry.health();
        let disk = DiskHealth {
            free_bytes: disk.free_bytes(),
            line_bytes: disk.line_bytes(),
            exhausted: disk.is_exhausted(),
            ballast: disk.has_ballast(),
            ballast_bytes: disk.ballast_bytes(),
        };
        let copy = self.store.copy_stats();
        let mut providers = self.senders.health(now);
        for provider in &mut providers {
            // What a provider said may name a contact, and anybody on this machine reads
            // the figures.
            provider.last_failure = None;
        }
        let late = copy.and_then(|copy| late_copy(copy, now));
        HealthReport {
            warnings: late
                .into_iter()
                .chain(failing(&providers))
                .chain(self.ballast_missing(disk))
                .chain(missing(telemetry.unusable_files))
                .collect(),
            providers,
            copy: copy.map(|copy| CopyHealth {
                lag_seconds: now.since(copy.as_of).as_secs_f64(),
                following: copy.following,
            }),
            reasons: self.reasons(unreadable, stats.failing, disk),
            store: StoreHealth::new(&stats, now),
            jobs: counts.map(|(jobs, _)| JobHealth::new(jobs, now)),
            telemetry: TelemetryFigures {
                queued: telemetry.queued,
                stalled: telemetry.stalled,
                unusable_files: telemetry.unusable_files,
                committed_samples: telemetry.committed_samples,
                commits: telemetry.commits,
                spill_rows: counts.map(|(_, spilled)| spilled),
            },
            disk,
            clock: ClockHealth::new(self.clock.doubt()),
        }
    }

    /// The page of `/metrics`, with the figures of this moment.
    pub async fn metrics_page(&self) -> Result<String, std::fmt::Error> {
        let report = self.health().await;
        self.metrics.refresh(&report);
        self.metrics.encode()
    }

    async fn counts(&self) -> Result<(JobCounts, i64), StoreError> {
        let mut tx = self.store.read().await?;
        let jobs = jobs::counts(&mut tx).await?;
        let spilled = spill::count(&mut tx).await?;
        Ok((jobs, spilled))
    }

    /// Warns of a full disk to come on which no SOS would find room.
    fn ballast_missing(&self, disk: DiskHealth) -> Option<NotReady> {
        let missing = self.store.dialect() == Dialect::Sqlite && !disk.ballast;
        missing.then(|| NotReady {
            code: "no_ballast",
            message: format!(
                "nothing is held back for SOS on a full disk, with {} bytes free: make room",
                disk.free_bytes
            ),
        })
    }

    fn reasons(
        &self,
        unreadable: Option<String>,
        failing: bool,
        disk: DiskHealth,
    ) -> Vec<NotReady> {
        let draining = self
            .draining
            .load(Ordering::Relaxed)
            .then(|| "the server is shutting down: send new work elsewhere".to_owned());
        let failing = failing.then(|| {
            "the last commit of the state store failed: look for the cause in the log".to_owned()
        });
        // Who is known is let in; who is new could not be.
        let keyless = self.identity.keyless.load(Ordering::Relaxed).then(|| {
            "secrets were sealed with a master key that is not here: copy master.key from the node where `mayday key rotate` was run".to_owned()
        });
        let unreadable = unreadable.map(|why| format!("the state store cannot be read: {why}"));
        // With PostgreSQL nothing of ours grows on this disk.
        let embedded = self.store.dialect() == Dialect::Sqlite;
        let low = (embedded && (disk.exhausted || disk.free_bytes < disk.line_bytes)).then(|| {
            if disk.exhausted {
                return format!(
                    "the disk is full, with {} bytes free and {} of ballast: only SOS and what \
                     follows from them are stored, make room",
                    disk.free_bytes, disk.ballast_bytes
                );
            }
            format!(
                "{} bytes of disk are free, below the line of {}: telemetry has stopped, make room",
                disk.free_bytes, disk.line_bytes
            )
        });
        [
            ("draining", draining),
            ("store_unreadable", unreadable),
            ("key_missing", keyless),
            ("store_failing", failing),
            ("disk_low", low),
        ]
        .into_iter()
        .filter_map(|(code, message)| message.map(|message| NotReady { code, message }))
        .collect()
    }
}

/// Warns of providers that fail, in one warning.
fn failing(providers: &[ProviderHealth]) -> Option<NotReady> {
    let failing = providers.iter().filter(|provider| provider.failing);
    let names: Vec<_> = failing
        .map(|provider| format!("{} ({})", provider.name, provider.channel.as_str()))
        .collect();
    (!names.is_empty()).then(|| NotReady {
        code: "provider_failing",
        message: format!(
            "{}: look at `mayday provider list` for what was said",
            names.join(", ")
        ),
    })
}

/// Warns of a copy that is far behind.
fn late_copy(copy: CopyStats, now: Timestamp) -> Option<NotReady> {
    let lag = now.since(copy.as_of);
    (lag > copy.warn_after).then(|| NotReady {
        code: "copy_behind",
        message: format!(
            "the copy of the state store is {} s behind: look at the directory in store.copy_dir",
            lag.as_secs()
        ),
    })
}

/// That answers lack what lies in damaged telemetry files.
fn missing(unusable_files: usize) -> Option<NotReady> {
    (unusable_files > 0).then(|| NotReady {
        code: "telemetry_file_unusable",
        message: format!(
            "{unusable_files} telemetry file(s) cannot be used: `mayday check` says which; \
             mend or move away what it says"
        ),
    })
}

impl StoreHealth {
    fn new(stats: &StoreStats, now: Timestamp) -> Self {
        let length = |wanted: Lane| {
            let of_lane = stats.queued.iter().find(|(lane, _)| *lane == wanted);
            of_lane.map_or(0, |(_, length)| *length)
        };
        Self {
            queued: Queues {
                sos: length(Lane::Sos),
                session: length(Lane::Session),
                job: length(Lane::Job),
                rest: length(Lane::Rest),
            },
            commits: stats.commits,
            commands: stats.commands,
            commit_seconds: stats.commit_time.as_secs_f64(),
            last_commit_age_seconds: stats.last_commit.map(|at| now.since(at).as_secs_f64()),
            failing: stats.failing,
        }
    }
}

impl ClockHealth {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a step of years is exact to a microsecond in an f64"
    )]
    fn new(doubt: ClockDoubt) -> Self {
        Self {
            system_ahead_seconds: doubt.system_ahead_micros as f64 / 1e6,
            leapt: doubt.leapt,
        }
    }
}

impl JobHealth {
    fn new(jobs: JobCounts, now: Timestamp) -> Self {
        Self {
            ready: jobs.ready,
            leased: jobs.leased,
            poison: jobs.poison,
            oldest_due_seconds: jobs
                .oldest_due
                .map_or(0.0, |due| now.since(due).as_secs_f64()),
        }
    }
}
