//! Log-ins that are joined with the account that has their address.

use std::time::Duration;

use futures_util::future::join_all;
use mayday_app::testing::{APP_ID, Partner, TestApp};
use mayday_app::{AppError, SessionGrant};
use mayday_core::identity::{AppId, Caller, ExternalUserId};
use mayday_core::profile::ProfilePatch;
use mayday_store::users;
use serde_json::json;

use crate::accounts::{Accounts as _, PEER, PIN, other_than};
use crate::harness::{NodeExt as _, mqtt, on_both_nodes};

const CODE: &str = "linking_code";
const EMAIL: &str = "ana@example.org";

/// A user of signed sessions with this address in the profile.
async fn signed(node: &TestApp, external_id: &str, email: &str) -> Caller {
    let caller = node.caller(external_id).await;
    let patch = ProfilePatch {
        email: Some(email.to_owned()),
        ..ProfilePatch::default()
    };
    node.app.update_me(&caller, patch).await.unwrap();
    caller
}

/// The pending log-in of a token.
async fn pending(node: &TestApp, partner: &Partner, token: &str) -> String {
    match node.try_login(partner, token, ("new-ana", EMAIL)).await {
        Err(AppError::LinkRequired { email, pending }) => {
            assert_eq!(email, EMAIL);
            pending.to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn spent(tried: Result<SessionGrant, AppError>) {
    match tried {
        Err(AppError::Session { lapse }) => assert_eq!(lapse.code, "verification_limit"),
        other => panic!("{other:?}"),
    }
}

async fn ask(node: &TestApp, login: &str, pending: &str) -> Result<(), AppError> {
    node.app.sso_code(login, pending, PEER).await.map(|_| ())
}

on_both_nodes!(
    a_log_in_is_joined_with_the_account_of_its_address,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let old = signed(&node, "u-17", "Ana@Example.org").await;
        let incident = node.own(&old, mqtt(&json!({}))).await;
        let pending = pending(&node, &partner, "t1").await;
        // Asked again, it is the same log-in, and nobody was made of it.
        assert_eq!(pending, self::pending(&node, &partner, "t1").await);
        assert_eq!(node.store.users_of(APP_ID).await, ["u-17"]);
        ask(&node, EMAIL, &pending).await.unwrap();
        let mails = node.mails_of(CODE).await;
        assert_eq!((mails.len(), mails[0].to.as_str()), (1, EMAIL));
        let code = node.code_of(CODE).await;
        let grant = node
            .try_link("t1", &format!("{} {}", &code[..2], &code[2..]))
            .await
            .unwrap();
        // One user with one set of everything, whichever name is proved.
        let new = node.session(&grant).await.unwrap();
        assert_eq!(new.user, old.user);
        assert_eq!(new.external_id.as_str(), "new-ana");
        assert_eq!(
            node.app.current_sos(&new).await.unwrap().unwrap().id,
            incident.id
        );
        assert_eq!(node.store.users_of(APP_ID).await, ["new-ana"]);
        let again = node.caller("u-17").await;
        assert_eq!(again.user, old.user);
        assert_eq!(
            node.app.me(&again).await.unwrap().external_user_id.as_str(),
            "u-17"
        );
        node.app.recheck(&again).await.unwrap();
        // From now on it just logs in.
        node.try_login(&partner, "t2", ("new-ana", EMAIL))
            .await
            .unwrap();
        // The lost answer is told again; another token cannot use the code.
        node.try_link("t1", &code).await.unwrap();
        node.try_login(&partner, "t3", ("third", "x@example.org"))
            .await
            .unwrap();
        let reused = node.try_link("t3", &code).await;
        assert!(matches!(reused, Err(AppError::VerificationFailed)));
    }
);

on_both_nodes!(
    an_older_name_of_the_partner_is_joined_too,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let grant = node
            .try_login(&partner, "t0", ("old-ana", EMAIL))
            .await
            .unwrap();
        let old = node.session(&grant).await.unwrap();
        let pending = pending(&node, &partner, "t1").await;
        ask(&node, EMAIL, &pending).await.unwrap();
        let code = node.code_of(CODE).await;
        let grant = node.try_link("t1", &code).await.unwrap();
        assert_eq!(node.session(&grant).await.unwrap().user, old.user);
        // The older name still is the same user.
        let grant = node
            .try_login(&partner, "t2", ("old-ana", EMAIL))
            .await
            .unwrap();
        let old = node.session(&grant).await.unwrap();
        assert_eq!(old.external_id.as_str(), "old-ana");
        let app = AppId::parse(APP_ID).unwrap();
        let mut tx = node.store.read().await.unwrap();
        let app = mayday_store::apps::find(&mut tx, &app)
            .await
            .unwrap()
            .unwrap();
        for name in ["old-ana", "new-ana"] {
            let name = ExternalUserId::parse(name).unwrap();
            let found = users::find(&mut tx, app.id, &name).await.unwrap().unwrap();
            assert_eq!(found.id, old.user);
        }
    }
);

on_both_nodes!(
    of_two_newcomers_with_one_address_at_one_instant_one_is_joined,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        for round in 0..10 {
            let email = format!("ana-{round}@example.org");
            let names = [format!("{round}-a"), format!("{round}-b")];
            let logins = names
                .each_ref()
                .map(|name| node.try_login(&partner, name, (name, &email)));
            let [one, other] = <[_; 2]>::try_from(join_all(logins).await).unwrap();
            let (asked, opened) = if one.is_ok() {
                (other, one)
            } else {
                (one, other)
            };
            assert!(opened.is_ok(), "{opened:?}");
            assert!(
                matches!(asked, Err(AppError::LinkRequired { .. })),
                "{asked:?}"
            );
            assert_eq!(node.store.users_of(APP_ID).await.len(), round + 1);
        }
    }
);

