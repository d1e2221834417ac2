//! Leaves an app's server alone that fails, so that nobody waits for it in vain. A pure
//! state machine; the time is a parameter.
//!
//! It is for the people who log in, and no stranger may turn it against them. So it
//! makes a difference between a server that cannot be reached and one that is there and
//! says what means nothing, or nothing: that may be the work of one token, such as one at
//! which a firewall takes offence.
//!
//! | | opens |
//! |---|---|
//! | no connection, or none that is trusted | five in a row |
//! | what means nothing: 5xx, a redirect, what is no JSON, a connection that it closes, no answer in time | twenty in a row within five minutes, of which one address counts three a minute: it never suffices alone |
//!
//! After a pause a few may ask again. The first answer that means something closes it,
//! whatever else came back; failing as before opens it for twice as long.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use mayday_core::limiter::network;
use mayday_core::sso::introspection::Outage;
use mayday_core::time::Timestamp;

/// Questions that did not reach it, in a row, that open it.
const SILENT: u32 = 5;

/// Answers in a row that mean nothing and open it ..
const GARBLED: usize = 20;

/// .. within this time.
const GARBLED_WITHIN: Duration = Duration::from_mins(5);

/// How many of them one address counts ..
const OF_ONE_ADDRESS: usize = 3;

/// .. within this time.
const OF_ONE_ADDRESS_WITHIN: Duration = Duration::from_mins(1);

/// Questions at once when a pause is over ..
const PROBES: usize = 6;

/// .. of which one address has so many.
const PROBES_OF_ONE_ADDRESS: usize = 2;

/// How long it stays open at first; each time that it opens again doubles it ..
const FIRST_PAUSE: Duration = Duration::from_secs(30);

/// .. up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// When somebody should try again who met all probes under way.
const NEXT_PROBE: Duration = Duration::from_secs(5);

/// How a question ended, as far as it says something about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// Its word about the token, be it yes or no.
    Answer,
    /// An outage.
    Outage(Outage),
    /// Neither.
    Nothing,
}

/// What a question may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// Be asked.
    Free,
    /// Be asked, as one of a few: to be given back with [`Breaker::leave`].
    Probe,
    /// Come again after this time.
    Shut(Duration),
}

/// Whether an app's server is worth a question.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Where that server is.
    server: String,
    silent: u32,
    /// The answers that count, oldest first, with whose question it was.
    garbled: VecDeque<(Timestamp, IpAddr)>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Timestamp,
    pause: Duration,
    /// Whose questions are under way since the pause ended.
    probes: Vec<IpAddr>,
}

impl Breaker {
    /// The server that is asked from now on: of another one nothing is known. Whether
    /// that closed it.
    pub(super) fn turn_to(&mut self, server: &str) -> bool {
        if self.server == server {
            return false;
        }
        let was_open = self.open.is_some();
        *self = Self {
            server: server.to_owned(),
            ..Self::default()
        };
        was_open
    }

    /// Whether somebody's question may be asked now.
    pub(super) fn enter(&mut self, peer: IpAddr, now: Timestamp) -> Passage {
        let Some(open) = &mut self.open else {
            return Passage::Free;
        };
        if now < open.until {
            return Passage::Shut(open.until.since(now));
        }
        let home = network(peer);
        let own = open.probes.iter().filter(|other| **other == home).count();
        if open.probes.len() >= PROBES || own >= PROBES_OF_ONE_ADDRESS {
            return Passage::Shut(NEXT_PROBE);
        }
        open.probes.push(home);
        Passage::Probe
    }

    /// Gives the place of a probe back.
    pub(super) fn leave(&mut self, peer: IpAddr) {
        let home = network(peer);
        if let Some(open) = &mut self.open
            && let Some(place) = open.probes.iter().position(|other| *other == home)
        {
            open.probes.swap_remove(place);
        }
    }

    /// Takes the end of somebody's question to a server into account; that of one that
    /// was asked before says nothing. Whether that opened or closed it.
    pub(super) fn record(&mut self, server: &str, met: Met, peer: IpAddr, now: Timestamp) -> bool {
        if self.server != server {
            return false;
        }
        match met {
            Met::Nothing => false,
            Met::Answer => {
                self.silent = 0;
                self.garbled.clear();
                self.open.take().is_some()
            }
            // A question of before it opened: it says nothing new.
            Met::Outage(_) if self.open_until(now).is_some() => false,
            Met::Outage(outage) => {
                self.count(outage, network(peer), now);
                let opens = self.silent >= SILENT || self.garbled.len() >= GARBLED;
                if opens {
                    self.trip(now);
                }
                opens
            }
        }
    }

    /// Until when nobody asks; `None` while at least a few may.
    pub(super) fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.open.as_ref().map(|open| open.until);
        until.filter(|until| now < *until)
    }

    /// Whether it has failed and not answered since.
    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    fn count(&mut self, outage: Outage, home: IpAddr, now: Timestamp) {
        if outage == Outage::Silent {
            self.silent = self.silent.saturating_add(1);
            return;
        }
        self.silent = 0;
        self.garbled
            .retain(|(at, _)| now.since(*at) < GARBLED_WITHIN);
        let lately = |(at, other): &&(Timestamp, IpAddr)| {
            *other == home && now.since(*at) < OF_ONE_ADDRESS_WITHIN
        };
        if self.garbled.iter().filter(lately).count() < OF_ONE_ADDRESS {
            self.garbled.push_back((now, home));
        }
    }

    fn trip(&mut self, now: Timestamp) {
        self.silent = 0;
        self.garbled.clear();
        let (pause, probes) = match self.open.take() {
            None => (FIRST_PAUSE, Vec::new()),
            Some(open) => ((open.pause * 2).min(LONGEST_PAUSE), open.probes),
        };
        self.open = Some(Open {
            until: now.plus(pause),
            pause,
            probes,
        });
    }
}

#[cfg(test)]
mod tests;
