//! Threads that make load together: all connect first, then all start at the
//! same moment, then all stop at the same moment.
//!
//! Each thread has a runtime of its own and its share of the connections, so
//! that nothing on the hot path is shared but two counters.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mayday_core::clock::Clock as _;
use mayday_core::time::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::histogram::{Histogram, Latency};
use crate::clock::AnchoredClock;
use crate::failure::Failure;

/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// How long after the end answers are still waited for.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// Connections of one thread that are being made at once.
const CONNECTING: usize = 64;

/// How much load, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Threads that make it.
    pub(crate) threads: usize,
    /// Connections, among all threads.
    pub(crate) connections: usize,
    /// Load that is not measured, before the measured.
    pub(crate) warm_up: Duration,
    /// Load that is measured.
    pub(crate) measured: Duration,
    /// Operations at most, the unmeasured included.
    pub(crate) count: u64,
}

/// What the connections of a run share.
#[derive(Debug)]
pub(crate) struct Run {
    bounds: Bounds,
    started: Barrier,
    /// The moment at which all start.
    start: std::sync::OnceLock<Instant>,
    left: AtomicU64,
    done: AtomicU64,
    aborted: AtomicBool,
    clock: AnchoredClock,
}

/// What one connection, one thread or all of them measured.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// From sending to the answer, of what was answered in time.
    pub(crate) latency: Histogram,
    /// From an SOS's PUBACK to its event at another connection of the user.
    pub(crate) event: Histogram,
    /// What [`latency`](Self::latency) is for what runs beside the measured.
    pub(crate) background: Histogram,
    /// Answers that said no.
    pub(crate) refused: u64,
    /// Sent and never answered.
    pub(crate) unanswered: u64,
    /// Connections that ended early, and the first one's reason.
    pub(crate) broken: u64,
    pub(crate) why: Option<String>,
}

/// What a run came to.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    /// Threads that made the load.
    pub(crate) threads: usize,
    /// Connections that made it.
    pub(crate) connections: usize,
    /// Measured time.
    pub(crate) seconds: f64,
    /// Answers within it that said yes.
    pub(crate) answered: u64,
    /// Answers a second.
    pub(crate) per_second: f64,
    /// Answers that said no.
    pub(crate) refused: u64,
    /// Sent and never answered.
    pub(crate) unanswered: u64,
    /// Connections that ended early.
    pub(crate) broken: u64,
    /// Why the first of them did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// From sending to the answer, in milliseconds.
    pub(crate) latency_ms: Option<Latency>,
    /// From an SOS's PUBACK to its event at another connection of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event_after_ms: Option<Latency>,
    /// What ran beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) background: Option<Background>,
    /// Processor time of this client in percent of one core: near 100 times
    /// the threads, the client itself is the limit.
    pub(crate) client_cpu_percent: f64,
}

/// What ran beside the measured.
#[derive(Debug, Serialize)]
pub(crate) struct Background {
    /// Answers a second.
    pub(crate) per_second: f64,
    /// From when it was due to the answer, in milliseconds.
    pub(crate) latency_ms: Latency,
}

/// What is known when the measured time begins.
struct Begin {
    start: Instant,
    cpu: Duration,
}

impl Run {
    /// A run that has not begun.
    pub(crate) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            bounds,
            // Everybody who makes load, and whoever watches.
            started: Barrier::new(bounds.connections + 1),
            start: std::sync::OnceLock::new(),
            left: AtomicU64::new(bounds.count),
            done: AtomicU64::new(0),
            aborted: AtomicBool::new(false),
            clock: AnchoredClock::new(),
        })
    }

    /// Waits until every connection stands; the moment at which all start, or
    /// nothing when one of them could not be made.
    pub(crate) async fn begin(&self) -> Option<Instant> {
        self.started.wait().await;
        (!self.aborted.load(Ordering::Acquire)).then(|| *self.start.get_or_init(Instant::now))
    }

    /// A connection could not be made: nobody starts.
    fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
    }

    /// The first moment that is measured.
    pub(crate) fn measured_from(&self, start: Instant) -> Instant {
        start + self.bounds.warm_up
    }

    /// The first moment that is not measured any more: nothing more is sent.
    pub(crate) fn measured_to(&self, start: Instant) -> Instant {
        start + self.bounds.warm_up + self.bounds.measured
    }

    /// The moment until which answers are waited for.
    pub(crate) fn answers_by(&self, start: Instant) -> Instant {
        self.measured_to(start) + LAST_ANSWERS
    }

    /// How many of `wanted` operations may still be done; they are taken.
    pub(crate) fn take(&self, wanted: u64) -> u64 {
        if self.bounds.count == u64::MAX {
            return wanted;
        }
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some(left.saturating_sub(wanted))
            });
        taken.unwrap_or(0).min(wanted)
    }

    /// Counts answers for whoever watches.
    pub(crate) fn answered(&self, count: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
    }

    /// The time that bodies tell.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Tally {
    /// Adds what another one measured.
    pub(crate) fn merge(&mut self, other: Self) {
        self.latency.merge(&other.latency);
        self.event.merge(&other.event);
        self.background.merge(&other.background);
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.broken += other.broken;
        self.why = self.why.take().or(other.why);
    }

    /// The connection ended early.
    pub(crate) fn break_off(&mut self, why: &impl ToString) {
        self.broken += 1;
        self.why.get_or_insert_with(|| why.to_string());
    }
}

