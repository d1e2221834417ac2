//! `bench connect`: connections made and ended, one after the other on each
//! lane, by users whom the server knows.

use std::sync::Arc;

use tokio::time::Instant;

use super::client::{Client, Target};
use super::crew::{Run, Tally, Worker};
use super::people::{People, Person};
use crate::failure::Failure;

/// Connects and hangs up.
#[derive(Clone, Debug)]
pub(crate) struct Visitors {
    pub(crate) target: Target,
    pub(crate) people: Arc<People>,
    /// Users that each lane takes turns with.
    pub(crate) users_per_lane: usize,
}

impl Worker for Visitors {
    type Ready = Vec<Person>;

    /// Each user connects once, so that the server knows it.
    async fn make(&self, number: usize) -> Result<Self::Ready, Failure> {
        let first = number * self.users_per_lane;
        let mut people = Vec::with_capacity(self.users_per_lane);
        for number in first..first + self.users_per_lane {
            let person = self.people.person(number)?;
            Client::connect(&self.target, &person)
                .await?
                .hang_up()
                .await;
            people.push(person);
        }
        Ok(people)
    }

    async fn work(&self, people: Self::Ready, run: &Run, start: Instant) -> Tally {
        let (from, to) = (run.measured_from(start), run.measured_to(start));
        let mut tally = Tally::default();
        for person in people.iter().cycle() {
            let begun = Instant::now();
            if begun >= to || run.take(1) == 0 {
                break;
            }
            match Client::connect(&self.target, person).await {
                Ok(client) => {
                    let now = Instant::now();
                    run.answered(1);
                    if now >= from && now < to {
                        tally.latency.record(now - begun);
                    }
                    client.hang_up().await;
                }
                Err(error) => tally.break_off(&error),
            }
        }
        tally
    }
}
