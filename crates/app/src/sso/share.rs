//! How much of a gate one address may take, so that it shuts nobody else out.
//!
//! Many people log in from one address: those behind a carrier's translation, and all whose
//! backend logs them in. So an address has half of everything while others leave it that,
//! and [`ITS_OWN`] places when they do not.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mayday_core::limiter::network;
use tokio::sync::Semaphore;

/// Places of a gate that any address may take ..
const ITS_OWN: usize = super::gate::WAITING / 8;

/// .. and more up to this, as long as so many are not taken by anybody.
const OF_ALL: usize = super::gate::WAITING / 2;

/// Questions to the partner at once for log-ins of one address.
const AT_ONCE: usize = super::gate::AT_ONCE / 2;

/// Who has which places of a gate.
#[derive(Default)]
pub(super) struct Shares(Mutex<HashMap<IpAddr, Home>>);

struct Home {
    places: usize,
    turns: Arc<Semaphore>,
}

/// A place of an address.
pub(super) struct Share<'s> {
    shares: &'s Shares,
    home: IpAddr,
    turns: Arc<Semaphore>,
}

impl Shares {
    /// A place for a log-in from an address; `None` when it has its share.
    pub(super) fn enter(&self, peer: IpAddr) -> Option<Share<'_>> {
        let home = network(peer);
        let mut homes = self.lock();
        let taken: usize = homes.values().map(|home| home.places).sum();
        let own = homes.entry(home).or_insert_with(|| Home {
            places: 0,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        });
        if own.places >= ITS_OWN && taken >= OF_ALL {
            return None;
        }
        own.places += 1;
        Some(Share {
            shares: self,
            home,
            turns: Arc::clone(&own.turns),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Home>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share<'_> {
    /// The turns that the address has.
    pub(super) fn turns(&self) -> &Semaphore {
        &self.turns
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut homes = self.shares.lock();
        if let Some(home) = homes.get_mut(&self.home) {
            home.places = home.places.saturating_sub(1);
            if home.places == 0 {
                homes.remove(&self.home);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// As many places as the address gets.
    fn fill<'s>(shares: &'s Shares, home: &str) -> Vec<Share<'s>> {
        std::iter::from_fn(|| shares.enter(address(home))).collect()
    }

    #[test]
    fn one_address_takes_half_and_each_other_one_its_own() {
        let shares = Shares::default();
        let greedy = fill(&shares, "192.0.2.1");
        assert_eq!(greedy.len(), OF_ALL);
        for number in 2..6 {
            let other = format!("192.0.2.{number}");
            let others = fill(&shares, &other);
            assert_eq!(others.len(), ITS_OWN);
            // It stays so while they come and go.
            assert!(shares.enter(address("192.0.2.1")).is_none());
        }
        drop(greedy);
        assert!(shares.lock().is_empty());
    }

    #[test]
    fn addresses_of_one_network_share() {
        let shares = Shares::default();
        let _taken = fill(&shares, "2001:db8::1");
        assert!(shares.enter(address("2001:db8::2")).is_none());
        assert!(shares.enter(address("2001:db8:0:1::1")).is_some());
        let _mapped = fill(&shares, "::ffff:192.0.2.1");
        assert!(shares.enter(address("192.0.2.1")).is_none());
    }
}
