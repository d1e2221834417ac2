//! Telemetry: what is taken is right, and what is refused says why.
//!
//! A body that is taken as a sample is also a readable cry for help with the
//! same time and place: one reader is strict, the other is not, and they agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mayday_core::sos::Trigger;
use mayday_core::telemetry::Reading;
use mayday_core::time::Timestamp;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const DAY: std::time::Duration = std::time::Duration::from_hours(24);

fuzz_target!(|body: &[u8]| {
    let reading = match Reading::parse(body, NOW) {
        Ok(reading) => reading,
        Err(malformed) => {
            assert!(!malformed.fields.is_empty(), "refused for nothing");
            for field in &malformed.fields {
                assert!(field.pointer.is_empty() || field.pointer.starts_with('/'));
                assert!(!field.message.is_empty());
            }
            return;
        }
    };
    assert!(reading.latitude.abs() <= 90.0 && reading.longitude.abs() <= 180.0);
    assert!(reading.altitude.is_none_or(f64::is_finite));
    assert!(reading.accuracy_meters.is_none_or(|meters| meters >= 0.0));
    assert!(reading.time >= Timestamp::from_secs(1_577_836_800));
    assert!(reading.time <= NOW.plus(DAY));
    for text in [&reading.device_id, &reading.hardware_id, &reading.event_id]
        .into_iter()
        .flatten()
    {
        assert!((1..=128).contains(&text.len()) && !text.chars().any(char::is_control));
    }
    let trigger = Trigger::parse(body);
    let fix = trigger.fix.expect("a sample is a place");
    assert_eq!(
        (fix.latitude, fix.longitude),
        (reading.latitude, reading.longitude)
    );
    assert_eq!(fix.altitude, reading.altitude);
    assert_eq!(trigger.time.map(|time| time.at), Some(reading.time));
    assert_eq!(trigger.device_id.as_deref(), reading.device_id.as_deref());
    assert_eq!(trigger.originator_node_id, reading.originator_node_id);
});
