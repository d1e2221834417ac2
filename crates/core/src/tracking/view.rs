//! The view, without an id and without an address of anybody.

use std::time::Duration;

use super::battery::Batteries;
use crate::escalation::{Channel, Status};
use crate::sos::{PositionSource, State, TrailPoint, Vitals};
use crate::time::Timestamp;

/// How long a link still opens the page after the incident ended.
pub const LINK_OUTLIVES: Duration = Duration::from_hours(24);

/// Whether the links of an incident that ended then are dead.
pub fn link_is_dead(ended_at: Option<Timestamp>, now: Timestamp) -> bool {
    ended_at.is_some_and(|ended| now >= ended.plus(LINK_OUTLIVES))
}

/// What one contact is shown of one incident.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackingView {
    /// An exercise.
    pub drill: bool,
    /// The person is forced to call it off: whoever calls or writes to them tells whoever
    /// forces them.
    pub under_threat: bool,
    /// How the incident stands.
    pub state: State,
    /// The name of the person in distress, if they gave one.
    pub person: Option<String>,
    /// Their latest words.
    pub message: Option<String>,
    /// When they cried for help.
    pub opened_at: Timestamp,
    /// When they cried for help again after the help so far, last; everybody is asked anew
    /// since.
    pub called_again_at: Option<Timestamp>,
    /// When it was cancelled or resolved.
    pub ended_at: Option<Timestamp>,
    /// Where they are, as far as is known.
    pub position: Option<TrackedPosition>,
    /// Where they were since, oldest first.
    pub trail: Vec<TrailPoint>,
    /// How long phone and device will last.
    pub batteries: Batteries,
    /// Whether the phone still speaks, and will for long.
    pub phone: PhoneSigns,
    /// The device that cried for help: `hardwareId`, else `deviceId`.
    pub hardware: Option<String>,
    /// Whose link it is.
    pub reader: Reader,
    /// Who helps, the earliest first.
    pub helpers: Vec<Helper>,
    /// Who was told and by what, by the contacts' priority.
    pub told: Vec<Told>,
}

/// What makes one worry about the phone in distress, while the incident is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhoneSigns {
    /// When it last spoke, once it has been silent for as long as the policy says.
    pub silent_since: Option<Timestamp>,
    /// What is left of a battery that is low by the policy, 0 to 100.
    pub low_battery_percent: Option<u8>,
}

impl PhoneSigns {
    /// What there is to tell of a phone.
    pub fn of(vitals: &Vitals) -> Self {
        let low = vitals.battery_low_at.and(vitals.battery);
        Self {
            silent_since: vitals.silent_at.map(|_| vitals.heard_at),
            low_battery_percent: low.map(|battery| battery.percent),
        }
    }
}

/// A position and how much it is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackedPosition {
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
    /// Metres.
    pub altitude: Option<f64>,
    /// Radius in metres.
    pub accuracy_meters: Option<f64>,
    /// How it became known.
    pub source: PositionSource,
    /// When it was measured.
    pub at: Timestamp,
}

/// The contact whose link it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// As the person in distress wrote it down.
    pub name: String,
    /// A BCP 47 tag.
    pub language: String,
    /// What they answered in this round.
    pub answer: YourAnswer,
}

/// What the contact whose link it is answered last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YourAnswer {
    /// Nothing yet.
    None,
    /// They help.
    Helping {
        /// Since then.
        since: Timestamp,
        /// Whether they called the emergency services.
        called_services: bool,
    },
    /// They cannot help.
    Declined {
        /// Said then.
        at: Timestamp,
    },
}

/// Somebody who said that they help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    /// The name they gave; `None`: an operator, whose name is nobody's business.
    pub name: Option<String>,
    /// Whether it is the reader.
    pub reader: bool,
    /// When they said so.
    pub since: Timestamp,
    /// Whether they called the emergency services.
    pub called_services: bool,
    /// Said before the person cried again, and not since.
    pub before_last_cry: bool,
}

/// A contact who was told, or is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The contact's name.
    pub name: String,
    /// Whether it is the reader.
    pub reader: bool,
    /// By what, and how far each got.
    pub notices: Vec<Notice>,
    /// When they opened the page first, or a preview of their phone did.
    pub opened_at: Option<Timestamp>,
    /// When they said that they cannot help.
    pub declined_at: Option<Timestamp>,
    /// When they said that they help.
    pub helping_since: Option<Timestamp>,
}

/// What was sent to a contact by one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// By what.
    pub channel: Channel,
    /// How far it got.
    pub status: Status,
    /// Since when.
    pub at: Timestamp,
}

/// What a contact can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackingAnswer {
    /// "I am on it."
    Helping,
    /// "I called the emergency services", which is help too.
    CalledServices,
    /// "I cannot help."
    Declined,
}

impl TrackingAnswer {
    /// Every answer.
    pub const ALL: [Self; 3] = [Self::Helping, Self::CalledServices, Self::Declined];

    /// The word in a form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Helping => "helping",
            Self::CalledServices => "called",
            Self::Declined => "declined",
        }
    }

    /// The answer of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.as_str() == word)
    }
}

impl TrackingView {
    /// Whether an answer still matters.
    pub const fn can_be_answered(&self) -> bool {
        self.state.is_open()
    }

    /// Whether somebody answered the latest cry and stands by it.
    pub fn is_helped(&self) -> bool {
        self.helpers.iter().any(|helper| !helper.before_last_cry)
    }
}

/// A trail evenly thinned to about `limit` points, with the first and the last.
pub fn thinned(trail: &[TrailPoint], limit: usize) -> impl Iterator<Item = &TrailPoint> {
    let step = trail.len().div_ceil(limit.max(1)).max(1);
    let last = trail.len().saturating_sub(1);
    trail
        .iter()
        .enumerate()
        .filter(move |(at, _)| at % step == 0 || *at == last)
        .map(|(_, point)| point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_dies_a_day_after_the_end_and_never_before() {
        let ended = Timestamp::from_secs(1_000);
        assert!(!link_is_dead(
            None,
            Timestamp::from_secs(i64::from(u32::MAX))
        ));
        assert!(!link_is_dead(Some(ended), ended));
        let day = ended.plus(LINK_OUTLIVES);
        assert!(!link_is_dead(Some(ended), day.shift_micros(-1)));
        assert!(link_is_dead(Some(ended), day));
    }

    #[test]
    fn a_long_trail_keeps_its_ends() {
        let point = |n: i64| TrailPoint {
            occurred_at: Timestamp::from_secs(n),
            latitude: 0.0,
            longitude: 0.0,
            altitude: None,
        };
        let trail: Vec<_> = (0..1_001).map(point).collect();
        let kept: Vec<_> = thinned(&trail, 120).copied().collect();
        assert!(kept.len() <= 121);
        assert_eq!((kept[0], *kept.last().unwrap()), (trail[0], trail[1_000]));
        assert_eq!(thinned(&trail[..120], 120).count(), 120);
        assert_eq!(thinned(&[], 0).count(), 0);
    }

    #[test]
    fn each_answer_has_one_word() {
        for answer in TrackingAnswer::ALL {
            assert_eq!(TrackingAnswer::parse(answer.as_str()), Some(answer));
        }
        assert_eq!(TrackingAnswer::parse("yes"), None);
    }
}
