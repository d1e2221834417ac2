//! Who is connected to this node, and who has to make room.
//!
//! A connection arrives as a [`Visitor`]: it has proved nothing and sits in
//! one of the *reserve* slots. Once its proof was checked it is admitted and
//! becomes a [`Membership`]. The two kinds never take each other's room, and
//! neither is ever turned away (contract: SOS, "connection slots are kept in
//! reserve for it"):
//!
//! * a visitor beyond the reserve closes the oldest visitor of the address
//!   that holds most of them, so that a flood from one place displaces itself;
//! * a member beyond the house closes the member that has been idle longest,
//!   one that cried for help last of all.
//!
//! Whoever is closed is forgotten here at once and told through its line with
//! a [`CutReason`]; its own late clean-up finds nothing to remove, because
//! every connection has a number of its own.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use mayday_core::identity::Caller;
use mayday_core::ids::{SessionId, UserId};
use mayday_core::sso::EndReason;
use tokio::sync::Notify;

/// Client ids that begin so are shared by several phones of one user and
/// coexist instead of taking over (contract: MQTT).
pub const SHARED_CLIENT_ID_PREFIX: &str = "eixam_";

/// How many connections with shared client ids one identity holds at most.
pub const SHARED_PER_IDENTITY: usize = 8;

/// How many connections one identity holds at most, whatever their client ids,
/// so that one user cannot displace all others.
pub const MEMBERS_PER_IDENTITY: usize = 32;

/// How many connections this node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceLimits {
    /// Connections whose proof was checked.
    pub members: usize,
    /// Connections that have yet to prove anything, on top of the members.
    pub reserve: usize,
}

impl Default for PresenceLimits {
    fn default() -> Self {
        Self {
            members: 10_000,
            reserve: 512,
        }
    }
}

/// Why a connection is closed from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CutReason {
    /// A newer connection of the same identity came with the same client id.
    TakenOver,
    /// The identity holds more connections than it may.
    TooManyOfIdentity,
    /// The house is full, and this one was idle longest or unproven.
    FullHouse,
    /// The user was blocked.
    UserBlocked,
    /// The user's data is being erased; the next connection is a new user's.
    UserErased,
    /// The app was deactivated.
    AppInactive,
    /// The secret behind the connection's proof was retired.
    SecretRetired,
    /// The app's policy takes proofs of this kind no longer.
    PolicyChanged,
    /// The proof expired so long ago that it no longer even calls for help.
    ProofExpired,
    /// The session that the connection was made with ended.
    SessionEnded(EndReason),
}

impl CutReason {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::TakenOver,
        Self::TooManyOfIdentity,
        Self::FullHouse,
        Self::UserBlocked,
        Self::UserErased,
        Self::AppInactive,
        Self::SecretRetired,
        Self::PolicyChanged,
        Self::ProofExpired,
        Self::SessionEnded(EndReason::Evicted),
        Self::SessionEnded(EndReason::LoggedOut),
        Self::SessionEnded(EndReason::Revoked),
        Self::SessionEnded(EndReason::Reused),
        Self::SessionEnded(EndReason::Expired),
        Self::SessionEnded(EndReason::VerificationLimit),
    ];
}

/// The registry of live connections of this node. Always behind an [`Arc`].
#[derive(Debug)]
pub struct Presence {
    limits: PresenceLimits,
    /// Counts activity; a larger mark is later.
    ticks: AtomicU64,
    registry: Mutex<Registry>,
}

/// How many connections there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PresenceCounts {
    /// Connections that have yet to prove anything.
    pub visitors: usize,
    /// Connections whose proof was checked.
    pub members: usize,
}

/// A connection that has proved nothing yet. Leaves when dropped.
#[derive(Debug)]
pub struct Visitor {
    presence: Arc<Presence>,
    number: u64,
    line: Arc<Line>,
}

/// A connection whose proof was checked. Leaves when dropped.
#[derive(Debug)]
pub struct Membership {
    presence: Arc<Presence>,
    number: u64,
    line: Arc<Line>,
    activity: Arc<Activity>,
}

