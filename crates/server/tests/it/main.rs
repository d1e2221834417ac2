//! Drives the real binary as an operator would: words, exit codes, signals,
//! files and their permissions.

#![cfg(test)]

mod admin;
mod backup;
mod config;
mod copy;
mod demo;
mod drain;
mod harness;
mod help;
mod key;
mod permissions;
mod postgres;
mod provisioning;
mod refusals;
mod sign;
mod tls;
