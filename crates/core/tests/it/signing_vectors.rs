//! Every published vector (`docs/signing-vectors.json`), which was made with
//! Python's hmac and not with this code.

use mayday_core::identity::signing::{LiveSecret, Verdict, sign_expiring, sign_static, verify};
use mayday_core::identity::{AppId, AppSecret, ExternalUserId, Standing};
use mayday_core::ids::SecretId;
use mayday_core::time::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Vectors {
    #[serde(rename = "static")]
    pub(crate) fixed: Vec<Static>,
    pub(crate) expiring: Vec<Expiring>,
    must_fail: Vec<Forgery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Static {
    secret: String,
    external_user_id: String,
    pub(crate) user_hash: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Expiring {
    secret: String,
    app_id: String,
    external_user_id: String,
    expiry: i64,
    pub(crate) user_hash: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Forgery {
    why: String,
    secret: String,
    app_id: String,
    external_user_id: String,
    password: String,
}

pub(crate) const TEXT: &str = include_str!("../../../../docs/signing-vectors.json");

/// Ten seconds before the expiry of the vectors that are past.
const BEFORE: Timestamp = Timestamp::from_secs(1_763_669_990);

pub(crate) fn vectors() -> Vectors {
    serde_json::from_str(TEXT).unwrap()
}

fn live(secret: &str) -> [LiveSecret; 1] {
    [LiveSecret {
        id: SecretId(Uuid::from_u128(1)),
        secret: AppSecret::parse(secret).unwrap(),
    }]
}

fn standing(verdict: Verdict) -> Option<Standing> {
    match verdict {
        Verdict::Genuine(genuine) => Some(genuine.standing),
        Verdict::Invalid => None,
    }
}

#[test]
fn static_hashes_sign_and_verify() {
    let app = AppId::parse("any-app").unwrap();
    let mut refused_ids = 0;
    for vector in vectors().fixed {
        let Ok(user) = ExternalUserId::parse(&vector.external_user_id) else {
            assert_eq!(
                vector.external_user_id, " lead",
                "only the outer space is refused"
            );
            refused_ids += 1;
            continue;
        };
        let secrets = live(&vector.secret);
        assert_eq!(
            sign_static(&secrets[0].secret, &user),
            vector.user_hash,
            "{user}"
        );
        let verdict = verify(&secrets, &app, &user, &vector.user_hash, BEFORE);
        assert_eq!(standing(verdict), Some(Standing::Full), "{user}");
    }
    assert_eq!(refused_ids, 2);
}

#[test]
fn expiring_hashes_sign_and_verify() {
    for vector in vectors().expiring {
        let app = AppId::parse(&vector.app_id).unwrap();
        let user = ExternalUserId::parse(&vector.external_user_id).unwrap();
        let secrets = live(&vector.secret);
        let expiry = Timestamp::from_secs(vector.expiry);
        let signed = sign_expiring(&secrets[0].secret, &app, &user, expiry).unwrap();
        assert_eq!(signed, vector.user_hash, "{user}");
        let verdict = verify(&secrets, &app, &user, &vector.user_hash, BEFORE);
        assert_eq!(standing(verdict), Some(Standing::Full), "{user}");
    }
}

#[test]
fn forgeries_fail() {
    let forgeries = vectors().must_fail;
    assert_eq!(forgeries.len(), 9);
    for forgery in forgeries {
        let app = AppId::parse(&forgery.app_id).unwrap();
        let Ok(user) = ExternalUserId::parse(&forgery.external_user_id) else {
            assert!(forgery.external_user_id.contains('\0'), "{}", forgery.why);
            continue;
        };
        let secrets = live(&forgery.secret);
        let verdict = verify(&secrets, &app, &user, &forgery.password, BEFORE);
        assert_eq!(verdict, Verdict::Invalid, "{}", forgery.why);
    }
}