/// How a connection learns that it is to be closed.
#[derive(Debug, Default)]
struct Line {
    reason: OnceLock<CutReason>,
    ring: Notify,
}

#[derive(Debug)]
struct Activity {
    mark: AtomicU64,
    distress: AtomicBool,
    /// The session was overtaken while its user is in distress.
    demoted: AtomicBool,
}

/// Orders members by who makes room first: idle longest, distress last.
type IdleKey = (bool, u64);

#[derive(Debug)]
struct Member {
    caller: Arc<Caller>,
    client_id: Box<str>,
    line: Arc<Line>,
    activity: Arc<Activity>,
    /// The key under which it stands in `Registry::idle`; the true one may be
    /// larger by now.
    queued: IdleKey,
}

#[derive(Debug, Default)]
struct Registry {
    last_number: u64,
    visitors: HashMap<u64, (Neighbourhood, Arc<Line>)>,
    neighbourhoods: HashMap<Neighbourhood, BTreeSet<u64>>,
    /// Boxed: a table has room for more than it holds.
    members: HashMap<u64, Box<Member>>,
    /// Numbers in order of arrival.
    by_user: HashMap<UserId, Vec<u64>>,
    idle: BTreeSet<(IdleKey, u64)>,
}

/// An IPv4 address, or the /64 that one IPv6 customer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Neighbourhood(u64);

impl Presence {
    /// An empty house.
    pub fn new(limits: PresenceLimits) -> Arc<Self> {
        Arc::new(Self {
            limits: PresenceLimits {
                members: limits.members.max(1),
                reserve: limits.reserve.max(1),
            },
            ticks: AtomicU64::new(0),
            registry: Mutex::default(),
        })
    }

    /// How many connections the node takes.
    pub fn limits(&self) -> PresenceLimits {
        self.limits
    }

    /// How many connections there are now.
    pub fn counts(&self) -> PresenceCounts {
        let registry = self.lock();
        PresenceCounts {
            visitors: registry.visitors.len(),
            members: registry.members.len(),
        }
    }

    /// Takes in a connection that has proved nothing; beyond the reserve
    /// another unproven one is closed for it.
    pub fn arrive(self: &Arc<Self>, peer: IpAddr) -> Visitor {
        let line = Arc::new(Line::default());
        let mut registry = self.lock();
        while registry.visitors.len() >= self.limits.reserve {
            let Some(number) = registry.oldest_of_the_largest_neighbourhood() else {
                break;
            };
            registry.remove_visitor(number, Some(CutReason::FullHouse));
        }
        let number = registry.next_number();
        let home = Neighbourhood::of(peer);
        registry.visitors.insert(number, (home, Arc::clone(&line)));
        registry
            .neighbourhoods
            .entry(home)
            .or_default()
            .insert(number);
        drop(registry);
        Visitor {
            presence: Arc::clone(self),
            number,
            line,
        }
    }

    /// Closes every admitted connection for which `condition` gives a reason;
    /// returns how many there were. Connections that are being admitted
    /// meanwhile check their proof once more after they were registered, so
    /// none slips between.
    pub fn cut_where(&self, condition: impl Fn(&Caller) -> Option<CutReason>) -> usize {
        let mut registry = self.lock();
        let cut: Vec<_> = registry
            .members
            .iter()
            .filter_map(|(&number, member)| Some((number, condition(&member.caller)?)))
            .collect();
        for &(number, reason) in &cut {
            registry.remove_member(number, Some(reason));
        }
        cut.len()
    }

    /// Leaves the connections of a session to their users' SOS alone: it was
    /// overtaken while an incident is open (contract: Sessions).
    pub fn demote(&self, session: SessionId) {
        let registry = self.lock();
        for member in registry.members.values() {
            if member.caller.credential.session() == Some(session) {
                member.activity.demoted.store(true, Ordering::Relaxed);
            }
        }
    }

    /// The sessions that connections were made with, each once.
    pub fn connected_sessions(&self) -> Vec<SessionId> {
        let registry = self.lock();
        let sessions = registry.members.values();
        let mut sessions: Vec<_> = sessions
            .filter_map(|member| member.caller.credential.session())
            .collect();
        drop(registry);
        sessions.sort_unstable();
        sessions.dedup();
        sessions
    }

