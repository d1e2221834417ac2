use std::time::Duration;

use serde_json::{Value, json};

use super::*;

/// 2026-09-09T10:00:00Z
const NOW: i64 = 1_788_948_000;

fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

fn terms() -> ClaimTerms {
    ClaimTerms {
        audience: "safety-app".to_owned(),
        skew: Duration::from_mins(1),
        max_lifetime: Duration::from_hours(1),
    }
}

fn good() -> Value {
    json!({
        "sub": "user-1",
        "iat": NOW - 10,
        "exp": NOW + 600,
        "email": "ana@example.org",
        "name": "Ana",
        "aud": "safety-app",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name).unwrap();
    claims
}

fn answer(status: u16, body: &[u8]) -> Judgement {
    let answer = PartnerAnswer {
        status,
        content_type: "application/json; charset=utf-8",
        body,
        complete: true,
        key_shown: false,
    };
    judge(&answer, &terms(), now())
}

fn of(claims: &Value) -> Judgement {
    answer(200, claims.to_string().as_bytes())
}

fn at(claims: &Value, now: i64) -> Judgement {
    let body = claims.to_string();
    let answer = PartnerAnswer {
        status: 200,
        content_type: "application/json",
        body: body.as_bytes(),
        complete: true,
        key_shown: false,
    };
    judge(&answer, &terms(), Timestamp::from_secs(now))
}

fn faulty(fault: ClaimFault) -> Judgement {
    Judgement::Invalid(InvalidToken::Claims(fault))
}

#[test]
fn whole_claims_make_a_session() {
    let Judgement::Valid(claims) = of(&good()) else {
        panic!("valid");
    };
    assert_eq!(claims.subject.as_str(), "user-1");
    assert_eq!(claims.email, "ana@example.org");
    assert_eq!(claims.name.as_deref(), Some("Ana"));
    assert_eq!(claims.expires_at, Timestamp::from_secs(NOW + 600));
    assert!(!format!("{claims:?}").contains("ana"));
}

#[test]
fn each_required_claim_is_required() {
    for name in ["sub", "iat", "exp", "email", "aud"] {
        assert_eq!(of(&without(name)), faulty(ClaimFault::Missing(name)));
        let null = with(name, Value::Null);
        assert_eq!(of(&null), faulty(ClaimFault::Missing(name)));
        let truth = with(name, json!(true));
        assert_eq!(of(&truth), faulty(ClaimFault::Malformed(name)));
        let object = with(name, json!({"a": 1}));
        assert_eq!(of(&object), faulty(ClaimFault::Malformed(name)));
        let empty = match of(&with(name, json!(""))) {
            Judgement::Invalid(_) => true,
            other => panic!("{name}: {other:?}"),
        };
        assert!(empty);
    }
}

#[test]
fn a_name_is_optional_and_never_in_the_way() {
    for claims in [
        without("name"),
        with("name", Value::Null),
        with("name", json!(7)),
        with("name", json!("")),
        with("name", json!("x".repeat(121))),
        with("name", json!("a\nb")),
    ] {
        match of(&claims) {
            Judgement::Valid(claims) => assert_eq!(claims.name, None),
            other => panic!("{claims}: {other:?}"),
        }
    }
}

#[test]
fn times_are_whole_seconds_as_a_number_or_as_digits() {
    for (iat, exp) in [
        (json!(NOW), json!(NOW + 60)),
        (json!(NOW.to_string()), json!((NOW + 60).to_string())),
    ] {
        let mut claims = with("iat", iat);
        claims["exp"] = exp;
        assert!(matches!(of(&claims), Judgement::Valid(_)), "{claims}");
    }
}

#[test]
fn other_times_are_refused() {
    for name in ["iat", "exp"] {
        for bad in [
            json!(1_788_948_000_000_i64),
            json!("1788948000000"),
            json!(1_788_948_930.5),
            json!(1.788_948e9),
            json!(-1),
            json!("-1"),
            json!(u64::MAX),
            json!("99999999999999999999999999"),
            json!(false),
            json!(true),
            json!([NOW]),
            json!(" 1788948000"),
            json!("1788948000 "),
            json!("+1788948000"),
            json!("01788948000"),
            json!("1788948000.0"),
            json!("1.788948e9"),
            json!("0x6aa1"),
            json!("2026-09-09T10:00:00Z"),
            json!("１７８８９４８０００"),
            json!(""),
        ] {
            let judged = of(&with(name, bad.clone()));
            assert_eq!(judged, faulty(ClaimFault::Malformed(name)), "{name} {bad}");
        }
    }
    // Numbers that JSON can write and no integer holds.
    for number in ["1e400", "18446744073709551616", "1788948000.0"] {
        let body = good().to_string().replace(&(NOW - 10).to_string(), number);
        match answer(200, body.as_bytes()) {
            Judgement::Valid(_) => panic!("{number}"),
            Judgement::Invalid(_) | Judgement::Unavailable(_) => {}
        }
    }
}

#[test]
fn the_skew_is_a_minute_and_not_a_second_more() {
    let claims = good();
    let (iat, exp) = (NOW - 10, NOW + 600);
    for (time, judged) in [
        (iat - 61, faulty(ClaimFault::NotYet)),
        (exp + 60, faulty(ClaimFault::Expired)),
        (exp + 61, faulty(ClaimFault::Expired)),
    ] {
        assert_eq!(at(&claims, time), judged, "{time}");
    }
    for time in [iat - 60, iat, exp - 1, exp, exp + 59] {
        assert!(matches!(at(&claims, time), Judgement::Valid(_)), "{time}");
    }
}

#[test]
fn a_life_is_longer_than_nothing_and_no_longer_than_the_app_takes() {
    for (exp, judged) in [
        (NOW - 10, Some(ClaimFault::Backwards)),
        (NOW - 11, Some(ClaimFault::Backwards)),
        (NOW - 9, None),
        (NOW - 10 + 3_600, None),
        (NOW - 10 + 3_601, Some(ClaimFault::TooLong)),
        (999_999_999_999, Some(ClaimFault::TooLong)),
    ] {
        let claims = with("exp", json!(exp));
        match judged {
            Some(fault) => assert_eq!(of(&claims), faulty(fault), "{exp}"),
            None => assert!(matches!(of(&claims), Judgement::Valid(_)), "{exp}"),
        }
    }
}

#[test]
fn the_audience_is_ours_to_the_letter() {
    for ours in [
        json!("safety-app"),
        json!(["safety-app"]),
        json!(["safety-app", "safety-app"]),
    ] {
        assert!(
            matches!(of(&with("aud", ours.clone())), Judgement::Valid(_)),
            "{ours}"
        );
    }
    for other in [
        json!("other-app"),
        json!("Safety-App"),
        json!("safety-app "),
        json!(" safety-app"),
        json!("safety-app\n"),
        json!("safety-ap"),
        json!("safety-app2"),
        json!(""),
        json!([]),
        json!(["other-app"]),
        json!(["safety-app", "other-app"]),
        json!(["safety-app", 7]),
        json!([["safety-app"]]),
    ] {
        assert_eq!(
            of(&with("aud", other.clone())),
            faulty(ClaimFault::Audience),
            "{other}"
        );
    }
    for odd in [json!(7), json!({"safety-app": true})] {
        assert_eq!(of(&with("aud", odd)), faulty(ClaimFault::Malformed("aud")));
    }
}

#[test]
fn a_subject_is_kept_byte_for_byte() {
    for sub in ["U", "u", "é", "e\u{301}", "a:b", "1", &"x".repeat(255)] {
        match of(&with("sub", json!(sub))) {
            Judgement::Valid(claims) => assert_eq!(claims.subject.as_str(), sub),
            other => panic!("{sub}: {other:?}"),
        }
    }
    for bad in [
        json!(""),
        json!("x".repeat(256)),
        json!(1),
        json!("a\0b"),
        json!(" a"),
        json!("x1.1.a"),
    ] {
        assert_eq!(
            of(&with("sub", bad.clone())),
            faulty(ClaimFault::Malformed("sub")),
            "{bad}"
        );
    }
}

#[test]
fn an_error_or_an_inactive_token_is_invalid_whatever_else_is_said() {
    for error in [json!("invalid_token"), json!(null), json!(false), json!({})] {
        let refused = Judgement::Invalid(InvalidToken::Refused);
        assert_eq!(of(&with("error", error)), refused);
    }
    assert_eq!(
        of(&json!({"error": "x"})),
        Judgement::Invalid(InvalidToken::Refused)
    );
    for inactive in [json!(false), json!("true"), json!(1), json!(null)] {
        let judged = of(&with("active", inactive));
        assert_eq!(judged, Judgement::Invalid(InvalidToken::Inactive));
    }
    let inactive = of(&json!({"active": false}));
    assert_eq!(inactive, Judgement::Invalid(InvalidToken::Inactive));
    assert!(matches!(
        of(&with("active", json!(true))),
        Judgement::Valid(_)
    ));
}

#[test]
fn statuses_are_told_apart() {
    let claims = good().to_string();
    let error = br#"{"error":"invalid_token"}"#.as_slice();
    for body in [claims.as_bytes(), error, b"", b"<html>"] {
        for status in [400, 401, 403, 410, 422] {
            let judged = answer(status, body);
            assert_eq!(
                judged,
                Judgement::Invalid(InvalidToken::Refused),
                "{status}"
            );
        }
        for status in [
            201, 202, 204, 206, 405, 406, 408, 413, 415, 421, 425, 429, 451, 500, 502, 503, 504,
            599,
        ] {
            let unavailable = Unavailable::Status(status);
            assert_eq!(answer(status, body), Judgement::Unavailable(unavailable));
            assert_eq!(unavailable.outage().is_some(), status >= 500);
        }
        for status in [300, 301, 302, 303, 304, 307, 308] {
            let judged = answer(status, body);
            assert_eq!(
                judged,
                Judgement::Unavailable(Unavailable::Redirect),
                "{status}"
            );
        }
    }
    // A 404 may speak of the token or of a wrong URL.
    assert_eq!(
        answer(404, error),
        Judgement::Invalid(InvalidToken::Refused)
    );
    for body in [claims.as_bytes(), b"", b"<html>not found</html>", b"[]"] {
        assert_eq!(
            answer(404, body),
            Judgement::Unavailable(Unavailable::Status(404))
        );
    }
}

#[test]
fn a_refusal_that_may_be_of_our_key_is_no_word_about_the_token() {
    let with_key = |status: u16, body: &[u8]| {
        let answer = PartnerAnswer {
            status,
            content_type: "application/json",
            body,
            complete: true,
            key_shown: true,
        };
        judge(&answer, &terms(), now())
    };
    for status in [401, 403] {
        for body in [
            b"".as_slice(),
            b"{}",
            br#"{"error":"invalid_client"}"#,
            b"<html>",
            br#"{"error":7}"#,
        ] {
            assert_eq!(
                with_key(status, body),
                Judgement::Unavailable(Unavailable::Key)
            );
        }
        for word in ["invalid_token", "token_expired", "invalid_grant"] {
            let body = json!({"error": word}).to_string();
            let judged = with_key(status, body.as_bytes());
            assert_eq!(judged, Judgement::Invalid(InvalidToken::Refused), "{word}");
        }
    }
    assert_eq!(Unavailable::Key.outage(), None);
    // A 400 is about the token either way.
    assert_eq!(
        with_key(400, b""),
        Judgement::Invalid(InvalidToken::Refused)
    );
}

#[test]
fn what_is_no_object_is_nobodys_word() {
    let claims = good().to_string();
    let cut = &claims[..claims.len() - 1];
    let twice = claims.replacen('{', r#"{"sub":"other","#, 1);
    let twice_aud = claims.replacen('{', r#"{"aud":"other-app","#, 1);
    let escaped = claims.replacen('{', r#"{"\u0073ub":"other","#, 1);
    let two = format!("{claims}{claims}");
    let marked = format!("\u{feff}{claims}");
    let deep = format!("{}{}", r#"{"a":"#.repeat(500), "}".repeat(500));
    for body in [
        "",
        " ",
        "null",
        "true",
        "7",
        "\"valid\"",
        "[]",
        "<html><body>{}</body></html>",
        "sub=user-1&aud=safety-app",
        cut,
        &twice,
        &twice_aud,
        &escaped,
        &two,
        &marked,
        &deep,
    ] {
        let judged = answer(200, body.as_bytes());
        assert_eq!(
            judged,
            Judgement::Unavailable(Unavailable::Garbage),
            "{body:.60}"
        );
    }
    let broken = [b"{\"sub\":\"\xff\"}".as_slice(), b"\0\0\0\0"];
    for body in broken {
        assert_eq!(
            answer(200, body),
            Judgement::Unavailable(Unavailable::Garbage)
        );
    }
    let many: serde_json::Map<_, _> = (0..300).map(|n| (format!("m{n}"), json!(n))).collect();
    assert_eq!(
        of(&Value::Object(many)),
        Judgement::Unavailable(Unavailable::Garbage)
    );
}

#[test]
fn half_a_body_is_none_even_if_it_reads_well() {
    let body = good().to_string();
    let answer = PartnerAnswer {
        status: 200,
        content_type: "application/json",
        body: body.as_bytes(),
        complete: false,
        key_shown: false,
    };
    let judged = judge(&answer, &terms(), now());
    assert_eq!(judged, Judgement::Unavailable(Unavailable::Garbage));
}

#[test]
fn only_json_is_read_as_json() {
    let body = good().to_string();
    let judged = |content_type: &str| {
        let answer = PartnerAnswer {
            status: 200,
            content_type,
            body: body.as_bytes(),
            complete: true,
            key_shown: false,
        };
        judge(&answer, &terms(), now())
    };
    for json in [
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/token-introspection+json",
        " application/json ",
    ] {
        assert!(matches!(judged(json), Judgement::Valid(_)), "{json}");
    }
    for other in [
        "",
        "text/html",
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/jwt",
        "application/problem+json",
        "+json",
    ] {
        let garbage = Judgement::Unavailable(Unavailable::Garbage);
        assert_eq!(judged(other), garbage, "{other}");
    }
}
