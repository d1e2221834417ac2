//! The caller's devices: list, register, remove (contract: Telemetry and
//! devices).

mod list;
mod register;
mod remove;
