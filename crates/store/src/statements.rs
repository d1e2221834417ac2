//! Every statement of the crate, so that a test can prepare each on both
//! databases. A noun file adds its `STATEMENTS` here.

use crate::sql::Sql;

/// The statements by noun file.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "only the test that prepares them reads the list")
)]
pub(crate) const ALL: &[(&str, &[&Sql])] = &[
    ("check", crate::check::invariants::STATEMENTS),
    ("control", crate::control::STATEMENTS),
    ("dead_letters", crate::dead_letters::STATEMENTS),
    ("events", crate::events::STATEMENTS),
    ("heartbeat", crate::heartbeat::STATEMENTS),
    ("jobs", crate::jobs::STATEMENTS),
    ("spill", crate::spill::STATEMENTS),
    ("telemetry", crate::telemetry::STATEMENTS),
    ("apps", crate::apps::STATEMENTS),
    ("apps/create", crate::apps::create::STATEMENTS),
    ("apps/policy", crate::apps::policy::STATEMENTS),
    ("apps/retention", crate::apps::retention::STATEMENTS),
    ("apps/secrets", crate::apps::secrets::STATEMENTS),
    ("broker_keys", crate::broker_keys::STATEMENTS),
    ("contacts", crate::contacts::STATEMENTS),
    ("contacts/add", crate::contacts::add::STATEMENTS),
    ("contacts/order", crate::contacts::order::STATEMENTS),
    ("contacts/remove", crate::contacts::remove::STATEMENTS),
    ("contacts/replace", crate::contacts::replace::STATEMENTS),
    ("users", crate::users::STATEMENTS),
    ("users/block", crate::users::block::STATEMENTS),
    ("users/profile", crate::users::profile::STATEMENTS),
    ("users/upsert", crate::users::upsert::STATEMENTS),
    ("alerts", crate::alerts::STATEMENTS),
    ("device_configs", crate::device_configs::STATEMENTS),
    ("devices", crate::devices::STATEMENTS),
    ("erasures", crate::erasures::STATEMENTS),
    ("erasures/begin", crate::erasures::begin::STATEMENTS),
    ("erasures/finish", crate::erasures::finish::STATEMENTS),
    ("erasures/step", crate::erasures::step::STATEMENTS),
    ("erasures/step steps", crate::erasures::step::STEPS),
    (
        "escalation/acknowledge",
        crate::escalation::acknowledge::STATEMENTS,
    ),
    (
        "escalation/attempts",
        crate::escalation::attempts::STATEMENTS,
    ),
    ("escalation/decline", crate::escalation::decline::STATEMENTS),
    ("escalation/tokens", crate::escalation::tokens::STATEMENTS),
    ("exports/sections", crate::exports::sections::STATEMENTS),
    ("firmware", crate::firmware::STATEMENTS),
    ("firmware/add", crate::firmware::add::STATEMENTS),
    ("firmware/remove", crate::firmware::remove::STATEMENTS),
    ("incidents", crate::incidents::STATEMENTS),
    ("incidents/devices", crate::incidents::devices::STATEMENTS),
    ("incidents/gateways", crate::incidents::gateways::STATEMENTS),
    ("incidents/history", crate::incidents::history::STATEMENTS),
    ("incidents/keys", crate::incidents::keys::STATEMENTS),
    ("incidents/prune", crate::incidents::prune::STATEMENTS),
    ("incidents/reports", crate::incidents::reports::STATEMENTS),
    ("incidents/silent", crate::incidents::silent::STATEMENTS),
    ("incidents/trail", crate::incidents::trail::STATEMENTS),
    ("network_keys", crate::network_keys::STATEMENTS),
    ("opt_outs", crate::opt_outs::STATEMENTS),
    ("policies", crate::policies::STATEMENTS),
    ("pumping", crate::pumping::STATEMENTS),
    ("unattributed", crate::unattributed::STATEMENTS),
    ("unattributed bounds", crate::unattributed::BOUND_STATEMENTS),
];

#[cfg(test)]
mod tests;
