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
const PER_ADDRESS: usize = 2;
/// Messages that wait for a place at one address: each takes one of the places that
/// all messages share.
const WAITING_PER_ADDRESS: usize = 4;
/// How long a place at a provider is waited for before the next one is tried.
const WAIT: Duration = Duration::from_secs(1);
/// How long a place at an address is waited for: most providers answer sooner, and a
/// job may take longer.
const ADDRESS_WAIT: Duration = Duration::from_secs(10);

/// The places of one node.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    providers: Mutex<HashMap<String, Arc<Semaphore>>>,
    addresses: Arc<Mutex<HashMap<String, Address>>>,
}

/// The places at an address, and how many have or want one.
#[derive(Debug)]
struct Address {
    places: Arc<Semaphore>,
    guests: usize,
}

/// A place at an address, or the wait for one; given back when dropped.
#[derive(Debug)]
pub(super) struct AddressSlot {
    addresses: Arc<Mutex<HashMap<String, Address>>>,
    address: String,
    place: Option<OwnedSemaphorePermit>,
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

    /// A place at an address; `None` when none came free in time, or when too many
    /// wait for one already.
    pub(super) async fn address(&self, address: &str) -> Option<AddressSlot> {
        let (mut slot, places) = self.guest(address)?;
        let place = timeout(ADDRESS_WAIT, places.acquire_owned()).await;
        slot.place = Some(place.ok()?.ok()?);
        Some(slot)
    }

    fn guest(&self, address: &str) -> Option<(AddressSlot, Arc<Semaphore>)> {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let entry = addresses
            .entry(address.to_owned())
            .or_insert_with(|| Address {
                places: Arc::new(Semaphore::new(PER_ADDRESS)),
                guests: 0,
            });
        if entry.guests >= PER_ADDRESS + WAITING_PER_ADDRESS {
            return None;
        }
        entry.guests += 1;
        let slot = AddressSlot {
            addresses: Arc::clone(&self.addresses),
            address: address.to_owned(),
            place: None,
        };
        Some((slot, Arc::clone(&entry.places)))
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = addresses.get_mut(&self.address) {
            entry.guests -= 1;
            if entry.guests == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: &str = "+34600111222";

    #[tokio::test(start_paused = true)]
    async fn places_are_counted_and_given_back() {
        let slots = Slots::default();
        let first = slots.address(ANN).await.unwrap();
        let second = slots.address(ANN).await.unwrap();
        assert!(slots.address(ANN).await.is_none());
        assert!(slots.address("+34600111333").await.is_some());
        drop(first);
        assert!(slots.address(ANN).await.is_some());
        drop(second);
        assert!(slots.addresses.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_an_address_gets_the_next_place_and_few_wait() {
        let slots = Arc::new(Slots::default());
        let first = slots.address(ANN).await.unwrap();
        let second = slots.address(ANN).await.unwrap();
        let waiting: Vec<_> = (0..WAITING_PER_ADDRESS)
            .map(|_| {
                let slots = Arc::clone(&slots);
                tokio::spawn(async move { slots.address(ANN).await.is_some() })
            })
            .collect();
        tokio::task::yield_now().await;
        let began = tokio::time::Instant::now();
        assert!(slots.address(ANN).await.is_none());
        assert_eq!(began.elapsed(), Duration::ZERO, "no place to wait in");
        drop(first);
        for waiter in waiting {
            assert!(waiter.await.unwrap());
        }
        assert_eq!(
            began.elapsed(),
            Duration::ZERO,
            "one after the other, at once"
        );
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
