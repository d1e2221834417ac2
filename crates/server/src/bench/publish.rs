//! `bench mqtt`: telemetry at full speed, or at a given rate.
//!
//! Each connection keeps `window` publishes unanswered. All that became free
//! by one read is refilled with one write, as a phone with a backlog does.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::client::{Client, Target};
use super::crew::{Run, Tally, Worker};
use super::packets::{self, Packet, PublishTemplate};
use super::people::People;
use super::sample::Samples;
use crate::failure::Failure;

/// With a given rate, how often a connection looks what is due.
const TICK: Duration = Duration::from_millis(2);

/// Publishes telemetry.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    pub(crate) target: Target,
    pub(crate) people: Arc<People>,
    /// 0, 1 or 2.
    pub(crate) qos: u8,
    /// Publishes of one connection that may be unanswered.
    pub(crate) window: u16,
    /// Bytes of a body.
    pub(crate) payload: usize,
    /// Time between two publishes of one connection; none is full speed.
    pub(crate) every: Option<Duration>,
}

/// A connection with what it sends.
pub(crate) struct Ready {
    client: Client,
    template: PublishTemplate,
    samples: Samples,
}

/// A connection at work.
struct Line<'r> {
    ready: Ready,
    publisher: &'r Publisher,
    run: &'r Run,
    /// The moments that answers are measured from, oldest first: a server
    /// answers in the order of the publishes.
    waiting: VecDeque<(u16, Instant)>,
    last_id: u16,
    /// When the next one is due, with a given rate.
    due: Instant,
    from: Instant,
    to: Instant,
    tally: Tally,
}

impl Worker for Publisher {
    type Ready = Ready;

    async fn make(&self, number: usize) -> Result<Ready, Failure> {
        let person = self.people.person(number)?;
        let client = Client::connect(&self.target, &person).await?;
        let topic = format!("tel/{}/data", person.id);
        Ok(Ready {
            client,
            template: PublishTemplate::new(self.target.protocol, self.qos, &topic, self.payload),
            samples: Samples::new(self.payload)?,
        })
    }

    async fn work(&self, ready: Ready, run: &Run, start: Instant) -> Tally {
        let mut line = Line {
            ready,
            publisher: self,
            run,
            waiting: VecDeque::with_capacity(usize::from(self.window)),
            last_id: 0,
            due: start,
            from: run.measured_from(start),
            to: run.measured_to(start),
            tally: Tally::default(),
        };
        let by = run.answers_by(start);
        match timeout_at(by, line.work()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => line.tally.break_off(&error),
        }
        line.tally.unanswered += u64::try_from(line.waiting.len()).unwrap_or(0);
        line.ready.client.hang_up().await;
        line.tally
    }
}

impl Line<'_> {
    async fn work(&mut self) -> io::Result<()> {
        loop {
            let now = Instant::now();
            let sending = now < self.to && self.send(now) && self.publisher.qos > 0;
            self.ready.client.flush().await?;
            if self.publisher.qos == 0 {
                if now >= self.to {
                    return Ok(());
                }
                self.pace().await;
                continue;
            }
            if self.waiting.is_empty() && !sending {
                return Ok(());
            }
            let has_room = self.waiting.len() < usize::from(self.publisher.window);
            if self.publisher.every.is_some() && has_room && now < self.to {
                tokio::select! {
                    filled = self.ready.client.fill() => filled?,
                    () = tokio::time::sleep(TICK) => continue,
                }
            } else {
                self.ready.client.fill().await?;
            }
            self.take()?;
        }
    }

    /// Lets others run, or waits for the next tick.
    async fn pace(&self) {
        match self.publisher.every {
            None => tokio::task::yield_now().await,
            Some(_) => tokio::time::sleep(TICK).await,
        }
    }

    /// Writes what may be sent; `false` when nothing more ever will.
    fn send(&mut self, now: Instant) -> bool {
        let room = usize::from(self.publisher.window).saturating_sub(self.waiting.len());
        let due = match self.publisher.every {
            None => room,
            Some(every) if now >= self.due => {
                let due = (now - self.due).as_nanos() / every.as_nanos().max(1) + 1;
                usize::try_from(due).unwrap_or(room)
            }
            Some(_) => 0,
        };
        let wanted = room.min(due);
        let granted = self.run.take(u64::try_from(wanted).unwrap_or(0));
        let time = self.run.now();
        for _ in 0..granted {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            let body = self.ready.samples.at(time);
            let outbox = &mut self.ready.client.outbox;
            self.ready.template.write(self.last_id, body, outbox);
            // With a rate the wait begins when the publish was due, even if
            // the window was full then.
            let since = match self.publisher.every {
                None => now,
                Some(every) => {
                    let since = self.due;
                    self.due += every;
                    since
                }
            };
            if self.publisher.qos == 0 {
                self.answered(since, now);
            } else {
                self.waiting.push_back((self.last_id, since));
            }
        }
        granted > 0 || wanted == 0
    }

    /// Takes the answers that have arrived.
    fn take(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let mut released = Vec::new();
        let mut answered = 0;
        while let Some(packet) = self.ready.client.next()? {
            let id = match packet {
                Packet::PubAck(id, code) | Packet::PubRec(id, code) if code >= 0x80 => {
                    self.tally.refused += 1;
                    self.waiting.retain(|(waiting, _)| *waiting != id);
                    continue;
                }
                Packet::PubAck(id, _) | Packet::PubComp(id) => id,
                Packet::PubRec(id, _) => {
                    released.push(id);
                    continue;
                }
                Packet::Disconnect(code) => {
                    let why = format!("the server sent DISCONNECT with code {code:#04x}");
                    return Err(io::Error::other(why));
                }
                _ => continue,
            };
            match self.waiting.pop_front() {
                Some((expected, since)) if expected == id => {
                    answered += 1;
                    if now >= self.from && now < self.to {
                        self.tally.latency.record(now - since);
                    }
                }
                _ => return Err(io::Error::other("an answer out of order")),
            }
        }
        for id in released {
            packets::pubrel(id, &mut self.ready.client.outbox);
        }
        self.run.answered(answered);
        Ok(())
    }

    fn answered(&mut self, since: Instant, now: Instant) {
        self.run.answered(1);
        if now >= self.from && now < self.to {
            self.tally.latency.record(now - since);
        }
    }
}
