//! Who sits where: the limit on connections that never keeps an SOS out.
//!
//! A newcomer to a full house takes the seat of the oldest connection without
//! a proven caller; if there is none, of the proven one that is idle longest;
//! if all are at work, the oldest of a user who has far more than anybody needs;
//! then one of a few seats in reserve (contract: SOS, "a full house closes
//! unauthenticated and oldest idle connections first").

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mayday_core::ids::UserId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One in so many seats is held in reserve, and at least one.
const RESERVE_SHARE: usize = 16;

/// Connections that one user may have at work in a full house.
const SEATS_PER_USER: usize = 32;

/// The seats of one listener.
#[derive(Clone)]
pub(super) struct House(Arc<Rooms>);

struct Rooms {
    limit: usize,
    reserve: usize,
    seats: Mutex<Seats>,
}

#[derive(Default)]
struct Seats {
    /// By number, hence by age.
    taken: BTreeMap<u64, Arc<Chair>>,
    last: u64,
}

struct Chair {
    number: u64,
    proven: AtomicBool,
    requests: AtomicUsize,
    idle_since: Mutex<Instant>,
    /// The user who has proven it last: the one at work, as a connection has one request
    /// at a time.
    user: Mutex<Option<UserId>>,
    cut: CancellationToken,
}

/// A connection's seat; given back when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Seat(Arc<Held>);

struct Held {
    chair: Arc<Chair>,
    house: House,
}

/// A request in flight: its connection is not idle while this lives.
pub(super) struct AtWork(Arc<Chair>);

impl House {
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Rooms {
            limit: limit.max(1),
            reserve: (limit / RESERVE_SHARE).max(1),
            seats: Mutex::default(),
        }))
    }

    /// A seat for a newcomer; none when every connection is at work for a
    /// proven caller and the reserve is used up.
    pub(super) fn take_seat(&self) -> Option<Seat> {
        let mut seats = self.seats();
        if seats.taken.len() >= self.0.limit {
            let victim = seats.victim();
            match victim {
                Some(number) => seats.evict(number),
                None if seats.taken.len() < self.0.limit + self.0.reserve => {}
                None => return None,
            }
        }
        seats.last += 1;
        let chair = Arc::new(Chair {
            number: seats.last,
            proven: AtomicBool::new(false),
            requests: AtomicUsize::new(0),
            idle_since: Mutex::new(Instant::now()),
            user: Mutex::new(None),
            cut: CancellationToken::new(),
        });
        seats.taken.insert(chair.number, Arc::clone(&chair));
        Some(Seat(Arc::new(Held {
            chair,
            house: self.clone(),
        })))
    }

    /// Cuts the connection that can best be spared, because no file descriptor
    /// is left; `false` when every one is at work for a proven caller.
    pub(super) fn make_room(&self) -> bool {
        let mut seats = self.seats();
        let victim = seats.victim();
        if let Some(number) = victim {
            seats.evict(number);
        }
        victim.is_some()
    }

    /// Cuts every connection.
    pub(super) fn clear(&self) {
        for chair in self.seats().taken.values() {
            chair.cut.cancel();
        }
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.0.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    fn victim(&self) -> Option<u64> {
        let stranger = self
            .taken
            .values()
            .find(|chair| !chair.proven.load(Ordering::Relaxed));
        let idle = || {
            self.taken
                .values()
                .filter(|chair| chair.requests.load(Ordering::Relaxed) == 0)
                .min_by_key(|chair| chair.idle_since())
        };
        let spared = stranger.or_else(idle).map(|chair| chair.number);
        spared.or_else(|| self.crowding())
    }

    /// The oldest seat of the user who has most of them, if those are too many.
    fn crowding(&self) -> Option<u64> {
        let mut seats: HashMap<UserId, (usize, u64)> = HashMap::new();
        for chair in self.taken.values() {
            if let Some(user) = *chair.user() {
                seats.entry(user).or_insert((0, chair.number)).0 += 1;
            }
        }
        let most = seats.into_values().max_by_key(|(seats, _)| *seats);
        most.filter(|(seats, _)| *seats > SEATS_PER_USER)
            .map(|(_, oldest)| oldest)
    }

    fn evict(&mut self, number: u64) {
        if let Some(chair) = self.taken.remove(&number) {
            chair.cut.cancel();
        }
    }
}