    /// Whether a user is connected to this node.
    pub fn is_connected(&self, user: UserId) -> bool {
        self.lock().by_user.contains_key(&user)
    }

    /// Closes the connection that can best be spared, because no file
    /// descriptor is left: an unproven one, else the one idle longest. `false`
    /// when there is none.
    pub fn make_room(&self) -> bool {
        let mut registry = self.lock();
        if let Some(number) = registry.oldest_of_the_largest_neighbourhood() {
            registry.remove_visitor(number, Some(CutReason::FullHouse));
            return true;
        }
        if let Some(number) = registry.idle_longest() {
            registry.remove_member(number, Some(CutReason::FullHouse));
            return true;
        }
        false
    }

    /// The users who are connected, each once.
    pub fn connected_users(&self) -> Vec<UserId> {
        self.lock().by_user.keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::Relaxed)
    }
}

impl Visitor {
    /// Waits until the connection is to be closed; cancel-safe.
    pub async fn cut(&self) -> CutReason {
        self.line.cut().await
    }

    /// Makes a proven connection a member; whoever has to make room is told.
    ///
    /// A connection with the same client id of the same identity is taken
    /// over, unless the id is a shared one (contract: MQTT). A visitor who was
    /// closed for others while its proof was checked is admitted all the same:
    /// it has proved itself now, and the line by which it was told is not the
    /// member's.
    pub fn admit(self, caller: Arc<Caller>, client_id: &str) -> Membership {
        let presence = Arc::clone(&self.presence);
        let line = Arc::new(Line::default());
        let mark = presence.tick();
        let activity = Arc::new(Activity {
            mark: AtomicU64::new(mark),
            distress: AtomicBool::new(false),
            demoted: AtomicBool::new(false),
        });
        let mut registry = presence.lock();
        registry.remove_visitor(self.number, None);
        registry.make_room_within_identity(caller.user, client_id);
        while registry.members.len() >= presence.limits.members {
            let Some(number) = registry.idle_longest() else {
                break;
            };
            registry.remove_member(number, Some(CutReason::FullHouse));
        }
        let queued = (false, mark);
        registry.idle.insert((queued, self.number));
        let of_user = registry.by_user.entry(caller.user).or_default();
        // Most have one connection.
        of_user.reserve_exact(1);
        of_user.push(self.number);
        let member = Member {
            caller,
            client_id: client_id.into(),
            line: Arc::clone(&line),
            activity: Arc::clone(&activity),
            queued,
        };
        registry.members.insert(self.number, Box::new(member));
        drop(registry);
        Membership {
            presence,
            number: self.number,
            line,
            activity,
        }
    }
}

impl Membership {
    /// The connection's number, unique in this process.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Waits until the connection is to be closed; cancel-safe.
    pub async fn cut(&self) -> CutReason {
        self.line.cut().await
    }

    /// Whether the connection was left to its user's SOS alone.
    pub fn is_demoted(&self) -> bool {
        self.activity.demoted.load(Ordering::Relaxed)
    }

    /// Notes activity. Keep-alive is none: every phone pings.
    pub fn touch(&self) {
        let mark = self.presence.tick();
        self.activity.mark.store(mark, Ordering::Relaxed);
    }

    /// Notes a cry for help: this connection makes room last.
    pub fn distress(&self) {
        self.activity.distress.store(true, Ordering::Relaxed);
        self.touch();
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        // Nothing happens when it was admitted or closed before.
        self.presence.lock().remove_visitor(self.number, None);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.presence.lock().remove_member(self.number, None);
    }
}

impl Line {
    /// Tells the connection; the first reason stands.
    fn hang_up(&self, reason: CutReason) {
        if self.reason.set(reason).is_ok() {
            // A permit stays behind when nobody is waiting yet.
            self.ring.notify_one();
        }
    }

    async fn cut(&self) -> CutReason {
        loop {
            if let Some(&reason) = self.reason.get() {
                return reason;
            }
            self.ring.notified().await;
        }
    }
}

impl Activity {
    fn key(&self) -> IdleKey {
        (
            self.distress.load(Ordering::Relaxed),
            self.mark.load(Ordering::Relaxed),
        )
    }
}

