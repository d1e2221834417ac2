//! Whether the phone in distress still speaks, and whether it will for long.
//!
//! While an incident is open, each sign of the phone (a trigger, telemetry) is
//! noted. A phone that is silent for as long as the policy says is told to
//! contacts and operators once, and so is its return; a battery that runs low is
//! told once, until it has been charged.

use std::time::Duration;

use crate::time::Timestamp;

/// A battery is told low again only after it was above the limit by this many
/// percent: a reading that wavers is one matter, not many.
pub const CHARGED_ABOVE_LIMIT: u8 = 5;

/// What is known of the phone of an open incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vitals {
    /// When it last spoke, by our clock.
    pub heard_at: Timestamp,
    /// When its silence was told; `None` while it speaks.
    pub silent_at: Option<Timestamp>,
    /// Its last battery reading.
    pub battery: Option<Battery>,
    /// When its low battery was told; `None` while it is charged.
    pub battery_low_at: Option<Timestamp>,
}

/// A battery reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Battery {
    /// 0 to 100.
    pub percent: u8,
    /// When it was received.
    pub at: Timestamp,
}

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VitalSign {
    /// The phone has been silent for too long.
    Silent,
    /// It speaks again.
    Heard,
    /// Its battery is low.
    BatteryLow,
    /// Its battery was charged. Nobody is told, but it may be low again.
    Charged,
}

impl Vitals {
    /// Those of a phone that spoke then, and has not been listened to since.
    pub const fn at(heard_at: Timestamp) -> Self {
        Self {
            heard_at,
            silent_at: None,
            battery: None,
            battery_low_at: None,
        }
    }

    /// The phone spoke. A sign that comes late changes nothing.
    pub fn hear(&mut self, at: Timestamp) -> Option<VitalSign> {
        if at <= self.heard_at {
            return None;
        }
        self.heard_at = at;
        self.silent_at.take().map(|_| VitalSign::Heard)
    }

    /// It said how much battery is left.
    pub fn read_battery(
        &mut self,
        battery: Battery,
        low_percent: u8,
        now: Timestamp,
    ) -> Option<VitalSign> {
        if self.battery.is_some_and(|known| known.at > battery.at) {
            return None;
        }
        self.battery = Some(battery);
        if battery.percent <= low_percent {
            let told = self.battery_low_at.is_some();
            self.battery_low_at.get_or_insert(now);
            return (!told).then_some(VitalSign::BatteryLow);
        }
        let charged = battery.percent > low_percent.saturating_add(CHARGED_ABOVE_LIMIT);
        if charged && self.battery_low_at.take().is_some() {
            return Some(VitalSign::Charged);
        }
        None
    }

    /// Whether it is time to tell that the phone is silent.
    pub fn look(&mut self, silent_after: Duration, now: Timestamp) -> Option<VitalSign> {
        if self.silent_at.is_some() || now.since(self.heard_at) < silent_after {
            return None;
        }
        self.silent_at = Some(now);
        Some(VitalSign::Silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_800_000_000);
    const AFTER: Duration = Duration::from_mins(10);

    fn minute(n: u64) -> Timestamp {
        START.plus(Duration::from_mins(n))
    }

    fn battery(percent: u8, at: u64) -> Battery {
        Battery {
            percent,
            at: minute(at),
        }
    }

    #[test]
    fn a_silence_is_told_once_and_ends_with_the_next_sign() {
        let mut phone = Vitals::at(START);
        assert_eq!(phone.look(AFTER, minute(9)), None);
        assert_eq!(phone.look(AFTER, minute(10)), Some(VitalSign::Silent));
        assert_eq!(phone.look(AFTER, minute(11)), None);
        assert_eq!(phone.hear(minute(12)), Some(VitalSign::Heard));
        assert_eq!(phone.hear(minute(13)), None);
        assert_eq!(phone.look(AFTER, minute(22)), None);
        assert_eq!(phone.look(AFTER, minute(23)), Some(VitalSign::Silent));
    }

    #[test]
    fn a_late_sign_ends_no_silence() {
        let mut phone = Vitals::at(START);
        phone.look(AFTER, minute(10));
        assert_eq!(phone.hear(START), None);
        assert!(phone.silent_at.is_some());
    }

    #[test]
    fn a_low_battery_is_told_once_until_it_was_charged() {
        let mut phone = Vitals::at(START);
        let mut read = |percent, at| phone.read_battery(battery(percent, at), 15, minute(at));
        assert_eq!(read(16, 0), None);
        assert_eq!(read(15, 1), Some(VitalSign::BatteryLow));
        assert_eq!(read(9, 2), None);
        // It wavers.
        assert_eq!(read(18, 3), None);
        assert_eq!(read(14, 4), None);
        assert_eq!(read(21, 5), Some(VitalSign::Charged));
        assert_eq!(read(15, 6), Some(VitalSign::BatteryLow));
        // An older reading that comes late says nothing about now.
        assert_eq!(read(90, 5), None);
        assert_eq!(phone.battery, Some(battery(15, 6)));
    }
}
