use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::Clock as _;
use mayday_core::contact::ContactDraft;
use mayday_core::identity::signing::STALE_GRACE;
use mayday_core::identity::{AppSecret, Caller, CancelPolicy, Credential, Proof, Standing};
use mayday_core::ids::UserId;
use mayday_core::profile::ProfilePatch;
use mayday_store::testing::TestStore;
use mayday_store::testing::still::Still;
use mayday_store::users::{SEEN_EVERY, SetBlocked};
use mayday_store::{Command, Lane, Sql, StoreError, Tx, args, on_both};

use crate::AppError;
use crate::admin::{AdminReply, AdminRequest};
use crate::presence::{CutReason, Membership, PresenceLimits};
use crate::testing::{APP_ID, TestApp};

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A cut must be over within a second (contract: Identity, life cycle).
const WITHIN: Duration = Duration::from_millis(900);
/// How long a machine with much else to do may take for anything.
const LIMIT: Duration = Duration::from_mins(1);

async fn node(store: TestStore) -> TestApp {
    TestApp::on(store, PresenceLimits::default()).await
}

async fn enter(node: &TestApp, app_id: &str, user: &str, hash: &str) -> Result<Caller, AppError> {
    let proof = Proof {
        app_id,
        external_id: user,
        hash,
    };
    node.app.authenticate(proof, HOME).await
}

async fn try_static(node: &TestApp, user: &str) -> Result<Caller, AppError> {
    enter(node, APP_ID, user, &node.hash(user)).await
}

async fn block(node: &TestApp, user: &str, blocked: bool) {
    node.admin(AdminRequest::UserSetBlocked {
        app_id: APP_ID.into(),
        external_id: user.into(),
        blocked,
    })
    .await;
}

async fn activate(node: &TestApp, active: bool) {
    node.admin(AdminRequest::AppSetActive {
        app_id: APP_ID.into(),
        active,
    })
    .await;
}

async fn require_expiring(node: &TestApp, required: bool) {
    node.admin(AdminRequest::AppSetPolicy {
        app_id: APP_ID.into(),
        require_expiring: Some(required),
        cancel: None,
        cancel_signature: None,
    })
    .await;
}

async fn retire(node: &TestApp, caller: &Caller) {
    let Credential::Secret(secret) = caller.credential else {
        panic!("a signed proof");
    };
    node.admin(AdminRequest::SecretRetire {
        app_id: APP_ID.into(),
        secret_id: secret.to_string(),
    })
    .await;
}

