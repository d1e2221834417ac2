//! Contract: SOS.

mod cancel;
mod deep;
mod flags;
mod history;
mod labels;
mod model;
mod records;
mod redelivery;
mod relay;
mod silent;
mod stale;
mod trigger;
mod turns;
