use mayday_core::contact::{ContactDraft, MAX_CONTACTS};
use mayday_core::ids::ContactId;
use mayday_store::on_both;
use uuid::Uuid;

use crate::AppError;
use crate::presence::PresenceLimits;
use crate::testing::TestApp;

fn draft(name: &str) -> ContactDraft {
    ContactDraft {
        name: Some(name.into()),
        phone: Some("+34600111222".into()),
        email: Some("x@y.z".into()),
        priority: None,
        language: None,
    }
}

on_both!(contacts_are_kept_in_order, |store| async move {
    let node = TestApp::on(store, PresenceLimits::default()).await;
    let ana = node.caller("ana").await;
    let a = node.app.add_contact(&ana, draft("a")).await.unwrap();
    let b = node.app.add_contact(&ana, draft("b")).await.unwrap();
    assert_eq!((a.priority, b.priority, a.language.as_str()), (1, 2, "en"));
    node.app
        .reorder_contacts(&ana, vec![b.id, a.id])
        .await
        .unwrap();
    let first = ContactDraft {
        priority: Some(1),
        ..draft("A")
    };
    let replaced = node.app.replace_contact(&ana, a.id, first).await.unwrap();
    assert_eq!((replaced.name.as_str(), replaced.priority), ("A", 1));
    node.app.remove_contact(&ana, b.id).await.unwrap();
    assert_eq!(node.app.contacts(&ana).await.unwrap(), [replaced]);
});

on_both!(what_is_wrong_is_named, |store| async move {
    let node = TestApp::on(store, PresenceLimits::default()).await;
    let ana = node.caller("ana").await;
    let refused = node.app.add_contact(&ana, ContactDraft::default()).await;
    let Err(AppError::Validation {
        message, fields, ..
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!((message.as_str(), fields.len()), ("name is required", 3));
    let nobody = ContactId(Uuid::nil());
    for refused in [
        node.app.remove_contact(&ana, nobody).await,
        node.app
            .replace_contact(&ana, nobody, draft("x"))
            .await
            .map(|_| ()),
    ] {
        assert!(
            matches!(refused, Err(AppError::NotFound { what: "contact" })),
            "{refused:?}"
        );
    }
    let reorder = node.app.reorder_contacts(&ana, vec![nobody]).await;
    assert!(
        matches!(reorder, Err(AppError::NotFound { .. })),
        "{reorder:?}"
    );
    for n in 0..MAX_CONTACTS {
        node.app
            .add_contact(&ana, draft(&format!("c{n}")))
            .await
            .unwrap();
    }
    let full = node.app.add_contact(&ana, draft("one more")).await;
    assert!(matches!(full, Err(AppError::Validation { .. })), "{full:?}");
});

on_both!(nobody_reaches_another_user_s_contacts, |store| async move {
    let node = TestApp::on(store, PresenceLimits::default()).await;
    let (ana, ben) = (node.caller("ana").await, node.caller("ben").await);
    let his = node.app.add_contact(&ben, draft("his")).await.unwrap();
    assert!(node.app.remove_contact(&ana, his.id).await.is_err());
    assert!(
        node.app
            .replace_contact(&ana, his.id, draft("hers"))
            .await
            .is_err()
    );
    assert_eq!(node.app.contacts(&ana).await.unwrap(), []);
    assert_eq!(node.app.contacts(&ben).await.unwrap(), [his]);
});