async fn add_secret(node: &TestApp) -> AppSecret {
    let add = AdminRequest::SecretAdd {
        app_id: APP_ID.into(),
    };
    match node.admin(add).await {
        AdminReply::SecretAdded(added) => AppSecret::parse(&added.secret.0).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn connect(node: &TestApp, caller: &Caller) -> Membership {
    node.app
        .presence()
        .arrive(HOME)
        .admit(Arc::new(caller.clone()), "phone")
}

async fn cut(membership: &Membership) -> Option<CutReason> {
    tokio::time::timeout(LIMIT, membership.cut()).await.ok()
}

on_both!(
    a_genuine_proof_is_let_in_and_makes_its_user_once,
    |store| async move {
        let node = node(store).await;
        let ana = try_static(&node, "ana").await.unwrap();
        assert_eq!((ana.standing, ana.expires_at), (Standing::Full, None));
        assert_eq!(
            (ana.external_id.as_str(), ana.app_id.as_str()),
            ("ana", APP_ID)
        );
        assert_eq!(ana.peer, HOME);
        let again = try_static(&node, "ana").await.unwrap();
        assert_eq!(again.user, ana.user);
        let upper = enter(&node, APP_ID, "ana", &node.hash("ana").to_uppercase()).await;
        assert_eq!(upper.unwrap().user, ana.user);
        assert_ne!(try_static(&node, "ben").await.unwrap().user, ana.user);
        // A node that knows nobody yet finds the same user.
        let fresh = node.store.user_of(&ana).await;
        assert_eq!(fresh, Some(ana.user));
    }
);

on_both!(
    an_unknown_app_a_bad_hash_and_odd_names_are_refused_alike,
    |store| async move {
        let node = node(store).await;
        let hash = node.hash("ana");
        for (app, user, hash) in [
            ("nobody", "ana", hash.as_str()),
            (APP_ID, "ben", &hash),
            (APP_ID, "ana", ""),
            (APP_ID, "ana", "Bearer"),
            (APP_ID, " ana", &hash),
            (APP_ID, "x1.1.ana", &hash),
            ("", "", ""),
            ("UPPER", "ana", &hash),
        ] {
            let refused = enter(&node, app, user, hash).await;
            assert!(
                matches!(refused, Err(AppError::Unauthorized)),
                "{app} {user}: {refused:?}"
            );
        }
        assert_eq!(node.store.users_of(APP_ID).await, Vec::<String>::new());
    }
);

on_both!(
    a_flood_of_failures_never_hurts_a_genuine_proof,
    |store| async move {
        let node = node(store).await;
        let now = node.store.clock.now();
        let stale = node.expiring_hash("ana", now.minus(Duration::from_mins(1)));
        let mut limited = 0;
        for n in 0..100 {
            match enter(&node, APP_ID, "ana", "bad").await {
                Err(AppError::Unauthorized) => assert!(n < 30, "failure {n} is limited"),
                Err(AppError::RateLimited { retry_after }) => {
                    assert!(n >= 30, "failure {n} is not limited yet");
                    assert!(retry_after <= Duration::from_mins(1) && !retry_after.is_zero());
                    limited += 1;
                }
                other => panic!("{other:?}"),
            }
            assert!(try_static(&node, "ana").await.is_ok(), "after {n} failures");
            assert!(enter(&node, APP_ID, "ana", &stale).await.is_ok());
        }
        assert_eq!(limited, 70);
        node.store.clock.advance(Duration::from_mins(1));
        let later = enter(&node, APP_ID, "ana", "bad").await;
        assert!(matches!(later, Err(AppError::Unauthorized)), "{later:?}");
    }
);

on_both!(
    a_deactivated_app_says_so_to_a_genuine_proof_alone,
    |store| async move {
        let node = node(store).await;
        try_static(&node, "ana").await.unwrap();
        activate(&node, false).await;
        let genuine = try_static(&node, "ana").await;
        assert!(matches!(genuine, Err(AppError::AppInactive)), "{genuine:?}");
        let bad = enter(&node, APP_ID, "ana", "bad").await;
        assert!(matches!(bad, Err(AppError::Unauthorized)), "{bad:?}");
        activate(&node, true).await;
        try_static(&node, "ana").await.unwrap();
    }
);

on_both!(
    a_blocked_user_is_refused_everywhere_stale_or_not,
    |store| async move {
        let node = node(store).await;
        let now = node.store.clock.now();
        let stale = node.expiring_hash("ana", now.minus(Duration::from_mins(1)));
        let ana = try_static(&node, "ana").await.unwrap();
        block(&node, "ana", true).await;
        for hash in [node.hash("ana"), stale] {
            let refused = enter(&node, APP_ID, "ana", &hash).await;
            assert!(matches!(refused, Err(AppError::UserBlocked)), "{refused:?}");
        }
        let recheck = node.app.recheck(&ana).await;
        assert!(matches!(recheck, Err(AppError::UserBlocked)), "{recheck:?}");
        try_static(&node, "ben").await.unwrap();
        block(&node, "ana", false).await;
        assert_eq!(try_static(&node, "ana").await.unwrap().user, ana.user);
        node.app.recheck(&ana).await.unwrap();
    }
);

on_both!(
    a_retired_secret_signs_nothing_any_more,
    |store| async move {
        let node = node(store).await;
        let now = node.store.clock.now();
        let hashes = [
            node.hash("ana"),
            node.expiring_hash("ana", now.plus(Duration::from_mins(1))),
            node.expiring_hash("ana", now.minus(Duration::from_mins(1))),
        ];
        let ana = enter(&node, APP_ID, "ana", &hashes[0]).await.unwrap();
        let second = add_secret(&node).await;
        for hash in &hashes {
            enter(&node, APP_ID, "ana", hash).await.unwrap();
        }
        retire(&node, &ana).await;
        for hash in &hashes {
            let refused = enter(&node, APP_ID, "ana", hash).await;
            assert!(
                matches!(refused, Err(AppError::Unauthorized)),
                "{refused:?}"
            );
        }
        assert!(node.app.recheck(&ana).await.is_err());
        let hash = mayday_core::identity::signing::sign_static(&second, &ana.external_id);
        assert_eq!(
            enter(&node, APP_ID, "ana", &hash).await.unwrap().user,
            ana.user
        );
    }
);

on_both!(
    a_stale_proof_is_let_in_as_stale_for_thirty_days,
    |store| async move {
        let node = node(store).await;
        let expiry = node.store.clock.now().plus(Duration::from_mins(1));
        let hash = node.expiring_hash("ana", expiry);
        let full = enter(&node, APP_ID, "ana", &hash).await.unwrap();
        assert_eq!(
            (full.standing, full.expires_at),
            (Standing::Full, Some(expiry))
        );
        node.store.clock.set(expiry);
        let stale = enter(&node, APP_ID, "ana", &hash).await.unwrap();
        assert_eq!((stale.standing, stale.user), (Standing::Stale, full.user));
        assert_eq!(full.at(expiry).unwrap().standing, Standing::Stale);
        node.app.recheck(&full).await.unwrap();
        for refused in [
            node.app.me(&stale).await.map(|_| ()),
            node.app
                .update_me(&stale, ProfilePatch::default())
                .await
                .map(|_| ()),
            node.app.contacts(&stale).await.map(|_| ()),
            node.app
                .add_contact(&stale, ContactDraft::default())
                .await
                .map(|_| ()),
            node.app.reorder_contacts(&stale, Vec::new()).await,
        ] {
            assert!(
                matches!(refused, Err(AppError::Unauthorized)),
                "{refused:?}"
            );
        }
        node.store
            .clock
            .set(expiry.plus(STALE_GRACE + Duration::from_secs(1)));
        let gone = enter(&node, APP_ID, "ana", &hash).await;
        assert!(matches!(gone, Err(AppError::Unauthorized)), "{gone:?}");
        assert!(node.app.recheck(&full).await.is_err());
    }
);

on_both!(a_policy_can_require_expiring_hashes, |store| async move {
    let node = node(store).await;
    let hash = node.expiring_hash("ana", node.store.clock.now().plus(Duration::from_mins(1)));
    let ana = try_static(&node, "ana").await.unwrap();
    require_expiring(&node, true).await;
    assert!(node.app.policy(ana.app).require_expiring);
    assert_eq!(node.app.policy(ana.app).cancel, CancelPolicy::RelayOnly);
    let refused = try_static(&node, "ana").await;
    assert!(
        matches!(refused, Err(AppError::Unauthorized)),
        "{refused:?}"
    );
    assert!(node.app.recheck(&ana).await.is_err());
    enter(&node, APP_ID, "ana", &hash).await.unwrap();
    require_expiring(&node, false).await;
    try_static(&node, "ana").await.unwrap();
});

on_both!(
    losing_the_right_cuts_live_connections_and_no_others,
    |store| async move {
        let node = node(store).await;
        let ana = try_static(&node, "ana").await.unwrap();
        let second = add_secret(&node).await;
        let id = mayday_core::identity::ExternalUserId::parse("ben").unwrap();
        let hash = mayday_core::identity::signing::sign_static(&second, &id);
        let ben = enter(&node, APP_ID, "ben", &hash).await.unwrap();
        let expiry = node.store.clock.now().plus(Duration::from_mins(1));
        let hash = node.expiring_hash("cat", expiry);
        let cat = enter(&node, APP_ID, "cat", &hash).await.unwrap();

        let (one, two, three) = (
            connect(&node, &ana),
            connect(&node, &ben),
            connect(&node, &cat),
        );
        block(&node, "ana", true).await;
        assert_eq!(cut(&one).await, Some(CutReason::UserBlocked));
        require_expiring(&node, true).await;
        assert_eq!(cut(&two).await, Some(CutReason::PolicyChanged));
        require_expiring(&node, false).await;
        let two = connect(&node, &ben);
        retire(&node, &cat).await;
        assert_eq!(cut(&three).await, Some(CutReason::SecretRetired));
        assert_eq!(
            node.app.presence().counts().members,
            1,
            "ben signed with the other secret"
        );
        activate(&node, false).await;
        assert_eq!(cut(&two).await, Some(CutReason::AppInactive));
    }
);

on_both!(
    what_another_command_changed_cuts_by_its_hint,
    |store| async move {
        let node = node(store).await;
        let ana = try_static(&node, "ana").await.unwrap();
        let line = connect(&node, &ana);
        let set = SetBlocked {
            app_id: ana.app_id.clone(),
            external_id: ana.external_id.clone(),
            blocked: true,
        };
        // No look that comes later is waited for.
        let _still = Still::now();
        node.store.write(Lane::Rest, set).await.unwrap();
        assert_eq!(cut(&line).await, Some(CutReason::UserBlocked));
    }
);

/// Deactivates all apps as another process would: no hint reaches this one.
struct FromElsewhere;

static DEACTIVATE: Sql = Sql::new("UPDATE apps SET deactivated_at = 1");
static RAISE: Sql = Sql::new("UPDATE control SET version = version + 1");

impl Command for FromElsewhere {
    type Output = ();
    const NAME: &'static str = "test.from_elsewhere";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.execute(&DEACTIVATE, args![]).await?;
        tx.execute_one(&RAISE, args![]).await
    }
}

on_both!(
    what_another_process_changed_cuts_within_a_second,
    |store| async move {
        let node = node(store).await;
        let ana = try_static(&node, "ana").await.unwrap();
        let line = connect(&node, &ana);
        let still = Still::now();
        node.store.write(Lane::Rest, FromElsewhere).await.unwrap();
        // So much passes, whatever the machine takes for it.
        tokio::time::advance(WITHIN).await;
        assert_eq!(cut(&line).await, Some(CutReason::AppInactive));
        drop(still);
        let refused = try_static(&node, "ana").await;
        assert!(matches!(refused, Err(AppError::AppInactive)), "{refused:?}");
    }
);

/// Makes the directory unreadable, as on a node whose master key is another, and has
/// two users erased: of one the row is still there, of the other nothing is left.
struct ErasedUnseen([UserId; 2]);

static OTHER_KEY: Sql = Sql::new("UPDATE app_secrets SET key_id = 'another'");
static ERASED: Sql =
    Sql::new("UPDATE users SET erased_at = 1, external_id = 'erased' WHERE id = $1");
static GONE: Sql = Sql::new("DELETE FROM users WHERE id = $1");

impl Command for ErasedUnseen {
    type Output = ();
    const NAME: &'static str = "test.erased_unseen";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.execute(&OTHER_KEY, args![]).await?;
        tx.execute_one(&ERASED, args![self.0[0]]).await?;
        tx.execute_one(&GONE, args![self.0[1]]).await?;
        tx.execute_one(&RAISE, args![]).await
    }
}

