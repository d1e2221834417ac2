//! Counts failed identity validations (contract: Identity, the limiter).
//!
//! The limiter never hurts a valid proof: whoever checks a proof asks it only
//! *after* the proof failed, and only to tell a 401 from a 429. Nothing here
//! is consulted for a proof that holds.
//!
//! The table has a fixed size, so a flood from many addresses costs no memory.
//! When it is full, the entry with the fewest failures makes room.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Entropy;
use crate::ids::UserId;
use crate::time::Timestamp;

/// How long failures are remembered, from the first one.
pub const WINDOW: Duration = Duration::from_mins(1);

/// Failures per [`WINDOW`] that still get a plain 401, unless configured.
pub const DEFAULT_FAILURES_PER_MINUTE: u32 = 30;

/// Sets of the table; 8 entries of 24 bytes each make 1.5 MiB in all.
const SETS: usize = 8_192;

/// Entries of a set.
const WAYS: usize = 8;

/// A bounded count of failures per address and per claimed (app, user).
pub struct FailureLimiter {
    allowed: u32,
    window: Duration,
    /// Keeps an attacker from choosing which entries share a set.
    seed: [u8; 16],
    table: Mutex<Vec<[Entry; WAYS]>>,
}

/// Failures of one key since `start`. A fingerprint of 64 bits stands for the
/// key: should two ever share one, a failing caller sees 429 instead of 401.
#[derive(Clone, Copy)]
struct Entry {
    fingerprint: u64,
    start: Timestamp,
    failures: u32,
}

const EMPTY: Entry = Entry {
    fingerprint: 0,
    start: Timestamp::from_micros(i64::MIN),
    failures: 0,
};

impl FailureLimiter {
    /// A limiter that lets this many failures per minute pass as plain 401.
    pub fn new(failures_per_minute: u32, entropy: &dyn Entropy) -> Self {
        Self::with_window(failures_per_minute, WINDOW, entropy)
    }

    /// One that remembers failures for longer or shorter than [`WINDOW`].
    pub fn with_window(allowed: u32, window: Duration, entropy: &dyn Entropy) -> Self {
        let mut seed = [0; 16];
        entropy.fill(&mut seed);
        Self {
            allowed,
            window,
            seed,
            table: Mutex::new(vec![[EMPTY; WAYS]; SETS]),
        }
    }

    /// Counts a failed validation. `Some` when there were too many within the
    /// minute, by this address or for this app and user: when to try again.
    ///
    /// `user` is the app id and external id that were claimed, `None` when the
    /// claim cannot name anybody.
    pub fn failed(
        &self,
        peer: IpAddr,
        user: Option<(&str, &str)>,
        now: Timestamp,
    ) -> Option<Duration> {
        let allowed = self.allowed;
        let address = self.fingerprint(&("address", network(peer)));
        let by_address = self.count(address, allowed, now);
        let by_user = user.and_then(|(app_id, external_id)| {
            let user = self.fingerprint(&("user", app_id, external_id));
            self.count(user, allowed, now)
        });
        by_address.max(by_user)
    }

    /// Counts a request that named something secret which does not exist, such as
    /// the token of a link; `allowed` per minute and address. `Some` when there were
    /// more: when to try again. Whoever names what exists is never asked about.
    pub fn missed(
        &self,
        route: &'static str,
        peer: IpAddr,
        allowed: u32,
        now: Timestamp,
    ) -> Option<Duration> {
        let key = self.fingerprint(&("missed", route, network(peer)));
        self.count(key, allowed, now)
    }

    /// Counts a request that names something, which may or may not exist; `allowed` per
    /// minute and name. `Some` when there were more: when to try again.
    pub fn asked(
        &self,
        route: &'static str,
        name: &str,
        allowed: u32,
        now: Timestamp,
    ) -> Option<Duration> {
        let key = self.fingerprint(&("asked", route, name));
        self.count(key, allowed, now)
    }

