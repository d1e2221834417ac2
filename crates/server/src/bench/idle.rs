//! `bench idle`: connections that do nothing but stay, subscribed to their
//! user's events, so that what each costs the server can be read off.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::client::{Client, Target};
use super::crew::{Run, Tally, Worker};
use super::packets::PINGREQ;
use super::people::People;
use crate::failure::Failure;

/// Stays connected.
#[derive(Clone, Debug)]
pub(crate) struct Idlers {
    pub(crate) target: Target,
    pub(crate) people: Arc<People>,
    /// The process whose memory is read at the end.
    pub(crate) pid: Option<u32>,
    /// What it held then, in bytes.
    pub(crate) resident: Arc<Mutex<Option<u64>>>,
}

impl Worker for Idlers {
    type Ready = (Client, bool);

    async fn make(&self, number: usize) -> Result<Self::Ready, Failure> {
        let person = self.people.person(number)?;
        let mut client = Client::connect(&self.target, &person).await?;
        let topic = format!("sos/events/{}", person.id);
        client.subscribe(self.target.protocol, &topic).await?;
        Ok((client, number == 0))
    }

    async fn work(&self, ready: Self::Ready, run: &Run, start: Instant) -> Tally {
        let (mut client, is_first) = ready;
        let to = run.measured_to(start);
        let mut tally = Tally::default();
        let every = Duration::from_secs(u64::from(self.target.keep_alive_seconds.max(2)) / 2);
        loop {
            let next = Instant::now() + every;
            if next >= to {
                sleep_until(to).await;
                break;
            }
            sleep_until(next).await;
            client.outbox.extend(PINGREQ);
            let asked = Instant::now();
            let answered = match client.flush().await {
                Ok(()) => client.fill().await,
                Err(error) => Err(error),
            };
            if let Err(error) = answered {
                tally.break_off(&error);
                return tally;
            }
            tally.latency.record(asked.elapsed());
            // The answer is the only thing that can have arrived.
            while let Ok(Some(_)) = client.next() {}
        }
        if let (true, Some(pid)) = (is_first, self.pid) {
            let mut place = self.resident.lock().unwrap_or_else(PoisonError::into_inner);
            *place = resident_bytes(pid);
        }
        // Nobody leaves before it was read.
        sleep_until(to + Duration::from_millis(200)).await;
        client.hang_up().await;
        tally
    }
}

/// The resident memory of a process, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