on_both!(
    who_was_erased_is_cut_on_a_node_that_cannot_read_the_directory,
    |store| async move {
        let node = node(store).await;
        let (ana, ben, cy) = (
            try_static(&node, "ana").await.unwrap(),
            try_static(&node, "ben").await.unwrap(),
            try_static(&node, "cy").await.unwrap(),
        );
        let lines = [connect(&node, &ana), connect(&node, &ben)];
        let stays = connect(&node, &cy);
        let erased = ErasedUnseen([ana.user, ben.user]);
        node.store.write(Lane::Rest, erased).await.unwrap();
        for line in &lines {
            assert_eq!(cut(line).await, Some(CutReason::UserErased));
        }
        // The names are nobody's by now, and not the old users' in this node's memory.
        for old in [ana, ben] {
            let again = try_static(&node, old.external_id.as_str()).await.unwrap();
            assert_ne!(again.user, old.user);
        }
        assert_eq!(try_static(&node, "cy").await.unwrap().user, cy.user);
        drop(stays);
    }
);

on_both!(
    a_change_between_check_and_registration_is_caught_by_the_recheck,
    |store| async move {
        let node = node(store).await;
        let ana = try_static(&node, "ana").await.unwrap();
        activate(&node, false).await;
        let line = connect(&node, &ana);
        let recheck = node.app.recheck(&ana).await;
        assert!(matches!(recheck, Err(AppError::AppInactive)), "{recheck:?}");
        drop(line);
    }
);