impl Registry {
    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn remove_visitor(&mut self, number: u64, reason: Option<CutReason>) {
        let Some((home, line)) = self.visitors.remove(&number) else {
            return;
        };
        if let Some(neighbours) = self.neighbourhoods.get_mut(&home) {
            neighbours.remove(&number);
            if neighbours.is_empty() {
                self.neighbourhoods.remove(&home);
            }
        }
        if let Some(reason) = reason {
            line.hang_up(reason);
        }
    }

    fn remove_member(&mut self, number: u64, reason: Option<CutReason>) {
        let Some(member) = self.members.remove(&number) else {
            return;
        };
        self.idle.remove(&(member.queued, number));
        if let Some(numbers) = self.by_user.get_mut(&member.caller.user) {
            numbers.retain(|&other| other != number);
            if numbers.is_empty() {
                self.by_user.remove(&member.caller.user);
            }
        }
        if let Some(reason) = reason {
            member.line.hang_up(reason);
        }
    }

    /// Whom an unproven newcomer displaces. Between neighbourhoods of one size
    /// it is age that decides, never the address: nobody could otherwise come
    /// in whose address stands on the wrong side of all others.
    fn oldest_of_the_largest_neighbourhood(&self) -> Option<u64> {
        self.neighbourhoods
            .values()
            .max_by_key(|numbers| (numbers.len(), Reverse(numbers.first())))
            .and_then(|numbers| numbers.first().copied())
    }

    /// Take-over and the limits within one identity, before a newcomer joins.
    fn make_room_within_identity(&mut self, user: UserId, client_id: &str) {
        let shared = is_shared(client_id);
        // An empty id asks for one of its own: nobody else has that one.
        if !shared && !client_id.is_empty() {
            let same = |member: &Member| *member.client_id == *client_id;
            for number in self.of_user(user, same) {
                self.remove_member(number, Some(CutReason::TakenOver));
            }
        }
        if shared {
            self.limit_within_identity(user, SHARED_PER_IDENTITY, |member| {
                is_shared(&member.client_id)
            });
        }
        self.limit_within_identity(user, MEMBERS_PER_IDENTITY, |_| true);
    }

    /// Leaves room for one more among those of `user` that count.
    fn limit_within_identity(
        &mut self,
        user: UserId,
        limit: usize,
        counts: impl Fn(&Member) -> bool,
    ) {
        let mut numbers = self.of_user(user, counts);
        numbers.sort_by_key(|number| self.members.get(number).map(|m| m.activity.key()));
        let excess = (numbers.len() + 1).saturating_sub(limit);
        for &number in numbers.iter().take(excess) {
            self.remove_member(number, Some(CutReason::TooManyOfIdentity));
        }
    }

    fn of_user(&self, user: UserId, condition: impl Fn(&Member) -> bool) -> Vec<u64> {
        let numbers = self.by_user.get(&user).into_iter().flatten();
        numbers
            .copied()
            .filter(|number| {
                self.members
                    .get(number)
                    .is_some_and(|member| condition(member))
            })
            .collect()
    }

    /// The member that makes room for another. Keys only grow, so the first
    /// one whose queued key is still true is the smallest of all.
    fn idle_longest(&mut self) -> Option<u64> {
        loop {
            let (queued, number) = self.idle.pop_first()?;
            let Some(member) = self.members.get_mut(&number) else {
                continue;
            };
            let key = member.activity.key();
            member.queued = key;
            self.idle.insert((key, number));
            if key == queued {
                return Some(number);
            }
        }
    }
}

impl Neighbourhood {
    fn of(peer: IpAddr) -> Self {
        match peer.to_canonical() {
            // No IPv6 address of a customer begins with 32 zero bits.
            IpAddr::V4(v4) => Self(u64::from(u32::from(v4))),
            IpAddr::V6(v6) => Self((u128::from(v6) >> 64) as u64),
        }
    }
}

fn is_shared(client_id: &str) -> bool {
    client_id.starts_with(SHARED_CLIENT_ID_PREFIX)
}

#[cfg(test)]
mod tests;
