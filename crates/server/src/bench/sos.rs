//! `bench sos`: cries for help while telemetry runs at a given rate.
//!
//! Each victim has two connections: one cries, the other is subscribed, as a
//! second phone or a watch. Measured are the PUBACK, and from it the event
//! that tells the cry's own time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::client::{Client, Target};
use super::crew::{Run, Tally, Worker};
use super::packets::{self, Packet, PublishTemplate};
use super::people::People;
use super::publish::{self, Publisher};
use super::sample::Samples;
use crate::failure::Failure;

/// Bytes of a cry's body.
const BODY_BYTES: usize = 200;

/// Cries, and what runs beside them.
#[derive(Clone, Debug)]
pub(crate) struct Cries {
    pub(crate) target: Target,
    /// The victims.
    pub(crate) people: Arc<People>,
    /// Time between two cries of one victim.
    pub(crate) every: Duration,
    /// The telemetry beside them, on so many connections.
    pub(crate) background: Publisher,
    pub(crate) background_connections: usize,
}

/// A connection of the background, or a victim.
pub(crate) enum Ready {
    Background(Box<publish::Ready>),
    Victim(Box<Victim>),
}

/// Somebody who cries, and hears the answer on a second device.
pub(crate) struct Victim {
    crying: Client,
    hearing: Client,
    template: PublishTemplate,
    samples: Samples,
    number: u32,
    id: u16,
    /// The cry that is not both answered and heard yet.
    open: Option<Cry>,
    tally: Tally,
}

/// A cry that was sent.
struct Cry {
    sent: Instant,
    answered: Option<Instant>,
    heard: Option<Instant>,
}

impl Worker for Cries {
    type Ready = Ready;

    async fn make(&self, number: usize) -> Result<Ready, Failure> {
        let Some(number) = number.checked_sub(self.background_connections) else {
            let ready = self.background.make(number).await?;
            return Ok(Ready::Background(Box::new(ready)));
        };
        let person = self.people.person(number)?;
        let crying = Client::connect(&self.target, &person).await?;
        let device = format!("{}-watch", person.id);
        let mut hearing = Client::connect_as(&self.target, &person, &device).await?;
        let topic = format!("sos/events/{}", person.id);
        hearing.subscribe(self.target.protocol, &topic).await?;
        Ok(Ready::Victim(Box::new(Victim {
            crying,
            hearing,
            template: PublishTemplate::new(self.target.protocol, 1, "sos/alerts", BODY_BYTES),
            samples: Samples::new(BODY_BYTES)?,
            number: u32::try_from(number).unwrap_or(0),
            id: 0,
            open: None,
            tally: Tally::default(),
        })))
    }

    async fn work(&self, ready: Ready, run: &Run, start: Instant) -> Tally {
        match ready {
            Ready::Background(ready) => {
                let tally = self.background.work(*ready, run, start).await;
                Tally {
                    background: tally.latency,
                    latency: super::histogram::Histogram::default(),
                    ..tally
                }
            }
            Ready::Victim(mut victim) => {
                let by = run.answers_by(start);
                match timeout_at(by, victim.work(self, run, start)).await {
                    Ok(Ok(())) | Err(_) => {}
                    Ok(Err(error)) => victim.tally.break_off(&error),
                }
                victim.tally.unanswered += u64::from(victim.open.is_some());
                victim.crying.hang_up().await;
                victim.hearing.hang_up().await;
                victim.tally
            }
        }
    }
}

impl Victim {
    async fn work(&mut self, cries: &Cries, run: &Run, start: Instant) -> io::Result<()> {
        let (from, to) = (run.measured_from(start), run.measured_to(start));
        // Victims cry one after the other, not all at once.
        let mut due = start + cries.every * (self.number % 64) / 64;
        loop {
            if self.open.is_none() {
                if due >= to {
                    return Ok(());
                }
                sleep_until(due).await;
                due = (due + cries.every).max(Instant::now());
                if run.take(1) == 0 {
                    return Ok(());
                }
                self.cry(run).await?;
            }
            tokio::select! {
                filled = self.crying.fill() => filled?,
                filled = self.hearing.fill() => filled?,
            }
            self.take()?;
            self.hearing.flush().await?;
            self.settle(run, from, to);
        }
    }

    async fn cry(&mut self, run: &Run) -> io::Result<()> {
        self.id = self.id.checked_add(1).unwrap_or(1);
        let body = self.samples.at(run.now());
        self.template.write(self.id, body, &mut self.crying.outbox);
        self.open = Some(Cry {
            sent: Instant::now(),
            answered: None,
            heard: None,
        });
        self.crying.flush().await
    }

    /// Takes what has arrived on either connection.
    fn take(&mut self) -> io::Result<()> {
        let now = Instant::now();
        while let Some(packet) = self.crying.next()? {
            match packet {
                Packet::PubAck(_, code) if code >= 0x80 => {
                    self.tally.refused += 1;
                    self.open = None;
                }
                Packet::PubAck(id, _) if id == self.id => {
                    if let Some(cry) = &mut self.open {
                        cry.answered = Some(now);
                    }
                }
                _ => {}
            }
        }
        let mut acknowledged = Vec::new();
        while let Some(packet) = self.hearing.next()? {
            let Packet::Publish(id, body) = packet else {
                continue;
            };
            acknowledged.extend(id);
            let time = self.samples.time();
            let is_ours = body.windows(time.len()).any(|window| window == time);
            if let Some(cry) = self.open.as_mut().filter(|_| is_ours) {
                cry.heard.get_or_insert(now);
            }
        }
        for id in acknowledged {
            packets::puback(id, &mut self.hearing.outbox);
        }
        Ok(())
    }

    /// Measures the cry once it was both answered and heard.
    fn settle(&mut self, run: &Run, from: Instant, to: Instant) {
        let Some(Cry {
            sent,
            answered: Some(answered),
            heard: Some(heard),
        }) = self.open
        else {
            return;
        };
        self.open = None;
        run.answered(1);
        if sent >= from && sent < to {
            self.tally.latency.record(answered - sent);
            self.tally
                .event
                .record(heard.saturating_duration_since(answered));
        }
    }
}
