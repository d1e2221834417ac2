use std::net::{Ipv4Addr, Ipv6Addr};

use futures_util::FutureExt;
use mayday_core::identity::{AppId, Credential, ExternalUserId, Standing};
use mayday_core::ids::{AppUuid, SecretId};
use uuid::Uuid;

use super::*;

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

fn caller(user: u128) -> Caller {
    Caller {
        app: AppUuid(Uuid::from_u128(1)),
        app_id: AppId::parse("app").unwrap(),
        user: UserId(Uuid::from_u128(user)),
        external_id: ExternalUserId::parse(&format!("user-{user}")).unwrap(),
        credential: Credential::Secret(SecretId(Uuid::from_u128(9))),
        lapse: None,
        idle: None,
        expires_at: None,
        standing: Standing::Full,
        peer: HOME,
    }
}

fn house(members: usize, reserve: usize) -> Arc<Presence> {
    Presence::new(PresenceLimits { members, reserve })
}

fn join(presence: &Arc<Presence>, user: u128, client_id: &str) -> Membership {
    presence.arrive(HOME).admit(caller(user).into(), client_id)
}

fn reason(membership: &Membership) -> Option<CutReason> {
    membership.cut().now_or_never()
}

#[test]
fn the_newer_connection_takes_over_within_one_identity_only() {
    let presence = house(10, 10);
    let first = join(&presence, 1, "phone");
    let other_user = join(&presence, 2, "phone");
    let other_id = join(&presence, 1, "tablet");
    let second = join(&presence, 1, "phone");
    assert_eq!(reason(&first), Some(CutReason::TakenOver));
    for stays in [&other_user, &other_id, &second] {
        assert_eq!(reason(stays), None);
    }
}

#[test]
fn connections_without_an_id_do_not_take_each_other_over() {
    let presence = house(10, 10);
    let first = join(&presence, 1, "");
    let second = join(&presence, 1, "");
    for stays in [&first, &second] {
        assert_eq!(reason(stays), None);
    }
}

#[test]
fn a_late_clean_up_leaves_the_newer_registration_alone() {
    let presence = house(10, 10);
    let first = join(&presence, 1, "phone");
    let second = join(&presence, 1, "phone");
    drop(first);
    assert_eq!(presence.counts().members, 1);
    assert_eq!(presence.connected_users().len(), 1);
    assert_eq!(presence.cut_where(|_| Some(CutReason::UserBlocked)), 1);
    assert_eq!(reason(&second), Some(CutReason::UserBlocked));
}

#[test]
fn eight_shared_ids_coexist_and_the_oldest_idle_makes_room() {
    let presence = house(100, 10);
    let phones: Vec<_> = (0..8).map(|_| join(&presence, 1, "eixam_ana")).collect();
    assert!(phones.iter().all(|phone| reason(phone).is_none()));
    // The first was active meanwhile, so the second has been idle longest.
    phones[0].touch();
    let ninth = join(&presence, 1, "eixam_ana");
    assert_eq!(reason(&phones[1]), Some(CutReason::TooManyOfIdentity));
    assert_eq!(phones.iter().filter(|p| reason(p).is_some()).count(), 1);
    assert_eq!(reason(&ninth), None);
    // Another id beside them is not counted among the shared ones.
    let console = join(&presence, 1, "console");
    assert_eq!(reason(&console), None);
    assert_eq!(presence.counts().members, 9);
}

#[test]
fn one_identity_cannot_fill_the_house() {
    let presence = house(1_000, 10);
    let other = join(&presence, 2, "phone");
    let many: Vec<_> = (0..40)
        .map(|n| join(&presence, 1, &format!("id-{n}")))
        .collect();
    assert_eq!(presence.counts().members, MEMBERS_PER_IDENTITY + 1);
    assert_eq!(reason(&many[0]), Some(CutReason::TooManyOfIdentity));
    assert_eq!(reason(&other), None);
}

