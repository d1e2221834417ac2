use mayday_core::identity::CancelPolicy;
use mayday_store::on_both;
use mayday_store::testing::TestStore;

use super::*;
use crate::doctor::DoctorRequest;
use crate::presence::PresenceLimits;
use crate::testing::{APP_ID, TestApp};

async fn node(store: TestStore) -> TestApp {
    TestApp::on(store, PresenceLimits::default()).await
}

fn create(id: &str, name: Option<&str>) -> AdminRequest {
    AdminRequest::AppCreate {
        app_id: id.into(),
        name: name.map(Into::into),
    }
}

fn list_users(limit: u32, cursor: Option<String>) -> AdminRequest {
    AdminRequest::UserList {
        app_id: APP_ID.into(),
        page: PageRequest {
            limit: Some(limit),
            cursor,
        },
    }
}

async fn message(node: &TestApp, request: AdminRequest) -> String {
    node.app.admin(request).await.unwrap_err().to_string()
}

on_both!(
    the_doctor_tells_an_unknown_app_from_one_without_log_ins,
    |store| async move {
        let node = node(store).await;
        for (app_id, said) in [("nosuch", "no app"), (APP_ID, "mayday sso set")] {
            let request = DoctorRequest::TokenInfo {
                app_id: app_id.into(),
                tokens: Vec::new(),
                expired: None,
            };
            let told = message(&node, AdminRequest::Doctor(request)).await;
            assert!(told.contains(said), "{told}");
        }
    }
);

on_both!(
    an_app_is_created_with_a_secret_that_is_shown_once,
    |store| async move {
        let node = node(store).await;
        let AdminReply::AppCreated(made) = node.admin(create("acme", Some("Acme"))).await else {
            panic!("an app is created");
        };
        assert_eq!(
            (made.app.app_id.as_str(), made.app.name.as_str()),
            ("acme", "Acme")
        );
        assert!(made.app.active);
        assert_eq!(made.app.live_secrets, 1);
        assert!(made.secret.0.starts_with("as_"));
        assert!(
            !format!("{made:?}").contains(&made.secret.0),
            "Debug shows the secret"
        );

        let AdminReply::Secrets { secrets } = node
            .admin(AdminRequest::SecretList {
                app_id: "acme".into(),
            })
            .await
        else {
            panic!("the secrets are listed");
        };
        assert_eq!(secrets.len(), 1);
        assert_eq!(
            (secrets[0].secret_id, secrets[0].retired_at),
            (made.secret_id, None)
        );

        let AdminReply::Apps { apps } = node.admin(AdminRequest::AppList).await else {
            panic!("the apps are listed");
        };
        let ids: Vec<_> = apps.iter().map(|app| app.app_id.as_str()).collect();
        assert_eq!(ids, ["acme", APP_ID]);
        assert_eq!(
            apps[1].name, APP_ID,
            "an app without a name is called by its id"
        );
    }
);

on_both!(what_is_wrong_is_told_with_what_to_do, |store| async move {
    let node = node(store).await;
    let cases = [
        (create("Acme", None), "an app id is 1 to 63"),
        (create("acme", Some("a\nb")), "the app's name holds control"),
        (create(APP_ID, None), "exists already"),
        (
            AdminRequest::AppSetActive {
                app_id: "acme".into(),
                active: false,
            },
            "there is no app acme: `mayday app list`",
        ),
        (
            AdminRequest::SecretAdd {
                app_id: "acme".into(),
            },
            "there is no app acme",
        ),
        (
            AdminRequest::SecretList {
                app_id: "acme".into(),
            },
            "there is no app acme",
        ),
        (
            AdminRequest::SecretRetire {
                app_id: "acme".into(),
                secret_id: APP_NIL.into(),
            },
            "there is no app acme",
        ),
        (
            AdminRequest::SecretRetire {
                app_id: APP_ID.into(),
                secret_id: APP_NIL.into(),
            },
            "has no secret",
        ),
        (
            AdminRequest::SecretRetire {
                app_id: APP_ID.into(),
                secret_id: "x".into(),
            },
            "has no secret x",
        ),
        (
            AdminRequest::UserShow {
                app_id: APP_ID.into(),
                external_id: "ana".into(),
            },
            "has no user ana",
        ),
        (
            AdminRequest::UserSetBlocked {
                app_id: APP_ID.into(),
                external_id: " ana".into(),
                blocked: true,
            },
            "no outer space",
        ),
        (list_users(0, None), "from 1 to 1000"),
        (
            AdminRequest::Alerts(AlertsRequest {
                app_id: APP_ID.into(),
                only_open: true,
                page: PageRequest {
                    limit: None,
                    cursor: Some("x".into()),
                },
            }),
            "cursor",
        ),
    ];
    for (request, expected) in cases {
        let told = message(&node, request.clone()).await;
        assert!(told.contains(expected), "{request:?}: {told}");
    }
});

