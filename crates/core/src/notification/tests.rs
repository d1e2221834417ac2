use serde_json::json;

use super::*;

#[test]
fn every_sample_fits_its_schema_and_no_other() {
    for kind in NotificationType::ALL {
        let body = sample(kind);
        check(kind, &body).unwrap();
        for other in NotificationType::ALL.into_iter().filter(|o| *o != kind) {
            assert!(check(other, &body).is_err(), "{kind:?} {other:?}");
        }
        let mut lacking = body.clone();
        lacking["data"].as_object_mut().unwrap().remove("id");
        assert!(check(kind, &lacking).is_err());
    }
}

#[test]
fn types_are_read_as_they_are_written() {
    for kind in NotificationType::ALL {
        assert_eq!(NotificationType::parse(kind.as_str()), Some(kind));
    }
    assert_eq!(NotificationType::parse("sos.*"), None);
}

#[test]
fn a_filter_takes_types_and_families() {
    let filter = EventFilter::parse(["sos.*", "device.paired", "sos.opened"]).unwrap();
    assert!(filter.wants(NotificationType::SosUnanswered));
    assert!(filter.wants(NotificationType::DevicePaired));
    assert!(!filter.wants(NotificationType::DeviceRemoved));
    assert!(filter.wants(NotificationType::Test));
    assert_eq!(EventFilter::from_stored(&filter.to_stored()), filter);
    assert_eq!(filter.types().count(), 10);
    assert!(
        EventFilter::parse([])
            .unwrap()
            .wants(NotificationType::SessionEnded)
    );
    for wrong in ["sos", "sos*", "*", "sos.exploded", ""] {
        let refused = EventFilter::parse([wrong]).unwrap_err();
        assert_eq!(refused, UnknownEvent(wrong.to_owned()));
    }
}

#[test]
fn a_filter_of_a_newer_version_never_widens() {
    let filter = EventFilter::from_stored("sos.teleported");
    assert!(!filter.wants(NotificationType::SosOpened));
    assert_eq!(EventFilter::from_stored(""), EventFilter::ALL);
}

#[test]
fn words_name_the_user_in_the_language_and_mark_drills() {
    let envelope = Envelope {
        id: Uuid::nil(),
        kind: NotificationType::SosOpened,
        app_id: "shop",
        user: "u-7",
        name: Some("Ana\nLópez"),
        occurred_at: Timestamp::from_secs(0),
        drill: true,
        language: "ca-ES",
    };
    let body = compose(&envelope, serde_json::Map::new());
    assert_eq!(body["title"], "SIMULACRE: SOS: Ana López");
    assert_eq!(body["body"], "Ana López ha demanat ajuda.");
    assert_eq!(body["user"], "u-7");
    assert_eq!(
        body["data"],
        json!({
            "type": "sos.opened",
            "id": "msg_00000000000000000000000000000000",
            "occurredAt": "1970-01-01T00:00:00.000Z",
            "appId": "shop",
        })
    );
    let nameless = Envelope {
        name: None,
        language: "pt",
        drill: false,
        ..envelope
    };
    let body = compose(&nameless, serde_json::Map::new());
    assert_eq!(body["title"], "SOS: u-7");
    assert_eq!(body["body"], "u-7 pediu ajuda.");
}

#[test]
fn every_type_has_words_in_every_language() {
    for kind in NotificationType::ALL {
        let told = ["en", "es", "ca", "pt-PT", "fr", "de"].map(|language| {
            let envelope = Envelope {
                id: Uuid::nil(),
                kind,
                app_id: "shop",
                user: "u-7",
                name: Some("Ana"),
                occurred_at: Timestamp::from_secs(0),
                drill: false,
                language,
            };
            let body = compose(&envelope, serde_json::Map::new());
            body["body"].as_str().unwrap().to_owned()
        });
        let mut different = told.to_vec();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), told.len(), "{told:?}");
    }
}