    /// Counts something suspicious that an address did at an app. Whether that was more
    /// than is allowed within the window.
    pub fn suspect(&self, app_id: &str, peer: IpAddr, now: Timestamp) -> bool {
        let key = self.fingerprint(&("suspect", app_id, network(peer)));
        self.count(key, self.allowed, now).is_some()
    }

    /// Counts something suspicious at an app, whoever did it. Whether that is the first
    /// beyond `allowed` within the window.
    pub fn crosses(&self, app_id: &str, allowed: u32, now: Timestamp) -> bool {
        let key = self.fingerprint(&("app", app_id));
        self.raise(key, now)
            .is_some_and(|(failures, _)| failures == allowed.saturating_add(1))
    }

    /// Whether an address has failed too often within the minute, without counting
    /// anything: when to try again. For what costs somebody else a request.
    pub fn limited(&self, peer: IpAddr, now: Timestamp) -> Option<Duration> {
        let fingerprint = self.fingerprint(&("address", network(peer)));
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let set = usize::try_from(fingerprint).unwrap_or(usize::MAX) % SETS;
        let entries = table.get(set)?;
        let entry = entries.iter().find(|e| e.fingerprint == fingerprint)?;
        let over = entry.is_live(self.window, now) && entry.failures >= self.allowed;
        over.then(|| self.window.saturating_sub(now.since(entry.start)))
    }

    /// Counts a request of a proven user on a route that has a limit of its own,
    /// `allowed` per minute. `Some` when there were more: when to try again.
    /// Only the user's own requests count, so that nobody can spend another's.
    pub fn requested(
        &self,
        route: &'static str,
        user: UserId,
        allowed: u32,
        now: Timestamp,
    ) -> Option<Duration> {
        let key = self.fingerprint(&("request", route, user));
        self.count(key, allowed, now)
    }

    fn count(&self, fingerprint: u64, allowed: u32, now: Timestamp) -> Option<Duration> {
        let (failures, left) = self.raise(fingerprint, now)?;
        (failures > allowed).then_some(left)
    }

    /// How often within the window, this time included, and how long that is still
    /// remembered.
    fn raise(&self, fingerprint: u64, now: Timestamp) -> Option<(u32, Duration)> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let set = usize::try_from(fingerprint).unwrap_or(usize::MAX) % SETS;
        let entries = table.get_mut(set)?;
        let known = entries.iter_mut().find(|e| e.fingerprint == fingerprint);
        let entry = match known {
            Some(entry) => entry,
            None => entries
                .iter_mut()
                .min_by_key(|e| (e.is_live(self.window, now), e.failures, e.start))?,
        };
        if entry.fingerprint != fingerprint || !entry.is_live(self.window, now) {
            *entry = Entry {
                fingerprint,
                start: now,
                failures: 0,
            };
        }
        entry.failures = entry.failures.saturating_add(1);
        let left = self.window.saturating_sub(now.since(entry.start));
        Some((entry.failures, left))
    }

    fn fingerprint(&self, key: &impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.seed.hash(&mut hasher);
        key.hash(&mut hasher);
        hasher.finish()
    }
}

impl Entry {
    /// Whether its window is still open. A clock that went back ends it too.
    fn is_live(&self, window: Duration, now: Timestamp) -> bool {
        now >= self.start && now.since(self.start) < window
    }
}

