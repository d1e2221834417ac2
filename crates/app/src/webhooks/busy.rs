//! How many attempts an endpoint is given at a time by this node: one that hangs
//! must not take every worker from those that answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mayday_core::ids::EndpointId;

/// Attempts at one endpoint at a time.
const AT_A_TIME: usize = 4;

/// The attempts under way. Bounded by the workers that make them.
#[derive(Debug, Default)]
pub(crate) struct Endpoints(Mutex<HashMap<EndpointId, usize>>);

/// A place at an endpoint; dropped, it is free.
#[derive(Debug)]
pub(crate) struct Place {
    endpoints: Arc<Endpoints>,
    endpoint: EndpointId,
}

impl Endpoints {
    /// A place at the endpoint, if one is free.
    pub(crate) fn enter(self: &Arc<Self>, endpoint: EndpointId) -> Option<Place> {
        let mut busy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = busy.entry(endpoint).or_default();
        if *count >= AT_A_TIME {
            return None;
        }
        *count += 1;
        Some(Place {
            endpoints: Arc::clone(self),
            endpoint,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let busy = &self.endpoints.0;
        let mut busy = busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = busy.get_mut(&self.endpoint) {
            *count -= 1;
            if *count == 0 {
                busy.remove(&self.endpoint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_endpoint_takes_no_more_than_its_places() {
        let endpoints = Arc::new(Endpoints::default());
        let (one, other) = (EndpointId(uuid::Uuid::nil()), EndpointId(uuid::Uuid::max()));
        let mut places: Vec<_> = (0..AT_A_TIME)
            .map(|_| endpoints.enter(one).unwrap())
            .collect();
        assert!(endpoints.enter(one).is_none());
        let elsewhere = endpoints.enter(other).unwrap();
        drop(places.pop());
        assert!(endpoints.enter(one).is_some());
        drop((places, elsewhere));
        assert!(endpoints.0.lock().unwrap().is_empty());
    }
}
