//! The MQTT listener as a client sees it: real sockets, raw bytes, a real node.

#![cfg(test)]

mod support;

mod burst;
mod closing;
mod connect;
mod events;
mod failure;
mod flow;
mod house;
mod identity;
mod publish;
mod salvage;
mod sessions;
mod strict;
mod subscribe;
mod tls;
mod websocket;
