//! Servers to kill, clients to distrust, dice with a seed.

pub(crate) mod clock;
pub(crate) mod cluster;
pub(crate) mod dice;
pub(crate) mod http;
pub(crate) mod ledger;
pub(crate) mod link;
pub(crate) mod mqtt;
pub(crate) mod person;
pub(crate) mod postgres;
pub(crate) mod server;
pub(crate) mod small_disk;
pub(crate) mod tools;
pub(crate) mod watch;