/// One connection's work: `make` connects, `work` runs once all have.
pub(crate) trait Worker: Clone + Send + Sync + 'static {
    /// A connection that stands.
    type Ready: Send;

    /// Makes the connection of a number.
    fn make(&self, number: usize) -> impl Future<Output = Result<Self::Ready, Failure>> + Send;

    /// Loads the server with it until the run's end.
    fn work(
        &self,
        ready: Self::Ready,
        run: &Run,
        start: Instant,
    ) -> impl Future<Output = Tally> + Send;
}

/// Runs a worker on every connection and sums up. `label` is what progress
/// counts, such as `acks`.
pub(crate) fn run<W: Worker>(worker: &W, bounds: Bounds, label: &str) -> Result<Summary, Failure> {
    let run = Run::new(bounds);
    let total = Arc::new(Mutex::new((Tally::default(), None::<Failure>)));
    let mut threads = Vec::new();
    for thread in 0..bounds.threads {
        let (worker, run, total) = (worker.clone(), Arc::clone(&run), Arc::clone(&total));
        let body = move || {
            let tally = runtime().map(|runtime| runtime.block_on(share(worker, run, thread)));
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            match tally {
                Ok((tally, None)) => total.0.merge(tally),
                Ok((_, Some(failure))) | Err(failure) => total.1 = Some(failure),
            }
        };
        let spawned = std::thread::Builder::new()
            .name(format!("bench-{thread}"))
            .spawn(body);
        threads.push(spawned.map_err(|error| Failure::new(format!("no thread: {error}")))?);
    }
    let began = runtime()?.block_on(watch(&run, label));
    for thread in threads {
        if thread.join().is_err() {
            return Err(Failure::new("a thread of the load panicked"));
        }
    }
    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(failure) = total.1.take() {
        return Err(failure);
    }
    let began = began.ok_or_else(|| Failure::new("the load did not begin"))?;
    Ok(summary(bounds, std::mem::take(&mut total.0), &began))
}

/// The connections of one thread.
async fn share<W: Worker>(worker: W, run: Arc<Run>, thread: usize) -> (Tally, Option<Failure>) {
    let connecting = Arc::new(tokio::sync::Semaphore::new(CONNECTING));
    let mut tasks = JoinSet::new();
    for number in (thread..run.bounds.connections).step_by(run.bounds.threads) {
        let (worker, run) = (worker.clone(), Arc::clone(&run));
        let connecting = Arc::clone(&connecting);
        tasks.spawn(async move {
            let permit = connecting.acquire().await;
            let made = worker.make(number).await;
            drop(permit);
            if made.is_err() {
                run.abort();
            }
            let start = run.begin().await;
            match (made, start) {
                (Ok(ready), Some(start)) => Ok(worker.work(ready, &run, start).await),
                (Ok(_), None) => Ok(Tally::default()),
                (Err(failure), _) => Err(failure),
            }
        });
    }
    let (mut tally, mut failure) = (Tally::default(), None);
    while let Some(joined) = tasks.join_next().await {
        match joined {
            Ok(Ok(one)) => tally.merge(one),
            Ok(Err(error)) => failure = Some(error),
            Err(error) => tally.break_off(&error),
        }
    }
    (tally, failure)
}

/// Shows progress on a terminal until the end of the measured time.
async fn watch(run: &Run, label: &str) -> Option<Begin> {
    let start = run.begin().await?;
    let terminal = std::io::stderr().is_terminal();
    let (from, to) = (run.measured_from(start), run.measured_to(start));
    sleep_until(from).await;
    let cpu = cpu_time();
    let mut before = run.done.load(Ordering::Relaxed);
    while Instant::now() < to {
        tokio::select! {
            () = sleep_until(to) => {}
            () = sleep(SHOW_EVERY) => {}
        }
        let done = run.done.load(Ordering::Relaxed);
        if terminal {
            let seconds = (Instant::now() - from).as_secs();
            // Nobody is hurt when progress cannot be shown.
            let _ = write!(
                std::io::stderr(),
                "\r{seconds:>4} s  {:>9} {label}/s ",
                done - before
            );
        }
        before = done;
        if run.left.load(Ordering::Relaxed) == 0 {
            break;
        }
    }
    if terminal {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    Some(Begin {
        start: from,
        cpu: cpu_time().saturating_sub(cpu),
    })
}

fn summary(bounds: Bounds, tally: Tally, began: &Begin) -> Summary {
    // A bounded count may have ended the load early.
    let took = (Instant::now() - began.start).min(bounds.measured);
    let seconds = took.as_secs_f64().max(f64::EPSILON);
    let answered = tally.latency.count();
    Summary {
        threads: bounds.threads,
        connections: bounds.connections,
        seconds,
        answered,
        per_second: rate(answered, seconds),
        refused: tally.refused,
        unanswered: tally.unanswered,
        broken: tally.broken,
        why: tally.why,
        latency_ms: tally.latency.latency(),
        event_after_ms: tally.event.latency(),
        background: tally.background.latency().map(|latency_ms| Background {
            per_second: rate(tally.background.count(), seconds),
            latency_ms,
        }),
        client_cpu_percent: began.cpu.as_secs_f64() / seconds * 100.0,
    }
}

/// So many in so many seconds, each second.
#[expect(clippy::cast_precision_loss, reason = "2^53 operations take years")]
pub(crate) fn rate(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}

/// A runtime for one thread.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the system gives no runtime: {error}")))
}

/// Processor time of this process.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
