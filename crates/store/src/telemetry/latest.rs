//! The newest position of each user, in memory and bounded.
//!
//! Two generations: what is used goes into the young one; when that is full it
//! becomes the old one and the former old one is forgotten. A user who is not
//! in here is looked up in the files or tables.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use mayday_core::ids::UserId;
use mayday_core::telemetry::Position;

use super::queue::lock;

/// Users per generation.
const GENERATION_USERS: usize = 100_000;
/// Users whose newest position is not in the small table yet, at most.
const MAX_DIRTY_USERS: usize = 400_000;

/// What is known about a user.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Slot {
    position: Position,
    /// The stored ones were compared too; otherwise only what arrived lately.
    complete: bool,
}

/// The newest positions.
pub(super) struct Latest {
    inner: Mutex<Inner>,
    generation_users: usize,
}

#[derive(Default)]
struct Inner {
    young: HashMap<UserId, Slot>,
    old: HashMap<UserId, Slot>,
    /// Moved since the last flush.
    dirty: HashMap<UserId, Position>,
    /// Being flushed now; still newer than the small table.
    flushing: Arc<HashMap<UserId, Position>>,
    /// More users moved than `dirty` holds: the small table missed some.
    overflowed: bool,
}

impl Latest {
    pub(super) fn new() -> Self {
        Self::with_generation(GENERATION_USERS)
    }

    fn with_generation(users: usize) -> Self {
        Self {
            inner: Mutex::new(Inner::default()),
            generation_users: users,
        }
    }

    /// Notes stored samples; an older one never takes a newer one's place.
    pub(super) fn observe(&self, positions: impl Iterator<Item = (UserId, Position)>) {
        let mut inner = lock(&self.inner);
        for (user, position) in positions {
            let slot = inner.slot(user);
            let moved = match slot {
                Some(slot) if !position.replaces(&slot.position) => None,
                Some(slot) => Some(Slot { position, ..slot }),
                None => Some(Slot {
                    position,
                    complete: false,
                }),
            };
            let Some(slot) = moved else { continue };
            inner.put(user, slot, self.generation_users);
            if inner.dirty.len() < MAX_DIRTY_USERS || inner.dirty.contains_key(&user) {
                inner.dirty.insert(user, position);
            } else {
                inner.overflowed = true;
            }
        }
    }

    /// The newest position if it is known without a look-up.
    pub(super) fn known(&self, user: UserId) -> Option<Position> {
        let mut inner = lock(&self.inner);
        let slot = inner.slot(user).filter(|slot| slot.complete)?;
        inner.put(user, slot, self.generation_users);
        Some(slot.position)
    }

    /// Joins what a look-up found with what arrived meanwhile, and remembers
    /// the newer one.
    pub(super) fn complete(&self, user: UserId, stored: Option<Position>) -> Option<Position> {
        let mut inner = lock(&self.inner);
        let arrived = inner.slot(user).map(|slot| slot.position);
        let newest = match (arrived, stored) {
            (Some(arrived), Some(stored)) if stored.replaces(&arrived) => stored,
            (Some(arrived), _) => arrived,
            (None, stored) => stored?,
        };
        let slot = Slot {
            position: newest,
            complete: true,
        };
        inner.put(user, slot, self.generation_users);
        Some(newest)
    }

    /// Forgets a user, whose newest position was erased.
    pub(super) fn forget(&self, user: UserId) {
        let mut inner = lock(&self.inner);
        inner.young.remove(&user);
        inner.old.remove(&user);
        inner.dirty.remove(&user);
    }

    /// What moved since the last flush, and whether some of it was dropped.
    pub(super) fn start_flush(&self) -> (Arc<HashMap<UserId, Position>>, bool) {
        let mut inner = lock(&self.inner);
        inner.flushing = Arc::new(std::mem::take(&mut inner.dirty));
        (
            Arc::clone(&inner.flushing),
            std::mem::take(&mut inner.overflowed),
        )
    }

    /// The flush was committed; if not, its positions are dirty again.
    pub(super) fn end_flush(&self, committed: bool) {
        let mut inner = lock(&self.inner);
        let flushed = std::mem::take(&mut inner.flushing);
        if committed {
            return;
        }
        for (user, position) in flushed.iter() {
            inner.dirty.entry(*user).or_insert(*position);
        }
    }
}

impl Inner {
    fn slot(&self, user: UserId) -> Option<Slot> {
        let cached = self.young.get(&user).or_else(|| self.old.get(&user));
        cached.copied().or_else(|| {
            let unflushed = self.dirty.get(&user).or_else(|| self.flushing.get(&user));
            unflushed.map(|position| Slot {
                position: *position,
                complete: false,
            })
        })
    }

    fn put(&mut self, user: UserId, slot: Slot, limit: usize) {
        if self.young.len() >= limit && !self.young.contains_key(&user) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(user, slot);
    }
}

#[cfg(test)]
mod tests {
    use mayday_core::time::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    fn at(secs: i64) -> Position {
        Position {
            time: Timestamp::from_secs(secs),
            received_at: Timestamp::from_secs(secs),
            latitude: 0.0,
            longitude: 0.0,
            altitude: None,
            accuracy_meters: None,
        }
    }

    #[test]
    fn what_arrived_lately_is_no_answer_until_the_stored_one_was_compared() {
        let latest = Latest::new();
        latest.observe([(user(1), at(10))].into_iter());
        assert_eq!(latest.known(user(1)), None);
        assert_eq!(latest.complete(user(1), Some(at(20))), Some(at(20)));
        assert_eq!(latest.known(user(1)), Some(at(20)));
    }

    #[test]
    fn memory_is_bounded_and_forgets_the_unused() {
        let latest = Latest::with_generation(10);
        for n in 0..1000 {
            latest.complete(user(n), Some(at(1)));
        }
        let inner = lock(&latest.inner);
        assert!(inner.young.len() <= 10 && inner.old.len() <= 10);
        drop(inner);
        assert_eq!(latest.known(user(0)), None);
        assert_eq!(latest.known(user(999)), Some(at(1)));
    }

    proptest::proptest! {
        #[test]
        fn it_never_moves_back(times in proptest::collection::vec((0_u128..3, 0_i64..50), 1..60)) {
            let latest = Latest::with_generation(2);
            let mut newest: HashMap<UserId, i64> = HashMap::new();
            for (n, secs) in times {
                let who = user(n);
                let stored = newest.get(&who).map(|secs| at(*secs));
                latest.observe([(who, at(secs))].into_iter());
                let best = newest.entry(who).or_insert(secs);
                *best = (*best).max(secs);
                let answer = latest.complete(who, stored);
                proptest::prop_assert_eq!(answer, Some(at(*best)));
                proptest::prop_assert_eq!(latest.known(who), Some(at(*best)));
            }
        }
    }
}
