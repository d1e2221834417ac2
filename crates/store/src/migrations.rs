//! The schema's history, embedded in the binary.
//!
//! The same file names stand in `migrations/sqlite` and `migrations/postgres`;
//! a test compares the tables that result.

use crate::dialect::Dialect;

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    /// Its number, from 1, without gaps.
    pub(crate) number: i64,
    /// Its file's name, such as `0001_control`.
    pub(crate) name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

impl Migration {
    pub(crate) const fn sql(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

macro_rules! migrations {
    ($($number:literal => $name:literal),+ $(,)?) => {
        /// All steps, in order.
        pub(crate) const MIGRATIONS: &[Migration] = &[$(
            Migration {
                number: $number,
                name: $name,
                sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
                postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
            }
        ),+];
    };
}

migrations!(
    1 => "0001_control",
    2 => "0002_apps",
    3 => "0003_users",
    4 => "0004_events",
    5 => "0005_jobs",
    6 => "0006_devices",
    7 => "0007_contacts",
    8 => "0008_incidents",
    9 => "0009_telemetry",
    10 => "0010_records",
    11 => "0011_key_rotation",
    12 => "0012_device_decisions",
    13 => "0013_unattributed_bounds",
    14 => "0014_provisioning",
    15 => "0015_firmware",
    16 => "0016_erasures",
    17 => "0017_broker_keys",
    18 => "0018_telemetry_days",
    19 => "0019_latest_bodies",
    20 => "0020_escalation",
    21 => "0021_escalation_policies",
    22 => "0022_app_retention",
    23 => "0023_webhooks",
    24 => "0024_checkins",
    25 => "0025_incident_actions",
    26 => "0026_incident_vitals",
    27 => "0027_sample_order",
    28 => "0028_leftovers",
    29 => "0029_asked_numbers",
    30 => "0030_sessions",
    31 => "0031_attempt_addresses",
    32 => "0032_backlogs_and_answers",
    33 => "0033_drills",
    35 => "0035_signatures",
    36 => "0036_linked_accounts",
    37 => "0037_duress",
    38 => "0038_system_mails",
    39 => "0039_mail_settings",
    40 => "0040_bans",
    43 => "0043_partner_keys",
    53 => "0053_admin_keys",
    54 => "0054_vouched_addresses",
    55 => "0055_link_requests",
    56 => "0056_session_ends",
    58 => "0058_revoked_links",
    59 => "0059_contacts_by_phone",
    60 => "0060_erased_in_danger",
);