on_both!(first_contacts_at_once_make_one_user, |store| async move {
    let node = Arc::new(node(store).await);
    let contacts = (0..20).map(|_| {
        let node = Arc::clone(&node);
        tokio::spawn(async move { try_static(&node, "ana").await.unwrap().user })
    });
    let mut users = Vec::new();
    for contact in contacts.collect::<Vec<_>>() {
        users.push(contact.await.unwrap());
    }
    users.dedup();
    assert_eq!(users.len(), 1);
    assert_eq!(node.store.users_of(APP_ID).await, ["ana"]);
});

#[tokio::test]
async fn a_connection_outlives_its_proof_by_thirty_days_at_most() {
    let node = node(TestStore::sqlite().await).await;
    let expiry = node.store.clock.now().plus(Duration::from_mins(1));
    let hash = node.expiring_hash("ana", expiry);
    let ana = enter(&node, APP_ID, "ana", &hash).await.unwrap();
    let line = connect(&node, &ana);
    node.store.clock.set(expiry.plus(STALE_GRACE));
    node.app.cut_expired();
    assert_eq!(node.app.presence().counts().members, 1);
    node.store.clock.advance(Duration::from_secs(1));
    node.app.cut_expired();
    assert_eq!(cut(&line).await, Some(CutReason::ProofExpired));
}

