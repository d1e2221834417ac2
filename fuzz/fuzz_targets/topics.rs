//! Topics: whatever stands in one, it names the own user or nobody.
//!
//! Two people with the same text for company: what one of them may reach, the
//! other may not, unless the topic names nobody. An alias is decoded once, which
//! is held against another decoder.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use mayday_core::identity::ExternalUserId;
use mayday_core::ids::UserId;
use mayday_core::topic::{EventFilter, PublishTopic, TopicForm, TopicIdentity};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use uuid::Uuid;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    own: u128,
    other: u128,
    own_name: &'a str,
    other_name: &'a str,
    shadowed: bool,
    topic: Topic<'a>,
}

/// A topic: any text, or a shape with a segment that may be somebody.
#[derive(Arbitrary, Debug)]
enum Topic<'a> {
    Any(&'a str),
    Shape(Shape, Segment<'a>),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Shape {
    Alerts,
    Events,
    Telemetry,
}

#[derive(Arbitrary, Debug)]
enum Segment<'a> {
    Any(&'a str),
    OwnId,
    OtherId,
    OwnName,
    OtherName,
    /// Encoded once more than it should be.
    Twice,
}

impl Input<'_> {
    fn topic(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (shape, segment) = match &self.topic {
            Topic::Any(text) => return (*text).to_owned(),
            Topic::Shape(shape, segment) => (shape, segment),
        };
        let segment = match segment {
            Segment::Any(text) => (*text).to_owned(),
            Segment::OwnId => Uuid::from_u128(self.own).to_string(),
            Segment::OtherId => Uuid::from_u128(self.other).to_string(),
            Segment::OwnName => encoded(self.own_name),
            Segment::OtherName => encoded(self.other_name),
            Segment::Twice => encoded(&encoded(self.own_name)),
        };
        match shape {
            Shape::Alerts => format!("sos/alerts/{segment}"),
            Shape::Events => format!("sos/events/{segment}"),
            Shape::Telemetry => format!("tel/{segment}/data"),
        }
    }
}

/// The one level of a topic of these shapes that names somebody.
fn named(topic: &str) -> &str {
    topic
        .strip_prefix("sos/alerts/")
        .or_else(|| topic.strip_prefix("sos/events/"))
        .or_else(|| topic.strip_prefix("tel/")?.strip_suffix("/data"))
        .unwrap_or_else(|| panic!("{topic} is own and names nobody"))
}

/// Whether `topic` really names `who` in this form.
fn check(topic: &str, form: TopicForm, who: &TopicIdentity<'_>) {
    match form {
        TopicForm::Flat => assert!(["sos/alerts", "tel/data"].contains(&topic), "{topic}"),
        TopicForm::Uuid => {
            let named = named(topic);
            assert_eq!(named.len(), 36);
            assert_eq!(Uuid::try_parse(named), Ok(who.user.uuid()), "{topic}");
        }
        TopicForm::Alias => {
            assert!(!who.alias_shadowed, "{topic}");
            let decoded = percent_decode_str(named(topic)).decode_utf8().unwrap();
            assert_eq!(decoded, who.external_id.as_str(), "{topic}");
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let (Ok(own_name), Ok(other_name)) = (
        ExternalUserId::parse(input.own_name),
        ExternalUserId::parse(input.other_name),
    ) else {
        return;
    };
    if input.own == input.other {
        return;
    }
    let own = TopicIdentity {
        user: UserId(Uuid::from_u128(input.own)),
        external_id: &own_name,
        alias_shadowed: input.shadowed,
    };
    let other = TopicIdentity {
        user: UserId(Uuid::from_u128(input.other)),
        external_id: &other_name,
        alias_shadowed: false,
    };
    let topic = input.topic();
    // Somebody may be called as another's UUID is printed: then the server has
    // shadowed one of them, which is not this rule's to decide.
    let apart = own_name != other_name
        && !other_name
            .as_str()
            .eq_ignore_ascii_case(&own.user.to_string())
        && !own_name
            .as_str()
            .eq_ignore_ascii_case(&other.user.to_string());

    let published = own.publish(&topic);
    if let Some(PublishTopic::Sos(form) | PublishTopic::Telemetry(form)) = published {
        check(&topic, form, &own);
        if form != TopicForm::Flat && apart {
            assert_eq!(other.publish(&topic), None, "{topic}");
        }
        if let Some(PublishTopic::Sos(form)) = published {
            assert_ne!(form, TopicForm::Alias, "an SOS by a name: {topic}");
        }
    }
    if let EventFilter::Own(form) = own.filter(&topic) {
        assert_ne!(form, TopicForm::Flat);
        assert!(!topic.contains(['+', '#']), "{topic}");
        check(&topic, form, &own);
        if apart {
            assert_eq!(other.filter(&topic), EventFilter::Foreign, "{topic}");
        }
    }

    // The other way round: what is spelled as the contract says is never refused.
    let id = own.user.to_string();
    let name = utf8_percent_encode(own_name.as_str(), NON_ALPHANUMERIC).to_string();
    let alias = (!input.shadowed && own_name.as_str() != id).then_some(TopicForm::Alias);
    let sos = own.publish(&format!("sos/alerts/{id}"));
    assert_eq!(sos, Some(PublishTopic::Sos(TopicForm::Uuid)));
    if let Some(form) = alias {
        let telemetry = own.publish(&format!("tel/{name}/data"));
        assert_eq!(telemetry, Some(PublishTopic::Telemetry(form)));
        let events = own.filter(&format!("sos/events/{name}"));
        assert_eq!(events, EventFilter::Own(form));
    }
});