/// What one subscriber holds: an IPv4 address, or an IPv6 /64.
pub fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededEntropy;

    const START: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn limiter(allowed: u32) -> FailureLimiter {
        FailureLimiter::new(allowed, &SeededEntropy::new(7))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_thirty_first_failure_of_an_address_is_limited() {
        let limiter = limiter(DEFAULT_FAILURES_PER_MINUTE);
        for n in 0..30 {
            let user = format!("u{n}");
            assert_eq!(
                limiter.failed(ip("10.0.0.1"), Some(("a", &user)), START),
                None
            );
        }
        let later = START.plus(Duration::from_secs(20));
        let wait = limiter.failed(ip("10.0.0.1"), Some(("a", "other")), later);
        assert_eq!(wait, Some(Duration::from_secs(40)));
        assert_eq!(
            limiter.failed(ip("10.0.0.2"), Some(("a", "other")), later),
            None
        );
        let after = START.plus(WINDOW);
        assert_eq!(
            limiter.failed(ip("10.0.0.1"), Some(("a", "third")), after),
            None
        );
    }

    #[test]
    fn failures_for_one_user_count_across_addresses() {
        let limiter = limiter(3);
        for n in 0..3 {
            let peer = ip(&format!("10.0.1.{n}"));
            assert_eq!(limiter.failed(peer, Some(("app", "ana")), START), None);
        }
        assert!(
            limiter
                .failed(ip("10.0.1.9"), Some(("app", "ana")), START)
                .is_some()
        );
        assert!(
            limiter
                .failed(ip("10.0.1.10"), Some(("app2", "ana")), START)
                .is_none()
        );
        assert!(
            limiter
                .failed(ip("10.0.1.11"), Some(("app", "ben")), START)
                .is_none()
        );
    }

    #[test]
    fn ipv6_counts_by_its_first_64_bits_and_mapped_addresses_as_ipv4() {
        let limiter = limiter(1);
        assert!(
            limiter
                .failed(ip("2001:db8:1:2::1"), Some(("a", "1")), START)
                .is_none()
        );
        assert!(
            limiter
                .failed(ip("2001:db8:1:2:ffff::9"), Some(("a", "2")), START)
                .is_some()
        );
        assert!(
            limiter
                .failed(ip("2001:db8:1:3::1"), Some(("a", "3")), START)
                .is_none()
        );
        assert!(
            limiter
                .failed(ip("10.9.9.9"), Some(("a", "4")), START)
                .is_none()
        );
        assert!(
            limiter
                .failed(ip("::ffff:10.9.9.9"), Some(("a", "5")), START)
                .is_some()
        );
    }

    #[test]
    fn a_flood_of_names_neither_grows_the_table_nor_frees_a_heavy_offender() {
        let limiter = limiter(5);
        let offender = ip("10.0.0.66");
        for n in 0..50 {
            limiter.failed(offender, Some(("a", &format!("o{n}"))), START);
        }
        for n in 0..200_000_u32 {
            let peer = IpAddr::from((0x0b00_0000 + n).to_be_bytes());
            limiter.failed(peer, Some(("a", &n.to_string())), START);
        }
        assert_eq!(limiter.table.lock().unwrap().len(), SETS);
        assert!(limiter.failed(offender, Some(("a", "x")), START).is_some());
    }

    #[test]
    fn suspicion_is_remembered_for_its_own_window_and_app() {
        let quarter = Duration::from_mins(15);
        let limiter = FailureLimiter::with_window(3, quarter, &SeededEntropy::new(7));
        let peer = ip("192.0.2.7");
        let later = START.plus(Duration::from_mins(14));
        for _ in 0..3 {
            assert!(!limiter.suspect("shop", peer, START));
        }
        assert!(!limiter.suspect("other", peer, later));
        assert!(!limiter.suspect("shop", ip("192.0.2.8"), later));
        assert!(limiter.suspect("shop", peer, later));
        assert!(!limiter.suspect("shop", peer, START.plus(quarter)));
        let crossed = (0..6).map(|_| limiter.crosses("shop", 3, START));
        let crossed: Vec<_> = crossed.collect();
        assert_eq!(crossed, [false, false, false, true, false, false]);
    }

    #[test]
    fn a_clock_that_steps_back_opens_a_new_window() {
        let limiter = limiter(1);
        limiter.failed(ip("10.0.0.1"), Some(("a", "1")), START);
        let earlier = START.minus(Duration::from_secs(5));
        assert_eq!(
            limiter.failed(ip("10.0.0.1"), Some(("a", "2")), earlier),
            None
        );
    }
}
