//! The use cases on a real store, each test on SQLite and on PostgreSQL.

mod devices;
mod harness;
mod sos;
