//! Times, ages and distances in words.

use mayday_core::time::Timestamp;

use super::words::Words;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long ago, as a phrase and the figure in it. Up to two hours in minutes:
/// whether it was one hour or nearly two matters.
pub(super) fn age(words: &'static Words, time: Timestamp, now: Timestamp) -> (&'static str, u64) {
    let seconds = now.since(time).as_secs();
    let times = &words.times;
    match seconds {
        0..MINUTE => (times.now, 0),
        seconds if seconds < 2 * MINUTE => (times.minute, 1),
        seconds if seconds < 2 * HOUR => (times.minutes, seconds / MINUTE),
        seconds if seconds < 2 * DAY => (times.hours, seconds / HOUR),
        seconds => (times.days, seconds / DAY),
    }
}

/// `03:14 UTC`, with the day in front when it was another one. In UTC, and it says
/// so: where the contact is, only their phone knows, and the page's script asks it.
pub(super) fn time(words: &'static Words, time: Timestamp, now: Timestamp) -> String {
    let (day, clock) = split(time);
    let clock = format!("{:02}:{:02} UTC", clock / HOUR, clock % HOUR / MINUTE);
    if day == split(now).0 {
        return clock;
    }
    let (month, day) = civil(day);
    let month = words.times.months.get(month).copied().unwrap_or_default();
    let mut text = words.times.date.to_owned();
    for (variable, value) in [
        ("{day}", day.to_string().as_str()),
        ("{month}", month),
        ("{clock}", &clock),
    ] {
        text = text.replace(variable, value);
    }
    text
}

/// `12 metres`, `2.4 kilometres`: as exact as it is worth.
pub(super) fn distance(words: &'static Words, metres: f64) -> String {
    let place = &words.place;
    if metres.abs() < 999.5 {
        format!("{:.0} {}", metres, place.metres)
    } else {
        let mut figure = format!("{:.1}", metres / 1_000.0);
        if words.tag != "en" {
            figure = figure.replace('.', ",");
        }
        format!("{figure} {}", place.kilometres)
    }
}

/// Days since the epoch, and seconds into that day.
fn split(time: Timestamp) -> (i64, u64) {
    let seconds = time.as_secs();
    let into = seconds.rem_euclid(86_400);
    (seconds.div_euclid(86_400), u64::try_from(into).unwrap_or(0))
}

/// Month (from 0) and day (from 1) of a day since the epoch, after H. Hinnant,
/// "chrono-compatible low-level date algorithms": the year begins in March, so
/// that the leap day comes last.
fn civil(days: i64) -> (usize, i64) {
    let of_era = days.saturating_add(719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = (month + 2) % 12;
    (usize::try_from(month).unwrap_or(0), day)
}

#[cfg(test)]
mod tests {
    use super::super::words::of_tag;
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn ages_are_as_exact_as_they_matter() {
        let english = of_tag("en");
        let now = Timestamp::from_secs(1_000_000);
        for (seconds, figure, phrase) in [
            (-5, 0, english.times.now),
            (59, 0, english.times.now),
            (60, 1, english.times.minute),
            (120, 2, english.times.minutes),
            (7_199, 119, english.times.minutes),
            (7_200, 2, english.times.hours),
            (172_799, 47, english.times.hours),
            (172_800, 2, english.times.days),
        ] {
            let time = Timestamp::from_secs(1_000_000 - seconds);
            assert_eq!(age(english, time, now), (phrase, figure), "{seconds}");
        }
    }

    #[test]
    fn the_day_stands_there_when_it_was_another() {
        let now = at("2026-03-01T00:10:00Z");
        for (tag, when, expected) in [
            ("en", "2026-03-01T00:04:59Z", "00:04 UTC"),
            ("en", "2026-02-28T23:59:00Z", "28 February, 23:59 UTC"),
            ("es", "2024-02-29T08:00:00Z", "29 de febrero, 08:00 UTC"),
            ("ca", "2026-04-01T08:00:00Z", "1 d'abril, 08:00 UTC"),
            ("fr", "2025-12-31T08:00:00Z", "31 décembre, 08:00 UTC"),
            ("de", "2026-01-01T08:00:00Z", "1. Januar, 08:00 UTC"),
        ] {
            assert_eq!(time(of_tag(tag), at(when), now), expected);
        }
    }

    /// Every day of 400 years, against another reckoning of the calendar.
    #[test]
    fn the_calendar_is_right() {
        for day in 0..146_097 {
            let (month, of_month) = civil(day);
            let text = Timestamp::from_secs(day * 86_400).to_string();
            assert_eq!(
                format!("{:02}-{of_month:02}", month + 1),
                text[5..10],
                "{text}"
            );
        }
    }

    #[test]
    fn distances_are_rounded() {
        assert_eq!(distance(of_tag("en"), 12.4), "12 metres");
        assert_eq!(distance(of_tag("en"), 999.6), "1.0 kilometres");
        assert_eq!(distance(of_tag("de"), 2_440.0), "2,4 Kilometer");
        assert_eq!(distance(of_tag("es"), -3.0), "-3 metros");
    }
}