const APP_NIL: &str = "00000000-0000-0000-0000-000000000000";

on_both!(no_third_secret, |store| async move {
    let node = node(store).await;
    let add = AdminRequest::SecretAdd {
        app_id: APP_ID.into(),
    };
    node.admin(add.clone()).await;
    let told = message(&node, add).await;
    assert!(told.contains("retire one first"), "{told}");
});

on_both!(policies_are_set_one_by_one, |store| async move {
    let node = node(store).await;
    let set = |require_expiring, cancel| AdminRequest::AppSetPolicy {
        app_id: APP_ID.into(),
        require_expiring,
        cancel,
        cancel_signature: None,
    };
    node.admin(set(None, Some(CancelPolicy::AnyUser))).await;
    let AdminReply::App(app) = node.admin(set(Some(true), None)).await else {
        panic!("the app is answered");
    };
    assert!(app.policy.require_expiring);
    assert_eq!(app.policy.cancel, CancelPolicy::AnyUser);
});

on_both!(users_are_listed_in_pages_and_shown, |store| async move {
    let node = node(store).await;
    let names = ["a", "a:b", "b", "用户-7"];
    for name in names {
        node.caller(name).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let AdminReply::Users(page) = node.admin(list_users(3, cursor)).await else {
            panic!("the users are listed");
        };
        seen.extend(page.items.into_iter().map(|user| user.external_user_id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, names);
    let show = AdminRequest::UserShow {
        app_id: APP_ID.into(),
        external_id: "a:b".into(),
    };
    let AdminReply::User(user) = node.admin(show).await else {
        panic!("the user is shown");
    };
    assert_eq!(
        (user.external_user_id.as_str(), user.blocked_at),
        ("a:b", None)
    );
});

on_both!(records_of_a_fresh_app_are_empty_pages, |store| async move {
    let node = node(store).await;
    let page = PageRequest::default();
    let app_id = APP_ID.to_owned();
    let letters = AdminRequest::DeadLetters {
        app_id: app_id.clone(),
        page: page.clone(),
    };
    assert!(
        matches!(node.admin(letters).await, AdminReply::DeadLetters(page) if page.items.is_empty())
    );
    let strays = AdminRequest::Unattributed {
        app_id: app_id.clone(),
        page: page.clone(),
    };
    assert!(
        matches!(node.admin(strays).await, AdminReply::Unattributed(page) if page.items.is_empty())
    );
    let alerts = AdminRequest::Alerts(AlertsRequest {
        app_id,
        only_open: false,
        page,
    });
    assert!(matches!(node.admin(alerts).await, AdminReply::Alerts(page) if page.items.is_empty()));
});

#[test]
fn requests_and_replies_survive_the_socket() {
    let request = list_users(5, Some("a:b".into()));
    let json = serde_json::to_string(&request).unwrap();
    assert_eq!(
        serde_json::from_str::<AdminRequest>(&json).unwrap(),
        request
    );
    let reply = AdminReply::Users(Page {
        items: Vec::new(),
        next_cursor: Some("x".into()),
    });
    let json = serde_json::to_string(&reply).unwrap();
    assert_eq!(serde_json::from_str::<AdminReply>(&json).unwrap(), reply);
    let error = AdminError::NotFound {
        message: "x".into(),
    };
    let json = serde_json::to_string(&error).unwrap();
    assert_eq!(serde_json::from_str::<AdminError>(&json).unwrap(), error);
}