impl Chair {
    fn idle_since(&self) -> Instant {
        *self
            .idle_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn user(&self) -> MutexGuard<'_, Option<UserId>> {
        self.user.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// A caller on this connection has proven who they are.
    pub(crate) fn proven(&self) {
        self.0.chair.proven.store(true, Ordering::Relaxed);
    }

    /// A user has.
    pub(crate) fn proven_by(&self, user: UserId) {
        *self.0.chair.user() = Some(user);
        self.proven();
    }

    /// Marks the connection as busy until the guard is dropped.
    pub(super) fn at_work(&self) -> AtWork {
        let chair = Arc::clone(&self.0.chair);
        chair.requests.fetch_add(1, Ordering::Relaxed);
        AtWork(chair)
    }

    /// Resolves when the connection must end at once.
    pub(super) async fn cut(&self) {
        self.0.chair.cut.cancelled().await;
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        *self
            .0
            .idle_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.house.seats().taken.remove(&self.chair.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_cut(seat: &Seat) -> bool {
        seat.0.chair.cut.is_cancelled()
    }

    #[tokio::test]
    async fn the_oldest_stranger_goes_first() {
        let house = House::new(2);
        let proven = house.take_seat().unwrap();
        proven.proven();
        let stranger = house.take_seat().unwrap();
        let newcomer = house.take_seat().unwrap();
        assert!(is_cut(&stranger));
        assert!(!is_cut(&proven));
        assert!(!is_cut(&newcomer));
    }

    #[tokio::test(start_paused = true)]
    async fn then_the_proven_one_that_is_idle_longest() {
        let house = House::new(2);
        let busy = house.take_seat().unwrap();
        busy.proven();
        let _work = busy.at_work();
        let idle = house.take_seat().unwrap();
        idle.proven();
        let _newcomer = house.take_seat().unwrap();
        assert!(is_cut(&idle));
        assert!(!is_cut(&busy));
    }

    #[tokio::test]
    async fn when_all_are_at_work_the_reserve_is_used_and_then_nothing_is_left() {
        let house = House::new(1);
        let busy = house.take_seat().unwrap();
        busy.proven();
        let _work = busy.at_work();
        let reserved = house.take_seat().unwrap();
        reserved.proven();
        let _more_work = reserved.at_work();
        assert!(house.take_seat().is_none());
        assert!(!is_cut(&busy) && !is_cut(&reserved));
    }

    fn user(number: u128) -> UserId {
        UserId(uuid::Uuid::from_u128(number))
    }

    /// A connection at work for a user.
    fn working(house: &House, of: u128) -> (Seat, AtWork) {
        let seat = house.take_seat().unwrap();
        seat.proven_by(user(of));
        let work = seat.at_work();
        (seat, work)
    }

    #[tokio::test]
    async fn no_user_takes_the_house_for_themselves() {
        let house = House::new(SEATS_PER_USER + 2);
        let (ana, _work) = working(&house, 1);
        let eve: Vec<_> = (0..=SEATS_PER_USER).map(|_| working(&house, 2)).collect();
        let newcomer = working(&house, 3);
        assert!(is_cut(&eve[0].0) && !is_cut(&ana));
        assert!(eve[1..].iter().all(|(seat, _)| !is_cut(seat)));
        // What is left to her is not too much.
        let reserved = working(&house, 4);
        let cut = eve.iter().filter(|(seat, _)| is_cut(seat));
        assert_eq!(cut.count(), 1);
        assert!(!is_cut(&newcomer.0) && !is_cut(&reserved.0));
    }

    #[tokio::test]
    async fn a_proxys_connections_are_of_those_at_work() {
        let house = House::new(SEATS_PER_USER + 1);
        let proxy: Vec<_> = (0..=SEATS_PER_USER).map(|_| working(&house, 2)).collect();
        proxy[7].0.proven_by(user(1));
        let _reserved = working(&house, 3);
        assert!(proxy.iter().all(|(seat, _)| !is_cut(seat)));
        // Somebody who takes turns with another is not hidden by that.
        proxy[7].0.proven_by(user(2));
        let _newcomer = working(&house, 4);
        assert!(is_cut(&proxy[0].0));
    }

    #[tokio::test]
    async fn without_descriptors_the_stranger_makes_room_and_nobody_at_work() {
        let house = House::new(10);
        let busy = house.take_seat().unwrap();
        busy.proven();
        let _work = busy.at_work();
        let stranger = house.take_seat().unwrap();
        assert!(house.make_room());
        assert!(is_cut(&stranger) && !is_cut(&busy));
        assert!(!house.make_room());
        assert!(!is_cut(&busy));
    }

    #[tokio::test]
    async fn a_seat_is_given_back() {
        let house = House::new(1);
        drop(house.take_seat());
        let seat = house.take_seat().unwrap();
        assert!(!is_cut(&seat));
        assert_eq!(house.seats().taken.len(), 1);
    }
}
