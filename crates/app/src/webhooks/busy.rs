//! Which attempts this node has under way, so that an endpoint that hangs keeps nobody
//! else's notifications waiting, nor its own app's others.
//!
//! An endpoint is given a few attempts at a time; one that hung the last time, one; and one
//! more is kept for what tells of somebody's distress. What finds no place comes again when there may be one: soon where answers come fast, and
//! ever later where none come. An attempt that does not end soon leaves its worker and
//! goes on beside, where there is room for many more ([`Endpoints::aside`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mayday_core::ids::EndpointId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Attempts at one endpoint at a time.
const AT_A_TIME: usize = 4;
/// Attempts at a time at one that hung the last time.
const AT_A_TIME_HUNG: usize = 1;
/// So many more for what tells of distress, which never waits for all else, and comes
/// again sooner.
const KEPT_FOR_DISTRESS: usize = 1;
/// Who takes longer hangs: nearly the time after which an attempt is given up.
const HUNG_AFTER: Duration = Duration::from_secs(10);
/// Attempts that go on beside the workers. Most of their time they wait, so that places
/// cost little; a hung endpoint alone needs two.
const ASIDE: usize = 512;
/// The least time between two that come again for a place at one endpoint ..
const LEAST_STEP: Duration = Duration::from_millis(25);
/// .. and the longest that one of them waits: so long, or as long as no answer has come,
/// up to the second.
const LONGEST_WAIT: [Duration; 2] = [Duration::from_secs(4), Duration::from_secs(15)];
const LONGEST_WAIT_OF_DISTRESS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(8)];
/// Endpoints that are remembered for having hung.
const MAX_REMEMBERED: usize = 10_000;

/// What an attempt tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    /// Somebody's distress.
    Distress,
    /// Anything else.
    Rest,
}

/// The attempts under way.
#[derive(Debug)]
pub(crate) struct Endpoints {
    known: Mutex<HashMap<EndpointId, Guests>>,
    aside: Arc<Semaphore>,
}

/// The attempts at one endpoint.
#[derive(Clone, Copy, Debug)]
struct Guests {
    under_way: usize,
    /// Whether the attempt that ended last took as long as if nobody were there.
    hung: bool,
    /// When an attempt ended last, or, before the first did, when it began.
    moved_at: Instant,
    /// When the last of those comes who found no place.
    next_turn: Instant,
    /// The same of those who tell of distress.
    next_of_distress: Instant,
}

/// A place at an endpoint; dropped, it is free.
#[derive(Debug)]
pub(crate) struct Place {
    endpoints: Arc<Endpoints>,
    endpoint: EndpointId,
    began_at: Instant,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            aside: Arc::new(Semaphore::new(ASIDE)),
        }
    }
}

impl Endpoints {
    /// A place at the endpoint; `Err`: none is free, and after so long one may be.
    pub(crate) fn enter(
        self: &Arc<Self>,
        endpoint: EndpointId,
        tells: Tells,
    ) -> Result<Place, Duration> {
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMEMBERED {
            known.retain(|_, guests| guests.under_way > 0);
        }
        let guests = known.entry(endpoint).or_insert(Guests {
            under_way: 0,
            hung: false,
            moved_at: now,
            next_turn: now,
            next_of_distress: now,
        });
        let places = if guests.hung {
            AT_A_TIME_HUNG
        } else {
            AT_A_TIME
        };
        let full = match tells {
            Tells::Distress => guests.under_way >= places + KEPT_FOR_DISTRESS,
            Tells::Rest => guests.under_way >= places,
        };
        if full {
            return Err(guests.wait(now, tells));
        }
        if guests.under_way == 0 {
            guests.moved_at = now;
        }
        guests.under_way += 1;
        Ok(Place {
            endpoints: Arc::clone(self),
            endpoint,
            began_at: now,
        })
    }

    /// Room for an attempt that goes on beside the workers; `None` when too many do.
    pub(crate) fn aside(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.aside).try_acquire_owned().ok()
    }
}

