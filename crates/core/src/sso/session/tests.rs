use uuid::Uuid;

use super::*;

const T0: Timestamp = Timestamp::from_secs(1_788_948_000);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(T0.as_secs() + seconds)
}

fn life() -> Life {
    Life {
        used_at: T0,
        expires_at: at(1_000),
        idle: Duration::from_mins(5),
        ending: None,
    }
}

const TOKEN: TokenLife = TokenLife {
    expires_at: Timestamp::from_secs(1_788_948_100),
    superseded_at: None,
};

fn ended(reason: EndReason) -> Life {
    Life {
        ending: Some(Ending {
            reason,
            at: at(5),
            by: None,
        }),
        ..life()
    }
}

#[test]
fn words_are_found_again() {
    for reason in EndReason::ALL {
        assert_eq!(EndReason::parse(reason.as_str()), Some(reason));
    }
}

#[test]
fn a_token_past_its_minutes_alone_asks_for_a_refresh() {
    assert_eq!(access(&life(), &TOKEN, at(99)), Access::Full);
    match access(&life(), &TOKEN, at(100)) {
        Access::Stale(lapse) => assert_eq!((lapse.code, lapse.at), ("token_expired", at(100))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_replaced_token_lives_a_minute_on_and_never_longer_than_its_own_life() {
    let token = |superseded| TokenLife {
        superseded_at: Some(at(superseded)),
        ..TOKEN
    };
    assert_eq!(token(10).ends_at(), at(70));
    assert_eq!(token(90).ends_at(), at(100));
    assert_eq!(access(&life(), &token(10), at(69)), Access::Full);
    assert!(matches!(
        access(&life(), &token(10), at(70)),
        Access::Stale(_)
    ));
}

#[test]
fn an_overtaken_session_calls_for_help_and_one_that_was_sent_away_does_not() {
    for reason in EndReason::ALL {
        let judged = access(&ended(reason), &TOKEN, at(6));
        let helps = matches!(reason, EndReason::Evicted | EndReason::Expired);
        match judged {
            Access::Stale(lapse) if helps => assert_eq!(lapse.code, reason.code()),
            Access::Refused(lapse) if !helps => assert_eq!(lapse.code, reason.code()),
            other => panic!("{reason:?}: {other:?}"),
        }
    }
    let late = at(5).plus(STALE_GRACE);
    let evicted = ended(EndReason::Evicted);
    assert!(matches!(access(&evicted, &TOKEN, late), Access::Stale(_)));
    let later = late.plus(Duration::from_secs(1));
    assert!(matches!(
        access(&evicted, &TOKEN, later),
        Access::Refused(_)
    ));
}

#[test]
fn a_session_ends_by_itself_when_idle_or_old() {
    assert_eq!(life().ended(at(299)), None);
    let idle = life().ended(at(300)).unwrap();
    assert_eq!((idle.reason, idle.at), (EndReason::Expired, at(300)));
    let busy = Life {
        used_at: at(990),
        ..life()
    };
    assert_eq!(busy.ended(at(999)), None);
    assert_eq!(busy.ended(at(1_000)).unwrap().at, at(1_000));
    // An end that somebody made stands.
    let evicted = ended(EndReason::Evicted).ended(at(5_000)).unwrap();
    assert_eq!(evicted.reason, EndReason::Evicted);
}

#[test]
fn a_refresh_token_is_taken_once_and_again_only_while_its_successor_is_unused() {
    // Pair 1 was never replaced.
    assert_eq!(refresh(1, None, 1, 0, at(0)), Refresh::Rotate);
    assert_eq!(refresh(1, None, 1, 1, at(9_999)), Refresh::Rotate);
    // Pair 1 bought 2, whose answer was lost.
    assert_eq!(refresh(1, Some(at(0)), 2, 1, at(59)), Refresh::Rotate);
    assert_eq!(refresh(1, Some(at(0)), 2, 1, at(60)), Refresh::Reuse);
    // Pair 2 bought another: whoever shows 1 now has a copy.
    assert_eq!(refresh(1, Some(at(0)), 2, 2, at(1)), Refresh::Reuse);
    // The answer was lost twice.
    assert_eq!(refresh(1, Some(at(0)), 3, 1, at(30)), Refresh::Rotate);
    // It came, and is as good as the pair that came after it, whenever it is used.
    assert_eq!(refresh(2, None, 3, 1, at(9_999)), Refresh::Rotate);
    // What was used is spent.
    assert_eq!(refresh(1, None, 3, 1, at(30)), Refresh::Reuse);
}

#[test]
fn of_two_pairs_that_came_at_one_instant_one_lives_on() {
    // Pair 1 bought 2 and 3; 2 bought 4.
    assert_eq!(refresh(4, None, 4, 2, at(9_999)), Refresh::Rotate);
    assert_eq!(refresh(3, Some(at(900)), 4, 2, at(959)), Refresh::Rotate);
    assert_eq!(refresh(3, Some(at(900)), 4, 2, at(960)), Refresh::Reuse);
    // The answer with 4 was lost.
    assert_eq!(refresh(2, Some(at(900)), 4, 2, at(959)), Refresh::Rotate);
    assert_eq!(refresh(2, Some(at(900)), 4, 2, at(960)), Refresh::Reuse);
    assert_eq!(refresh(1, Some(at(0)), 4, 2, at(901)), Refresh::Reuse);
}

fn place(id: u128, used: i64, created: i64) -> Place {
    Place {
        id: SessionId(Uuid::from_u128(id)),
        used_at: at(used),
        created_at: at(created),
    }
}

fn ids(places: &[u128]) -> Vec<SessionId> {
    places
        .iter()
        .map(|id| SessionId(Uuid::from_u128(*id)))
        .collect()
}

#[test]
fn the_oldest_idle_makes_room_and_the_newcomer_never_does() {
    let live = vec![place(1, 30, 0), place(2, 10, 5), place(3, 20, 1)];
    assert_eq!(surplus(live.clone(), 1, 3), ids(&[2]));
    assert_eq!(surplus(live.clone(), 1, 1), ids(&[2, 3, 1]));
    assert_eq!(surplus(live.clone(), 1, 4), ids(&[]));
    // A cap that was lowered.
    assert_eq!(surplus(live, 0, 1), ids(&[2, 3]));
    assert_eq!(surplus(Vec::new(), 1, 1), ids(&[]));
}

#[test]
fn on_a_tie_the_older_session_goes() {
    let live = vec![place(1, 10, 5), place(2, 10, 4), place(3, 10, 6)];
    assert_eq!(surplus(live, 0, 2), ids(&[2]));
}
