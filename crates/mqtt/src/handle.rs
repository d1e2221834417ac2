//! One file per packet that a client sends.

pub(crate) mod connect;
mod disconnect;
mod pingreq;
mod puback;
pub(crate) mod publish;
mod pubrel;
mod subscribe;
mod unsubscribe;