on_both!(
    a_proof_is_checked_while_ordinary_reads_hold_all_their_connections,
    |store| async move {
        let node = node(store).await;
        let mut held = Vec::new();
        // One more than there are, so the last one waits.
        while let Ok(read) = tokio::time::timeout(WITHIN / 3, node.store.read()).await {
            held.push(read.unwrap());
        }
        // An ordinary read would wait for one of them, and be refused in the end.
        let ana = try_static(&node, "ana").await.unwrap();
        node.app.recheck(&ana).await.unwrap();
        assert!(node.app.is_user_id(ana.user).await.unwrap());
    }
);

on_both!(
    a_connection_that_the_cache_forgot_has_itself_noted_once,
    |store| async move {
        let node = node(store).await;
        let ana = try_static(&node, "ana").await.unwrap();
        try_static(&node, "ben").await.unwrap();
        // Whom the cache knows under another version it does not know.
        block(&node, "ben", true).await;
        try_static(&node, "ben").await.unwrap_err();
        let before = node.store.stats().commands;
        let mut noted = None;
        for _ in 0..50 {
            node.app.mqtt_seen(&ana, &mut noted);
        }
        assert_eq!(noted, Some(node.store.clock.now()));
        node.store.clock.advance(SEEN_EVERY);
        node.app.mqtt_seen(&ana, &mut noted);
        assert_eq!(noted, Some(node.store.clock.now()));
        let _ = node.app.identity.touches.acquire_many(256).await.unwrap();
        let noted = node.store.stats().commands - before;
        assert!(noted <= 2, "{noted} commands");
    }
);