#[test]
fn a_full_house_closes_the_longest_idle_and_distress_last() {
    let presence = house(3, 3);
    let victim = join(&presence, 1, "a");
    victim.distress();
    let idle = join(&presence, 2, "a");
    let busy = join(&presence, 3, "a");
    let newcomer = join(&presence, 4, "a");
    assert_eq!(reason(&idle), Some(CutReason::FullHouse));
    busy.touch();
    let another = join(&presence, 5, "a");
    assert_eq!(reason(&newcomer), Some(CutReason::FullHouse));
    for stays in [&victim, &busy, &another] {
        assert_eq!(reason(stays), None);
    }
    assert_eq!(presence.counts().members, 3);
}

#[test]
fn a_flood_of_visitors_displaces_itself_and_no_member() {
    let presence = house(2, 4);
    let member = join(&presence, 1, "a");
    let genuine = presence.arrive(ELSEWHERE);
    let flood: Vec<_> = (0..50).map(|_| presence.arrive(HOME)).collect();
    assert_eq!(presence.counts().visitors, 4);
    assert_eq!(genuine.cut().now_or_never(), None);
    assert_eq!(reason(&member), None);
    assert_eq!(flood[0].cut().now_or_never(), Some(CutReason::FullHouse));
    let admitted = genuine.admit(caller(2).into(), "a");
    assert_eq!(reason(&admitted), None);
    drop(flood);
    assert_eq!(presence.counts().visitors, 0);
}

#[test]
fn one_ipv6_customer_is_one_neighbourhood() {
    let presence = house(2, 3);
    let genuine = presence.arrive(HOME);
    let customer = 0x2001_0db8_0000_0001_u128 << 64;
    let flood: Vec<_> = (0..20)
        .map(|n| presence.arrive(IpAddr::V6(Ipv6Addr::from(customer + n))))
        .collect();
    assert_eq!(genuine.cut().now_or_never(), None);
    assert_eq!(presence.counts().visitors, 3);
    drop(flood);
    let mapped = IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped());
    assert_eq!(Neighbourhood::of(mapped), Neighbourhood::of(HOME));
}

#[test]
fn among_neighbourhoods_of_one_size_the_oldest_visitor_goes() {
    let presence = house(2, 4);
    let strangers: Vec<_> = (0..4)
        .map(|n| presence.arrive(IpAddr::V4(Ipv4Addr::from(n + 1))))
        .collect();
    // Its address is larger than theirs, and it is the youngest.
    let phone = presence.arrive(IpAddr::V6(Ipv6Addr::from(0x2a00_u128 << 112)));
    assert_eq!(
        strangers[0].cut().now_or_never(),
        Some(CutReason::FullHouse)
    );
    let _another = presence.arrive(IpAddr::V4(Ipv4Addr::from(99)));
    assert_eq!(phone.cut().now_or_never(), None);
}

#[test]
fn a_visitor_closed_while_its_proof_was_checked_is_admitted_for_good() {
    let presence = house(2, 1);
    let phone = presence.arrive(HOME);
    let _newcomer = presence.arrive(ELSEWHERE);
    assert_eq!(phone.cut().now_or_never(), Some(CutReason::FullHouse));
    let admitted = phone.admit(caller(1).into(), "a");
    assert_eq!(reason(&admitted), None);
    assert_eq!(presence.counts().members, 1);
}

#[test]
fn a_cut_reaches_exactly_whom_it_names() {
    let presence = house(10, 10);
    let blocked = join(&presence, 1, "a");
    let other = join(&presence, 2, "a");
    let user = caller(1).user;
    let cut = presence.cut_where(|who| (who.user == user).then_some(CutReason::UserBlocked));
    assert_eq!(cut, 1);
    assert_eq!(reason(&blocked), Some(CutReason::UserBlocked));
    assert_eq!(reason(&other), None);
    drop(blocked);
    assert_eq!(presence.counts().members, 1);
}

#[test]
fn without_descriptors_the_unproven_make_room_first() {
    let presence = house(10, 10);
    let member = join(&presence, 1, "a");
    let visitor = presence.arrive(HOME);
    assert!(presence.make_room());
    assert_eq!(visitor.cut().now_or_never(), Some(CutReason::FullHouse));
    assert_eq!(reason(&member), None);
    assert!(presence.make_room());
    assert_eq!(reason(&member), Some(CutReason::FullHouse));
    assert!(!presence.make_room());
}
