//! Drives the real binary as an operator would: words, exit codes, signals,
//! files and their permissions.

#![cfg(test)]

mod admin;
mod backup;
mod backup_killed;
mod broker_key;
mod config;
mod copy;
mod data_rights;
mod demo;
mod drain;
mod harness;
mod help;
mod key;
mod night_shift;
mod permissions;
mod policy;
mod postgres;
mod provisioning;
mod refusals;
mod sign;
mod tls;
mod tracking;
