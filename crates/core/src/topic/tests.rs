use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(
        0x0199_0000_0000_7000_8000_0000_0000_0000 + n,
    ))
}

fn ext(text: &str) -> ExternalUserId {
    ExternalUserId::parse(text).unwrap()
}

fn identity(user: UserId, external_id: &ExternalUserId) -> TopicIdentity<'_> {
    TopicIdentity {
        user,
        external_id,
        alias_shadowed: false,
    }
}

#[test]
fn knows_every_row_of_the_table() {
    let name = ext("ana");
    let own = user(1);
    let who = identity(own, &name);
    let sos = |form| Some(PublishTopic::Sos(form));
    let tel = |form| Some(PublishTopic::Telemetry(form));
    assert_eq!(who.publish("sos/alerts"), sos(TopicForm::Flat));
    assert_eq!(
        who.publish(&format!("sos/alerts/{own}")),
        sos(TopicForm::Uuid)
    );
    assert_eq!(who.publish("tel/data"), tel(TopicForm::Flat));
    assert_eq!(
        who.publish(&format!("tel/{own}/data")),
        tel(TopicForm::Uuid)
    );
    assert_eq!(who.publish("tel/ana/data"), tel(TopicForm::Alias));
    assert_eq!(who.publish("tel/%61na/data"), tel(TopicForm::Alias));
    assert_eq!(
        who.filter(&format!("sos/events/{own}")),
        EventFilter::Own(TopicForm::Uuid)
    );
    assert_eq!(
        who.filter("sos/events/ana"),
        EventFilter::Own(TopicForm::Alias)
    );
}

#[test]
fn takes_a_uuid_in_capitals() {
    let name = ext("ana");
    let own = user(0xabc);
    let topic = format!("sos/alerts/{}", own.to_string().to_uppercase());
    assert_eq!(
        identity(own, &name).publish(&topic),
        Some(PublishTopic::Sos(TopicForm::Uuid))
    );
}

#[test]
fn everything_else_is_foreign() {
    let name = ext("ana");
    let own = user(1);
    let who = identity(own, &name);
    let other = user(2);
    for topic in [
        String::new(),
        "/".into(),
        "sos".into(),
        "sos/alerts/".into(),
        "/sos/alerts".into(),
        "sos/alerts/ana".into(),
        format!("sos/alerts/{other}"),
        format!("sos/alerts/{own}/"),
        format!("sos/alerts/{own}/x"),
        format!("sos/alerts/{{{own}}}"),
        format!("sos/alerts/{}", own.uuid().simple()),
        format!("SOS/alerts/{own}"),
        format!("sos/events/{own}"),
        "tel/ben/data".into(),
        "tel//data".into(),
        "tel/ana/data/".into(),
        "tel/ana/data/x".into(),
        "tel/ana".into(),
        "tel/ANA/data".into(),
        format!("tel/{other}/data"),
        "sos/alerts/+".into(),
        "sos/#".into(),
        "#".into(),
        "$SYS/broker".into(),
    ] {
        assert_eq!(who.publish(&topic), None, "{topic}");
    }
    for filter in [
        "sos/events".to_owned(),
        "sos/events/".into(),
        "sos/events/ben".into(),
        format!("sos/events/{other}"),
        format!("sos/events/{own}/x"),
        format!("sos/alerts/{own}"),
        "tel/ana/data".into(),
        "$SYS/broker".into(),
    ] {
        assert_eq!(who.filter(&filter), EventFilter::Foreign, "{filter}");
    }
}

#[test]
fn tells_wildcards_and_shared_filters_apart() {
    let name = ext("ana");
    let who = identity(user(1), &name);
    for filter in ["#", "+", "sos/events/+", "sos/#", "sos/ev#nts", "+/+/ana"] {
        assert_eq!(who.filter(filter), EventFilter::Wildcard, "{filter}");
    }
    for filter in ["$share/g/sos/events/ana", "$share/g/#", "$share"] {
        assert_eq!(who.filter(filter), EventFilter::Shared, "{filter}");
    }
    assert_eq!(who.filter("$shared/ana"), EventFilter::Foreign);
}

