//! Which providers a number goes through, and in which order.
//!
//! The caller asks for [`candidates`](Routes::candidates), records the attempt
//! it is about to make, makes it through the first, tells the end to
//! [`record`](Routes::record), and goes on to the next only after a refusal:
//! what is ambiguous is looked up first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use mayday_core::time::Timestamp;

use crate::breaker::Breaker;
use crate::outcome::Outcome;

/// Providers for the numbers that begin alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `+34`, or `+` for every number.
    pub prefix: String,
    /// Names of providers, the preferred first.
    pub providers: Vec<String>,
}

/// A route that cannot be used; the text names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRoute(String);

impl std::fmt::Display for InvalidRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidRoute {}

/// How much hangs on a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It can wait for a provider to recover.
    Routine,
    /// An SOS: a provider that failed a moment ago is still better than none.
    Emergency,
}

/// The routes and how their providers fare.
#[derive(Debug, Default)]
pub struct Routes {
    /// The longest prefix first.
    routes: Vec<Route>,
    breakers: Mutex<HashMap<String, Breaker>>,
}

impl Routes {
    /// Checks prefixes (`+` and digits, each once) and that each route has
    /// providers that are among `known`.
    pub fn new(mut routes: Vec<Route>, known: &[&str]) -> Result<Self, InvalidRoute> {
        let refuse = |route: &Route, why: &str| {
            Err(InvalidRoute(format!("the route {:?}: {why}", route.prefix)))
        };
        for (at, route) in routes.iter().enumerate() {
            let digits = route.prefix.strip_prefix('+');
            if !digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit())) {
                return refuse(route, "a prefix is + and digits");
            }
            if routes
                .iter()
                .take(at)
                .any(|other| other.prefix == route.prefix)
            {
                return refuse(route, "it is there twice");
            }
            if route.providers.is_empty() {
                return refuse(route, "it names no provider");
            }
            if let Some(name) = route
                .providers
                .iter()
                .find(|name| !known.contains(&name.as_str()))
            {
                return refuse(route, &format!("there is no provider {name:?}"));
            }
        }
        routes.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
        Ok(Self {
            routes,
            breakers: Mutex::default(),
        })
    }

    /// Whether any provider is configured for that number.
    pub fn reaches(&self, to: &str) -> bool {
        self.route(to).is_some()
    }

    /// The providers for that number in the order to try them: those of the
    /// longest prefix that fits, without those that fail at the moment. In an
    /// emergency these come last instead, so that no number is ever left
    /// without its last provider.
    pub fn candidates(&self, to: &str, urgency: Urgency, now: Timestamp) -> Vec<&str> {
        let Some(route) = self.route(to) else {
            return Vec::new();
        };
        let breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut good, failing): (Vec<&str>, Vec<&str>) = route
            .providers
            .iter()
            .map(String::as_str)
            .partition(|name| {
                breakers
                    .get(*name)
                    .is_none_or(|breaker| breaker.allows(now))
            });
        if urgency == Urgency::Emergency {
            good.extend(failing);
        }
        good
    }

    /// Tells how an attempt through a provider ended.
    pub fn record(&self, provider: &str, outcome: &Outcome, now: Timestamp) {
        let known = self
            .routes
            .iter()
            .any(|route| route.providers.iter().any(|name| name == provider));
        if known {
            let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
            let breaker = breakers.entry(provider.to_owned()).or_default();
            breaker.record(outcome, now);
        }
    }

    /// Whether a provider failed so often that it is left alone at the moment.
    pub fn is_failing(&self, provider: &str, now: Timestamp) -> bool {
        let breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        breakers
            .get(provider)
            .is_some_and(|breaker| !breaker.allows(now))
    }

    /// The routes, the longest prefix first.
    pub fn all(&self) -> &[Route] {
        &self.routes
    }

    fn route(&self, to: &str) -> Option<&Route> {
        self.routes
            .iter()
            .find(|route| to.starts_with(&route.prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn route(prefix: &str, providers: &[&str]) -> Route {
        Route {
            prefix: prefix.to_owned(),
            providers: providers.iter().map(ToString::to_string).collect(),
        }
    }

    fn routes() -> Routes {
        Routes::new(
            vec![
                route("+", &["world"]),
                route("+346", &["mobile", "world"]),
                route("+34", &["spain"]),
            ],
            &["world", "mobile", "spain"],
        )
        .unwrap()
    }

    fn fail(routes: &Routes, provider: &str) {
        for _ in 0..5 {
            let reason = String::new();
            routes.record(provider, &Outcome::Ambiguous { reason }, NOW);
        }
    }

    #[test]
    fn the_longest_prefix_decides() {
        let routes = routes();
        let ask = |to| routes.candidates(to, Urgency::Routine, NOW);
        assert_eq!(ask("+34600111222"), ["mobile", "world"]);
        assert_eq!(ask("+34910111222"), ["spain"]);
        assert_eq!(ask("+4915112345678"), ["world"]);
        assert!(ask("600111222").is_empty() && !routes.reaches("600111222"));
    }

    #[test]
    fn who_fails_comes_last_in_an_emergency_and_not_at_all_otherwise() {
        let routes = routes();
        fail(&routes, "mobile");
        let to = "+34600111222";
        assert_eq!(routes.candidates(to, Urgency::Routine, NOW), ["world"]);
        assert_eq!(
            routes.candidates(to, Urgency::Emergency, NOW),
            ["world", "mobile"]
        );
        fail(&routes, "world");
        assert!(routes.candidates(to, Urgency::Routine, NOW).is_empty());
        assert_eq!(
            routes.candidates(to, Urgency::Emergency, NOW),
            ["mobile", "world"]
        );
    }

    #[test]
    fn routes_that_cannot_work_are_refused() {
        for wrong in [
            vec![route("34", &["a"])],
            vec![route("+3x", &["a"])],
            vec![route("+34", &[])],
            vec![route("+34", &["b"])],
            vec![route("+34", &["a"]), route("+34", &["a"])],
        ] {
            assert!(Routes::new(wrong, &["a"]).is_err());
        }
    }
}