on_both_nodes!(
    nobody_is_locked_out_by_an_address_in_a_profile,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        node.try_login(&partner, "t0", ("ana", EMAIL))
            .await
            .unwrap();
        signed(&node, "mallory", EMAIL).await;
        node.try_login(&partner, "t1", ("ana", EMAIL))
            .await
            .unwrap();
        // And a blocked or erased account is joined with nobody.
        node.try_login(&partner, "t2", ("ben", "ben@example.org"))
            .await
            .unwrap();
    }
);

on_both_nodes!(five_wrong_codes_spend_the_token, async |node: TestApp| {
    let partner = node.partner(1).await;
    signed(&node, "u-17", EMAIL).await;
    let pending = pending(&node, &partner, "t1").await;
    ask(&node, EMAIL, &pending).await.unwrap();
    let code = node.code_of(CODE).await;
    let wrong = other_than(&code);
    for _ in 0..4 {
        let refused = node.try_link("t1", &wrong).await;
        assert!(
            matches!(refused, Err(AppError::VerificationFailed)),
            "{refused:?}"
        );
    }
    spent(node.try_link("t1", &wrong).await);
    // The right one comes too late, no other is sent, and the token begins nothing anew.
    spent(node.try_link("t1", &code).await);
    spent(node.try_login(&partner, "t1", ("new-ana", EMAIL)).await);
    node.later(Duration::from_mins(1));
    ask(&node, EMAIL, &pending).await.unwrap();
    assert_eq!(node.mails_of(CODE).await.len(), 1);
    spent(node.try_link("t1", &code).await);
    assert_eq!(node.store.users_of(APP_ID).await, ["u-17"]);
    // Another token does.
    assert_ne!(self::pending(&node, &partner, "t2").await, pending);
});

on_both_nodes!(
    a_log_in_takes_no_code_from_another,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        signed(&node, "u-17", EMAIL).await;
        let first = pending(&node, &partner, "t0").await;
        ask(&node, EMAIL, &first).await.unwrap();
        let code = node.code_of(CODE).await;
        // What is mailed is counted for the account, whoever asks.
        let second = pending(&node, &partner, "t1").await;
        ask(&node, EMAIL, &second).await.unwrap();
        assert_eq!(node.mails_of(CODE).await.len(), 1);
        node.later(Duration::from_mins(1));
        ask(&node, EMAIL, &second).await.unwrap();
        assert_eq!(node.mails_of(CODE).await.len(), 2);
        // Nor do many, and a code of one is none of another.
        for number in 2..20 {
            pending(&node, &partner, &format!("t{number}")).await;
        }
        let other = node.code_of(CODE).await;
        if code != other {
            let refused = node.try_link("t0", &other).await;
            assert!(matches!(refused, Err(AppError::VerificationFailed)));
        }
        node.try_link("t0", &code).await.unwrap();
        node.try_link("t1", &other).await.unwrap();
        assert_eq!(node.store.users_of(APP_ID).await, ["new-ana"]);
    }
);