#[test]
fn decodes_once_and_refuses_what_is_not_utf8() {
    let who_is = |external: &str, segment: &str| {
        let name = ext(external);
        identity(user(1), &name).publish(&format!("tel/{segment}/data"))
    };
    let alias = Some(PublishTopic::Telemetry(TopicForm::Alias));
    assert_eq!(who_is("a/b c+#%", "a%2Fb%20c%2B%23%25"), alias);
    assert_eq!(who_is("a/b c+#%", "a%2fb%20c%2b%23%25"), alias);
    assert_eq!(who_is("%41", "%2541"), alias);
    // A second decoding would make these the same person.
    assert_eq!(who_is("A", "%2541"), None);
    assert_eq!(who_is("%41", "%41"), None);
    assert_eq!(who_is("ana", "ana%00"), None);
    // Overlong '/', a surrogate, a lone continuation byte, broken escapes.
    for segment in [
        "%C0%AF",
        "%ED%A0%80",
        "%80",
        "%",
        "%2",
        "ana%",
        "%G0",
        "%+1",
    ] {
        for external in ["/", "ana", "%", "%2", "%G0"] {
            assert_eq!(who_is(external, segment), None, "{external} {segment}");
        }
    }
    assert_eq!(who_is("data", "data"), alias);
}

#[test]
fn an_external_id_that_is_anothers_uuid_has_the_uuid_form_only() {
    let (own, other) = (user(1), user(2));
    let name = ext(&other.to_string());
    let shadowed = TopicIdentity {
        user: own,
        external_id: &name,
        alias_shadowed: true,
    };
    assert_eq!(shadowed.publish(&format!("tel/{other}/data")), None);
    assert_eq!(
        shadowed.filter(&format!("sos/events/{other}")),
        EventFilter::Foreign
    );
    assert_eq!(
        shadowed.filter(&format!("sos/events/{own}")),
        EventFilter::Own(TopicForm::Uuid)
    );
    // A partner that names its users by UUIDs of its own keeps the alias form.
    let partners = identity(own, &name);
    assert_eq!(
        partners.filter(&format!("sos/events/{other}")),
        EventFilter::Own(TopicForm::Alias)
    );
}

#[test]
fn the_longest_external_id_fits() {
    let name = ext(&"ü".repeat(127));
    let encoded = utf8_percent_encode(name.as_str(), NON_ALPHANUMERIC).to_string();
    let who = identity(user(1), &name);
    assert_eq!(
        who.filter(&format!("sos/events/{encoded}")),
        EventFilter::Own(TopicForm::Alias)
    );
}

proptest! {
    /// Whoever the other is, none of his topics is mine.
    #[test]
    fn no_two_identities_share_a_named_topic(a in "[^\u{0}-\u{1f}\u{7f}-\u{9f}]{1,20}", b in "[^\u{0}-\u{1f}\u{7f}-\u{9f}]{1,20}") {
        let (Ok(first), Ok(second)) = (ExternalUserId::parse(&a), ExternalUserId::parse(&b)) else {
            return Ok(());
        };
        let first_encoded = utf8_percent_encode(first.as_str(), NON_ALPHANUMERIC).to_string();
        let mine = identity(user(1), &first);
        let theirs = identity(user(2), &second);
        let topic = format!("tel/{first_encoded}/data");
        prop_assert_eq!(mine.publish(&topic), Some(PublishTopic::Telemetry(TopicForm::Alias)));
        prop_assert_eq!(theirs.publish(&topic).is_some(), first == second);
        let filter = format!("sos/events/{first_encoded}");
        prop_assert_eq!(mine.filter(&filter), EventFilter::Own(TopicForm::Alias));
        prop_assert_eq!(theirs.filter(&filter) == EventFilter::Own(TopicForm::Alias), first == second);
    }

    /// No text makes the parser panic, and an own topic always has one of the
    /// published shapes.
    #[test]
    fn only_the_published_shapes_are_own(topic in "\\PC{0,80}") {
        let name = ext("ana");
        let own = user(1);
        let who = identity(own, &name);
        let _ = who.filter(&topic);
        if who.publish(&topic).is_some() {
            prop_assert!(topic.starts_with("sos/alerts") || (topic.starts_with("tel/") && topic.ends_with("data")));
        }
    }

    /// A shape near the published ones is own only when it is exactly one.
    #[test]
    fn near_misses_are_foreign(head in "(sos|tel|SOS|)", middle in "(alerts|events|data|ana|ben|)", tail in "(/data|/alerts|/ana|/|)") {
        let name = ext("ana");
        let who = identity(user(1), &name);
        let topic = format!("{head}/{middle}{tail}");
        let own = ["sos/alerts", "tel/data", "tel/ana/data"].contains(&topic.as_str());
        prop_assert_eq!(who.publish(&topic).is_some(), own, "{}", topic);
    }
}
