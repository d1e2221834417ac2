//! How long phone and device will last, read from what they sent.

use serde_json::{Map, Value};

use crate::sos::Opening;

/// The words of `deviceBattery.range`, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BatteryRange {
    /// About to die.
    Critical,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// Enough.
    Ok,
}

/// The batteries of the person in distress, as far as they were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batteries {
    /// The phone's, in percent.
    pub phone_percent: Option<u8>,
    /// The device's.
    pub device: Option<BatteryRange>,
}

impl BatteryRange {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::Ok => "ok",
        }
    }

    /// `{rawValue 0..3, range}`; of older clients the number alone (contract:
    /// SOS, trigger body). Anything else says nothing.
    fn read(value: &Value) -> Option<Self> {
        let all = [Self::Critical, Self::Low, Self::Medium, Self::Ok];
        let by_number = |value: &Value| {
            let at = usize::try_from(value.as_u64()?).ok()?;
            all.get(at).copied()
        };
        let Value::Object(members) = value else {
            return by_number(value);
        };
        let word = members.get("range").and_then(Value::as_str);
        let named = word.and_then(|word| all.into_iter().find(|range| range.as_str() == word));
        named.or_else(|| members.get("rawValue").and_then(by_number))
    }
}

impl Batteries {
    /// What the cry for help itself said.
    pub fn of_opening(opening: &Opening) -> Self {
        Self {
            phone_percent: opening
                .mobile_battery
                .as_ref()
                .and_then(|number| percent(&Value::Number(number.clone()))),
            device: opening.device_battery.as_ref().and_then(BatteryRange::read),
        }
    }

    /// What a telemetry body says.
    pub fn of_body(body: &Map<String, Value>) -> Self {
        Self {
            phone_percent: body.get("mobileBattery").and_then(percent),
            device: body.get("deviceBattery").and_then(BatteryRange::read),
        }
    }

    /// This, and where it says nothing what was known `before`.
    #[must_use]
    pub fn or(self, before: Self) -> Self {
        Self {
            phone_percent: self.phone_percent.or(before.phone_percent),
            device: self.device.or(before.device),
        }
    }
}

/// Whole percent, rounded; nothing outside 0 to 100.
fn percent(value: &Value) -> Option<u8> {
    let number = value.as_f64()?.round();
    (0..=100_u8).find(|whole| f64::from(*whole).total_cmp(&number).is_eq())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(value: &Value) -> Batteries {
        Batteries::of_body(value.as_object().unwrap())
    }

    #[test]
    fn both_forms_of_a_device_battery_are_read() {
        for (sent, expected) in [
            (
                json!({"rawValue": 0, "range": "critical"}),
                Some(BatteryRange::Critical),
            ),
            (json!({"rawValue": 3}), Some(BatteryRange::Ok)),
            (json!({"range": "medium"}), Some(BatteryRange::Medium)),
            (json!(1), Some(BatteryRange::Low)),
            (json!(4), None),
            (json!("low"), None),
            (json!({"range": "full"}), None),
        ] {
            assert_eq!(
                body(&json!({"deviceBattery": sent})).device,
                expected,
                "{sent}"
            );
        }
    }

    #[test]
    fn percents_are_whole_and_in_range() {
        for (sent, expected) in [
            (json!(71), Some(71)),
            (json!(0.4), Some(0)),
            (json!(99.6), Some(100)),
            (json!(-0.2), None),
            (json!(101), None),
            (json!("71"), None),
        ] {
            let read = body(&json!({"mobileBattery": sent})).phone_percent;
            assert_eq!(read, expected, "{sent}");
        }
    }

    #[test]
    fn the_newer_word_counts_and_silence_does_not() {
        let before = body(&json!({"mobileBattery": 50, "deviceBattery": 3}));
        let later = body(&json!({"mobileBattery": 20}));
        let known = later.or(before);
        assert_eq!(known.phone_percent, Some(20));
        assert_eq!(known.device, Some(BatteryRange::Ok));
    }
}
