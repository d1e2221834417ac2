//! The MQTT side of mayday.

#![allow(dead_code)]
mod codec;
mod reason;
mod settings;

pub use settings::{MAX_PACKET_BYTES, MqttSettings};
