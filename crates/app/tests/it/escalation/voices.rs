//! Which voice reads what we say in a call.

use mayday_core::contact::ContactDraft;
use mayday_store::testing::TestStore;
use serde_json::json;

use super::callbacks::press;
use super::driver::{Stage, on_both_stores};

/// The languages with a region that a text is to be read in.
fn voices(markup: &str) -> Vec<&str> {
    let said = markup.split("<Say language=\"").skip(1);
    said.filter_map(|said| said.split_once('"').map(|(language, _)| language))
        .collect()
}

async fn contact(stage: &Stage, phone: &str, language: &str) {
    let draft = ContactDraft {
        name: Some(language.to_owned()),
        phone: Some(phone.to_owned()),
        email: Some("contact@example.org".to_owned()),
        priority: None,
        language: Some(language.to_owned()),
    };
    let app = &stage.node.app;
    app.add_contact(&stage.ana, draft).await.unwrap();
}

on_both_stores!(
    an_answer_to_a_digit_is_read_as_the_call_was,
    async |store: TestStore| {
        let stage = Stage::on(store, &[]).await;
        let languages = [
            ("+34600111001", "ca", "ca-ES"),
            ("+34600111002", "es-MX", "es-ES"),
            ("+34600111003", "pt", "pt-PT"),
            ("+34600111004", "fr", "fr-FR"),
            ("+34600111005", "de", "de-DE"),
            ("+34600111006", "en", "en-GB"),
        ];
        for (phone, language, _) in languages {
            contact(&stage, phone, language).await;
        }
        let policy = json!({"mode": "broadcast", "channels": ["voice"]});
        stage.policy(policy).await;
        stage.cry().await;
        stage.pass(15).await;
        let calls = stage.first.log();
        for (phone, _, voice) in languages {
            let mut calls = calls.iter();
            let call = calls.find(|call| call.get("To") == Some(phone));
            let call = call.expect(phone);
            let mut all = vec![call.get("Twiml").unwrap().to_owned()];
            for digit in ["7", "4"] {
                all.push(press(&stage, &call.sid, phone, digit).await);
            }
            for said in all {
                let read = voices(&said);
                let fits = !read.is_empty() && read.iter().all(|read| *read == voice);
                assert!(fits, "{said}");
            }
        }
        let said = press(&stage, "CA-strange", "+34999999999", "4").await;
        assert_eq!(voices(&said), ["en-GB"], "{said}");
    }
);

on_both_stores!(
    a_call_of_a_drill_is_no_emergency_call,
    async |store: TestStore| {
        let stage = Stage::on(store, &["+34600111222"]).await;
        stage.policy(json!({"channels": ["voice"]})).await;
        stage.node.app.start_drill(&stage.ana).await.unwrap();
        stage.pass(15).await;
        let said = &stage.taken()[0].text;
        assert!(said.contains(">DRILL, not an emergency: "), "{said}");
        assert!(!said.contains("emergency call"), "{said}");
    }
);
