//! Proofs: who was signed for gets in, nobody else does.
//!
//! The verdict is held against a second implementation, written from the
//! contract: what it would not accept, [`verify`] must not.
#![no_main]

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use mayday_core::identity::signing::{
    Genuine, LiveSecret, STALE_GRACE, Verdict, sign_expiring, sign_static, verify,
};
use mayday_core::identity::{AppId, AppSecret, ExternalUserId, Standing, Username, parse_username};
use mayday_core::ids::SecretId;
use mayday_core::time::Timestamp;
use sha2::Sha256;
use uuid::Uuid;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    secrets: Vec<&'a str>,
    app: &'a str,
    user: &'a str,
    other_user: &'a str,
    /// Seconds since 1970.
    now: u32,
    hash: Hash<'a>,
    /// A byte of the hash that was changed on the way.
    changed: Option<(u8, u8)>,
}

#[derive(Arbitrary, Debug)]
enum Hash<'a> {
    Any(&'a str),
    Static {
        secret: u8,
        of_other: bool,
    },
    Expiring {
        secret: u8,
        of_other: bool,
        expiry: i64,
    },
    /// `x1.` and this expiry, over the static hash of whatever text.
    Forged {
        secret: u8,
        expiry: &'a str,
        signed: &'a str,
    },
}

fn hex_mac(secret: &str, message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(message);
    let mac = mac.finalize().into_bytes();
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the contract lets this hash in at all, and as what.
fn expected(secrets: &[&str], app: &str, user: &str, hash: &str, now: i64) -> Option<Standing> {
    let (message, mac, expiry) = match hash.strip_prefix("x1.") {
        None => (user.as_bytes().to_vec(), hash, None),
        Some(rest) => {
            let (expiry, mac) = rest.split_once('.')?;
            let seconds: i64 = expiry.parse().ok()?;
            if expiry != seconds.to_string() || seconds < 0 || expiry.len() > 12 {
                return None;
            }
            let message = format!("\0x1\0{expiry}\0{app}\0{user}").into_bytes();
            (message, mac, Some(seconds))
        }
    };
    let signed = |secret: &&str| hex_mac(secret, &message).eq_ignore_ascii_case(mac);
    if !secrets.iter().any(signed) {
        return None;
    }
    let grace = i64::try_from(STALE_GRACE.as_secs()).unwrap();
    match expiry {
        None => Some(Standing::Full),
        Some(expiry) if now < expiry => Some(Standing::Full),
        Some(expiry) if now <= expiry + grace => Some(Standing::Stale),
        Some(_) => None,
    }
}

fuzz_target!(|input: Input<'_>| {
    let (Ok(app), Ok(user), Ok(other)) = (
        AppId::parse(input.app),
        ExternalUserId::parse(input.user),
        ExternalUserId::parse(input.other_user),
    ) else {
        return;
    };
    let live: Vec<LiveSecret> = (0_u128..)
        .zip(input.secrets.iter().take(2))
        .filter_map(|(number, text)| {
            let secret = AppSecret::parse(text).ok()?;
            let id = SecretId(Uuid::from_u128(number));
            Some(LiveSecret { id, secret })
        })
        .collect();
    let printed: Vec<&str> = live.iter().map(|live| live.secret.expose()).collect();
    let key = |number: u8| live.get(usize::from(number)).map(|live| &live.secret);
    let whose = |of_other: bool| if of_other { &other } else { &user };
    let made = match input.hash {
        Hash::Any(text) => Some(text.to_owned()),
        Hash::Static { secret, of_other } => {
            key(secret).map(|key| sign_static(key, whose(of_other)))
        }
        Hash::Expiring {
            secret,
            of_other,
            expiry,
        } => key(secret).and_then(|key| {
            sign_expiring(key, &app, whose(of_other), Timestamp::from_secs(expiry)).ok()
        }),
        Hash::Forged {
            secret,
            expiry,
            signed,
        } => key(secret).map(|key| {
            let mac = ExternalUserId::parse(signed).map(|signed| sign_static(key, &signed));
            format!("x1.{expiry}.{}", mac.unwrap_or_default())
        }),
    };
    let Some(mut hash) = made else { return };
    if let Some((at, byte)) = input.changed
        && let (Some(slot), true) = (hash.get(usize::from(at)..=usize::from(at)), byte.is_ascii())
    {
        let slot = slot.len();
        hash.replace_range(
            usize::from(at)..usize::from(at) + slot,
            char::from(byte).encode_utf8(&mut [0; 4]),
        );
    }

    let now = Timestamp::from_secs(i64::from(input.now));
    let verdict = verify(&live, &app, &user, &hash, now);
    let wanted = expected(
        &printed,
        app.as_str(),
        user.as_str(),
        &hash,
        i64::from(input.now),
    );
    let found = match verdict {
        Verdict::Genuine(Genuine {
            secret, standing, ..
        }) => {
            assert!(live.iter().any(|live| live.id == secret));
            Some(standing)
        }
        Verdict::Invalid => None,
    };
    assert_eq!(found, wanted, "{hash}");
    assert_eq!(
        verify(&[], &app, &user, &hash, now),
        Verdict::Invalid,
        "let in without any secret"
    );

    // Whoever was signed for gets in, and the user name carries both names whole.
    if let Some(first) = live.first() {
        let hash = sign_static(&first.secret, &user);
        let verdict = verify(&live, &app, &user, &hash, now);
        assert!(matches!(verdict, Verdict::Genuine(_)), "{verdict:?}");
        let soon = now.plus(Duration::from_secs(1));
        let hash = sign_expiring(&first.secret, &app, &user, soon).unwrap();
        let verdict = verify(&live, &app, &user, &hash, now);
        assert!(matches!(verdict, Verdict::Genuine(_)), "{verdict:?}");
    }
    let signed = format!("sdk:{app}:{user}");
    assert_eq!(
        parse_username(&signed),
        Some(Username::Signed(app.as_str(), user.as_str()))
    );
    let session = format!("sso:{app}:{user}");
    assert_eq!(
        parse_username(&session),
        Some(Username::Session(app.as_str(), user.as_str()))
    );
});
