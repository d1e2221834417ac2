//! Contract: SOS.

mod cancel;
mod flags;
mod history;
mod model;
mod redelivery;
mod relay;
mod silent;
mod stale;
mod trigger;
mod turns;