impl Guests {
    /// When the next one without a place comes again: one after the other, at the pace
    /// at which answers come. Distress has a line of its own.
    fn wait(&mut self, now: Instant, tells: Tells) -> Duration {
        let silent = now - self.moved_at;
        let pace = silent / u32::try_from(AT_A_TIME).unwrap_or(1);
        let (next, [least, most]) = match tells {
            Tells::Distress => (&mut self.next_of_distress, LONGEST_WAIT_OF_DISTRESS),
            Tells::Rest => (&mut self.next_turn, LONGEST_WAIT),
        };
        let turn = (*next).max(now) + pace.max(LEAST_STEP);
        *next = turn.min(now + silent.clamp(least, most));
        *next - now
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = Instant::now();
        let known = &self.endpoints.known;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(guests) = known.get_mut(&self.endpoint) else {
            return;
        };
        guests.under_way = guests.under_way.saturating_sub(1);
        guests.hung = now - self.began_at >= HUNG_AFTER;
        guests.moved_at = now;
        if guests.under_way == 0 && !guests.hung {
            known.remove(&self.endpoint);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const ONE: EndpointId = EndpointId(uuid::Uuid::nil());
    const OTHER: EndpointId = EndpointId(uuid::Uuid::max());

    #[tokio::test(start_paused = true)]
    async fn one_endpoint_takes_no_more_than_its_places() {
        let endpoints = Arc::new(Endpoints::default());
        let mut places: Vec<_> = (0..AT_A_TIME)
            .map(|_| endpoints.enter(ONE, Tells::Rest).unwrap())
            .collect();
        assert!(endpoints.enter(ONE, Tells::Rest).is_err());
        let elsewhere = endpoints.enter(OTHER, Tells::Rest).unwrap();
        drop(places.pop());
        places.push(endpoints.enter(ONE, Tells::Rest).unwrap());
        drop((places, elsewhere));
        assert!(endpoints.known.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn places_are_kept_for_distress_and_it_has_a_line_of_its_own() {
        let endpoints = Arc::new(Endpoints::default());
        let rest: Vec<_> = (0..AT_A_TIME)
            .map(|_| endpoints.enter(ONE, Tells::Rest).unwrap())
            .collect();
        for _ in 0..100 {
            assert!(endpoints.enter(ONE, Tells::Rest).is_err());
        }
        let kept: Vec<_> = (0..KEPT_FOR_DISTRESS)
            .map(|_| endpoints.enter(ONE, Tells::Distress).unwrap())
            .collect();
        let wait = || endpoints.enter(ONE, Tells::Distress).unwrap_err();
        assert_eq!([wait(), wait()], [LEAST_STEP, LEAST_STEP * 2]);
        drop((rest, kept));
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_comes_in_turn_at_the_pace_of_the_answers() {
        let endpoints = Arc::new(Endpoints::default());
        let places: Vec<_> = (0..AT_A_TIME)
            .map(|_| endpoints.enter(ONE, Tells::Rest).unwrap())
            .collect();
        let wait = || endpoints.enter(ONE, Tells::Rest).unwrap_err().as_millis();
        assert_eq!([wait(), wait(), wait()], [25, 50, 75]);
        // Nothing comes back: they ask ever less often, and in the end not in turn.
        advance(Duration::from_secs(2)).await;
        assert_eq!([wait(), wait()], [500, 1_000]);
        advance(Duration::from_secs(12)).await;
        assert_eq!([wait(), wait(), wait()], [3_500, 7_000, 10_500]);
        drop(places);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_hung_is_given_a_single_place_until_it_answers() {
        let endpoints = Arc::new(Endpoints::default());
        let place = endpoints.enter(ONE, Tells::Rest).unwrap();
        advance(HUNG_AFTER).await;
        drop(place);
        let place = endpoints.enter(ONE, Tells::Rest).unwrap();
        assert!(endpoints.enter(ONE, Tells::Rest).is_err());
        advance(Duration::from_secs(1)).await;
        drop(place);
        let places = [
            endpoints.enter(ONE, Tells::Rest).unwrap(),
            endpoints.enter(ONE, Tells::Rest).unwrap(),
        ];
        drop(places);
    }
}
