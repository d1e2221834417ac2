//! How many messages are on their way at once: per provider, so that one that hangs
//! takes no more than its share, and per address, so that nobody's phone is flooded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Messages on their way through one provider.
const PER_PROVIDER: usize = 64;
/// Messages on their way to one address.
const PER_ADDRESS: u32 = 2;
/// How long a place at a provider is waited for before the next one is tried.
const WAIT: Duration = Duration::from_secs(1);

/// The places of one node.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    providers: Mutex<HashMap<String, Arc<Semaphore>>>,
    addresses: Arc<Mutex<HashMap<String, u32>>>,
}

/// A place at an address; given back when dropped.
#[derive(Debug)]
pub(super) struct AddressSlot {
    addresses: Arc<Mutex<HashMap<String, u32>>>,
    address: String,
}

impl Slots {
    /// A place at a provider; `None` when none came free in time. There are as many
    /// entries as providers were ever configured.
    pub(super) async fn provider(&self, name: &str) -> Option<OwnedSemaphorePermit> {
        let semaphore = {
            let mut providers = self
                .providers
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let fresh = || Arc::new(Semaphore::new(PER_PROVIDER));
            Arc::clone(providers.entry(name.to_owned()).or_insert_with(fresh))
        };
        timeout(WAIT, semaphore.acquire_owned()).await.ok()?.ok()
    }

    /// A place at an address; `None` when all are taken.
    pub(super) fn address(&self, address: &str) -> Option<AddressSlot> {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let taken = addresses.entry(address.to_owned()).or_default();
        if *taken >= PER_ADDRESS {
            return None;
        }
        *taken += 1;
        Some(AddressSlot {
            addresses: Arc::clone(&self.addresses),
            address: address.to_owned(),
        })
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = addresses.get_mut(&self.address) {
            *taken -= 1;
            if *taken == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_counted_and_given_back() {
        let slots = Slots::default();
        let first = slots.address("+34600111222").unwrap();
        let second = slots.address("+34600111222").unwrap();
        assert!(slots.address("+34600111222").is_none());
        assert!(slots.address("+34600111333").is_some());
        drop(first);
        assert!(slots.address("+34600111222").is_some());
        drop(second);
        assert!(slots.addresses.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_provider_keeps_nobody_waiting_for_long() {
        let slots = Slots::default();
        let mut held = Vec::new();
        for _ in 0..PER_PROVIDER {
            held.push(slots.provider("one").await.unwrap());
        }
        assert!(slots.provider("one").await.is_none());
        assert!(slots.provider("two").await.is_some());
        held.pop();
        assert!(slots.provider("one").await.is_some());
    }
}
