//! Contract: SOS.

mod cancel;
mod flags;
mod history;
mod model;
mod records;
mod redelivery;
mod relay;
mod silent;
mod stale;
mod trigger;
mod turns;
