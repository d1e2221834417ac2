//! The gateway against real peers on this machine.

#![cfg(test)]

mod guard;
mod introspection;
mod logo;
mod mail;
mod slack;
mod support;
mod template;
mod twilio;
mod webhook;
