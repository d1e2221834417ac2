//! External MQTT brokers ask about their clients: who may connect, and which
//! topics are whose (contract: External brokers).

mod admit;
mod permit;

pub use admit::{Admission, BrokerScope};
pub use permit::TopicUse;
