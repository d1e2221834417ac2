//! The members of a telemetry body that only annotate the reading: batteries,
//! coverage, identity, mesh. Each is checked, none is used here (contract:
//! Telemetry and devices; SOS, table of the trigger body). What is documented
//! and out of range or of the wrong type makes the body malformed; unknown
//! members are nobody's business.

use super::json::Json;

/// What is wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The member inside, if it is one of an object.
    pub(super) inner: Option<&'static str>,
    /// What it must be.
    pub(super) what: &'static str,
}

/// The words of `deviceBattery.range`.
const BATTERY_RANGES: [&str; 4] = ["critical", "low", "medium", "ok"];

const TEXT: &str = "must be text";
const NUMBER: &str = "must be a number";
const COUNT: &str = "must be a whole number from 0 to 4294967295";

/// What is wrong with a member that is not null; nothing if it is none of those
/// that annotate.
pub(super) fn fault(name: &str, value: &Json<'_>) -> Option<Fault> {
    let what = match name {
        "mobileBattery" => must(within(value, 100.0), "must be a number from 0 to 100"),
        "deviceBattery" => return battery(value),
        "deviceCoverage" | "mobileCoverage" => return coverage(value),
        "kind" | "identitySource" | "userId" | "relayDeviceId" | "relayHardwareId" => {
            must(is_text(value), TEXT)
        }
        "score" => must(is_number(value), NUMBER),
        "memberCount" | "aggSpreadingFactor" => must(is_count(value), COUNT),
        "clusterId" | "aggId" => must(
            is_number(value) || is_text(value),
            "must be a number or text",
        ),
        _ => None,
    };
    what.map(|what| Fault { inner: None, what })
}

/// `{rawValue 0..3, range}`; of older clients a number.
fn battery(value: &Json<'_>) -> Option<Fault> {
    if !matches!(value, Json::Object(_)) {
        return must(is_number(value), "must be an object or a number")
            .map(|what| Fault { inner: None, what });
    }
    let raw = |raw: &Json<'_>| is_count(raw) && within(raw, 3.0);
    let range =
        |range: &Json<'_>| matches!(range, Json::Text(word) if BATTERY_RANGES.contains(&&**word));
    inner(value, "rawValue", raw, "must be a whole number from 0 to 3").or_else(|| {
        let what = "must be critical, low, medium or ok";
        inner(value, "range", range, what)
    })
}

/// `{signalStrength, networkType, isConnected}`; of older clients a whole number.
fn coverage(value: &Json<'_>) -> Option<Fault> {
    if !matches!(value, Json::Object(_)) {
        let whole = matches!(value, Json::Number(number) if number.fract() == 0.0);
        return must(whole, "must be an object or a whole number")
            .map(|what| Fault { inner: None, what });
    }
    inner(value, "signalStrength", is_number, NUMBER)
        .or_else(|| inner(value, "networkType", is_text, TEXT))
        .or_else(|| {
            let is_bool = |flag: &Json<'_>| *flag == Json::Bool;
            inner(value, "isConnected", is_bool, "must be true or false")
        })
}

fn inner(
    object: &Json<'_>,
    name: &'static str,
    good: impl Fn(&Json<'_>) -> bool,
    what: &'static str,
) -> Option<Fault> {
    let bad = object.member(name).is_some_and(|member| !good(member));
    bad.then_some(Fault {
        inner: Some(name),
        what,
    })
}

fn must(good: bool, what: &'static str) -> Option<&'static str> {
    (!good).then_some(what)
}

fn is_text(value: &Json<'_>) -> bool {
    matches!(value, Json::Text(_))
}

fn is_number(value: &Json<'_>) -> bool {
    matches!(value, Json::Number(number) if number.is_finite())
}

/// From 0 to `most`.
fn within(value: &Json<'_>, most: f64) -> bool {
    matches!(value, Json::Number(number) if (0.0..=most).contains(number))
}

/// A whole number of 32 bits.
fn is_count(value: &Json<'_>) -> bool {
    within(value, f64::from(u32::MAX))
        && matches!(value, Json::Number(number) if number.fract() == 0.0)
}
