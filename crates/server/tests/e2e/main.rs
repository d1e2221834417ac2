//! End-to-end tests: the real binary on one side, real clients on the other.
//!
//! `harness` starts and kills servers and speaks HTTP and MQTT byte by byte,
//! independently of the product's own code. Each module above it is one thing
//! that must be shown: foreign clients work ([`clients`]), a model of the
//! public SDK is content over randomised runs ([`sdk`]), nothing acknowledged
//! is lost ([`crash`], [`trace`], [`link`]), a sender that dies misses nobody and tells
//! nobody twice ([`escalation`]), nobody is kept out or waits ([`siege`],
//! [`frozen`], [`crowd`]), a phone that only stays connected costs little
//! ([`idle`]), nothing grows without bounds ([`bounds`]), a failing disk, database or
//! clock makes nobody a liar ([`disk`], [`outage`], [`leap`]), a foreign mail server is
//! understood ([`mail`]), load is measured truly
//! ([`bench`]), the documents tell the truth ([`guides`], [`demo`],
//! [`schemathesis`]), partners are told ([`webhooks`]) and have examples that work
//! ([`partner`]).
//!
//! `cargo xtask test` provides the binaries and the clients; `MAYDAY_TEST_SKIP`
//! names what is to be left out.
#![cfg(test)]

mod asyncapi;
mod bench;
mod bounds;
mod clients;
mod crash;
mod crowd;
mod demo;
mod disk;
mod escalation;
mod frozen;
mod guides;
mod harness;
mod idle;
mod leap;
mod link;
mod mail;
mod outage;
mod partner;
mod schemathesis;
mod sdk;
mod siege;
mod trace;
mod webhooks;
