//! A bounded cache of users who were let in, so that a request costs no query.
//!
//! An entry holds for the control version under which it was read: whoever is
//! blocked raises the version, and all entries of before are as good as gone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use mayday_core::identity::ExternalUserId;
use mayday_core::ids::{AppUuid, UserId};
use mayday_core::time::Timestamp;

/// How many entries one generation holds; there are two. About 20 MiB in all.
const GENERATION: usize = 65_536;

/// Who is meant: external ids are unique within an app.
pub(super) type Key = (AppUuid, ExternalUserId);

/// A user who was not blocked when read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) version: i64,
    pub(super) user: UserId,
    pub(super) last_seen_at: Timestamp,
    pub(super) mqtt_seen_at: Option<Timestamp>,
}

/// The cache: when the young generation is full it becomes the old one, and
/// what was old and not asked for since is forgotten.
#[derive(Default)]
pub(super) struct KnownUsers(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<Key, Known>,
    old: HashMap<Key, Known>,
}

impl KnownUsers {
    /// The user, if known under this control version.
    pub(super) fn get(&self, key: &Key, version: i64) -> Option<Known> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = generations.young.get(key) {
            return (known.version == version).then_some(*known);
        }
        let known = generations.old.remove(key)?;
        if known.version != version {
            return None;
        }
        generations.insert(key.clone(), known);
        Some(known)
    }

    /// Forgets everybody.
    pub(super) fn forget_all(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Generations::default();
    }

    /// Remembers a user.
    pub(super) fn put(&self, key: Key, known: Known) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generations.insert(key, known);
    }
}

impl Generations {
    fn insert(&mut self, key: Key, known: Known) {
        if self.young.len() >= GENERATION && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, known);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key(n: u128) -> Key {
        let id = ExternalUserId::parse(&format!("u{n}")).unwrap();
        (AppUuid(Uuid::from_u128(1)), id)
    }

    fn known(n: u128, version: i64) -> Known {
        Known {
            version,
            user: UserId(Uuid::from_u128(n)),
            last_seen_at: Timestamp::from_secs(1),
            mqtt_seen_at: None,
        }
    }

    #[test]
    fn an_entry_of_another_control_version_is_not_used() {
        let cache = KnownUsers::default();
        cache.put(key(1), known(1, 5));
        assert_eq!(cache.get(&key(1), 5), Some(known(1, 5)));
        assert_eq!(cache.get(&key(1), 6), None);
        assert_eq!(cache.get(&key(2), 5), None);
    }

    #[test]
    fn it_never_holds_more_than_two_generations_and_keeps_who_comes_often() {
        let cache = KnownUsers::default();
        cache.put(key(0), known(0, 1));
        for n in 1..=300_000 {
            cache.put(key(n), known(n, 1));
            if n % 10_000 == 0 {
                assert!(cache.get(&key(0), 1).is_some(), "after {n}");
            }
        }
        let generations = cache.0.lock().unwrap();
        assert!(generations.young.len() <= GENERATION);
        assert!(generations.old.len() <= GENERATION);
        drop(generations);
        assert_eq!(cache.get(&key(1), 1), None);
    }
}
