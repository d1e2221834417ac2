//! Every statement of the crate, so that a test can prepare each on both
//! databases. A noun file adds its `STATEMENTS` here.

use crate::sql::Sql;

/// The statements by noun file.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "only the test that prepares them reads the list")
)]
pub(crate) const ALL: &[(&str, &[&Sql])] = &[
    ("control", crate::control::STATEMENTS),
    ("events", crate::events::STATEMENTS),
    ("heartbeat", crate::heartbeat::STATEMENTS),
    ("jobs", crate::jobs::STATEMENTS),
];