on_both_nodes!(
    an_address_that_a_user_had_before_opens_nothing,
    async |node: TestApp| {
        let partner = node.partner(2).await;
        let (one, two) = ("one@example.org", "two@example.org");
        let before = node.try_login(&partner, "t1", ("ec", one)).await.unwrap();
        let before = node.session(&before).await.unwrap();
        node.later(Duration::from_secs(1));
        let grant = node.try_login(&partner, "t2", ("ec", two)).await.unwrap();
        let ec = node.session(&grant).await.unwrap();
        assert_eq!(ec.user, before.user);
        let shown = async || node.app.sso_profile(&before).await.unwrap().email.unwrap();
        assert_eq!(shown().await, two);
        assert_eq!(
            node.app.me(&ec).await.unwrap().profile.email.as_deref(),
            Some(two)
        );
        // A session of before goes on, and what it has mailed goes to the address of now.
        node.set_pin(&before, [Some(PIN), None, None])
            .await
            .unwrap();
        let mails = node.mails_of("signature_updated").await;
        assert_eq!((mails.len(), mails[0].to.as_str()), (1, two));
        // Who has the old address now is somebody else.
        let stranger = node.try_login(&partner, "t3", ("stranger", one)).await;
        let stranger = node.session(&stranger.unwrap()).await.unwrap();
        assert_ne!(stranger.user, ec.user);
        // A token of before does not bring it back.
        node.come_again("t1").await.unwrap();
        assert_eq!(shown().await, two);
        // What the user writes is checked by nobody, and joins nobody with them.
        let patch = ProfilePatch {
            email: Some("three@example.org".to_owned()),
            ..ProfilePatch::default()
        };
        node.app.update_me(&ec, patch).await.unwrap();
        let third = node
            .try_login(&partner, "t4", ("third", "three@example.org"))
            .await;
        assert_ne!(node.session(&third.unwrap()).await.unwrap().user, ec.user);
        let other = node
            .try_login(&partner, "t5", ("ec9", "Two@example.org"))
            .await;
        assert!(
            matches!(other, Err(AppError::LinkRequired { .. })),
            "{other:?}"
        );
        node.later(Duration::from_secs(1));
        node.try_login(&partner, "t6", ("ec", one)).await.unwrap();
        let me = node.app.me(&ec).await.unwrap();
        assert_eq!(me.profile.email.as_deref(), Some("three@example.org"));
        assert_eq!(shown().await, one);
    }
);

on_both_nodes!(
    a_code_to_an_address_that_is_the_accounts_no_longer_joins_nothing,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        node.try_login(&partner, "t1", ("old", EMAIL))
            .await
            .unwrap();
        let pending = pending(&node, &partner, "t2").await;
        ask(&node, EMAIL, &pending).await.unwrap();
        let code = node.code_of(CODE).await;
        node.later(Duration::from_mins(1));
        node.try_login(&partner, "t3", ("old", "now@example.org"))
            .await
            .unwrap();
        ask(&node, EMAIL, &pending).await.unwrap();
        assert_eq!(node.mails_of(CODE).await.len(), 1);
        let refused = node.try_link("t2", &code).await;
        assert!(
            matches!(refused, Err(AppError::VerificationFailed)),
            "{refused:?}"
        );
        // It is nobody's now: a user of their own.
        node.try_login(&partner, "t2", ("new-ana", EMAIL))
            .await
            .unwrap();
        assert_eq!(node.store.users_of(APP_ID).await, ["new-ana", "old"]);
    }
);

on_both_nodes!(
    a_hundred_codes_at_one_instant_are_five,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        signed(&node, "u-17", EMAIL).await;
        let pending = pending(&node, &partner, "t1").await;
        ask(&node, EMAIL, &pending).await.unwrap();
        let code = node.code_of(CODE).await;
        let wrong = other_than(&code);
        let tried = (0..100).map(|_| node.try_link("t1", &wrong));
        let (mut counted, mut refused) = (0, 0);
        for tried in join_all(tried).await {
            match tried {
                Err(AppError::VerificationFailed) => counted += 1,
                Err(AppError::Session { .. }) => refused += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((counted, refused), (4, 96));
        assert!(node.try_link("t1", &code).await.is_err());
    }
);

on_both_nodes!(
    a_code_goes_to_the_log_ins_own_address_and_nobody_learns_who_exists,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        signed(&node, "u-17", EMAIL).await;
        let pending = pending(&node, &partner, "t1").await;
        let nobody = node.app.fresh_id().to_string();
        let started = tokio::time::Instant::now();
        for (login, pending) in [
            ("mallory@example.org", pending.as_str()),
            (EMAIL, nobody.as_str()),
            (EMAIL, "none at all"),
        ] {
            let until = node.app.sso_code(login, pending, PEER).await.unwrap();
            assert_eq!(until, node.app.now().plus(Duration::from_mins(10)));
        }
        assert!(started.elapsed() >= Duration::from_millis(1_200));
        assert_eq!(node.mails_of(CODE).await.len(), 0);
        // A slip in the address keeps nobody waiting.
        ask(&node, EMAIL, &pending).await.unwrap();
        assert_eq!(node.mails_of(CODE).await.len(), 1);
        // Within the minute both are told to wait.
        for pending in [&pending, &nobody] {
            let refused = ask(&node, EMAIL, pending).await;
            assert!(matches!(refused, Err(AppError::RateLimited { .. })));
        }
        node.later(Duration::from_mins(1));
        ask(&node, " ANA@example.org", &pending).await.unwrap();
        assert_eq!(node.mails_of(CODE).await.len(), 2);
    }
);

on_both_nodes!(
    one_address_cannot_have_codes_mailed_all_day,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        signed(&node, "u-17", EMAIL).await;
        let pending = pending(&node, &partner, "t1").await;
        for _ in 0..7 {
            ask(&node, EMAIL, &pending).await.unwrap();
            node.later(Duration::from_mins(1));
        }
        assert_eq!(node.mails_of(CODE).await.len(), 5);
    }
);
