//! Leases, fences and order of jobs, on both databases.

use std::time::Duration;

use mayday_core::time::Timestamp;
use serde_json::json;

use super::{
    Claim, ClaimJobs, CompleteJob, GiveBackJobs, Job, NewJob, PostponeJob, ReleaseClaims,
    RenewLeases, RetryJob, SetJobAside, counts, enqueue, holds, next_due, rearm, wake,
};
use crate::command::{Command, Lane};
use crate::error::StoreError;
use crate::hint::Hint;
use crate::on_both;
use crate::store::Store;
use crate::testing::START;
use crate::tx::Tx;

const LEASE: Duration = Duration::from_secs(30);

/// What this server knows.
const KINDS: &[&str] = &["test"];

/// A server that knows another kind only leaves the rest alone.
const OTHER_KINDS: &[&str] = &["other"];

struct Enqueue {
    key: &'static str,
    priority: i64,
    due_at: Timestamp,
}

impl Command for Enqueue {
    type Output = bool;
    const NAME: &'static str = "test.enqueue";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let job = NewJob {
            kind: "test",
            key: self.key,
            priority: self.priority,
            due_at: self.due_at,
            payload: json!({"version": 1, "key": self.key}),
        };
        enqueue(tx, job).await
    }
}

async fn put(store: &Store, key: &'static str, priority: i64, due_at: Timestamp) -> bool {
    let job = Enqueue {
        key,
        priority,
        due_at,
    };
    store.write(Lane::Job, job).await.unwrap()
}

async fn claim(store: &Store, limit: i64) -> Vec<Job> {
    let claim = ClaimJobs {
        limit,
        lease: LEASE,
        kinds: KINDS,
        held: Vec::new(),
        takes_over: true,
    };
    store.write(Lane::Job, claim).await.unwrap()
}

fn keys(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().map(|job| job.key.as_str()).collect()
}

on_both!(due_jobs_are_claimed_most_urgent_first, |store| async move {
    let mut commits = store.commits();
    put(&store, "late", 1, START).await;
    put(&store, "urgent", 0, START).await;
    put(&store, "early", 1, START.minus(LEASE)).await;
    put(&store, "future", 0, START.plus(LEASE)).await;
    let hints = commits.recv().await.unwrap();
    assert!(matches!(*hints, [Hint::JobDue { due_at, .. }] if due_at == START));

    assert_eq!(keys(&claim(&store, 2).await), ["urgent", "early"]);
    let last = claim(&store, 50).await;
    assert_eq!(keys(&last), ["late"]);
    assert_eq!(last[0].payload, json!({"version": 1, "key": "late"}));
    assert_eq!(
        (last[0].attempts, last[0].lease_until),
        (1, START.plus(LEASE))
    );
    assert!(claim(&store, 50).await.is_empty());

    let mut tx = store.read().await.unwrap();
    assert_eq!(
        next_due(&mut tx, KINDS).await.unwrap(),
        Some(START.plus(LEASE))
    );
    let counted = counts(&mut tx).await.unwrap();
    assert_eq!((counted.ready, counted.leased, counted.poison), (1, 3, 0));
    assert_eq!(counted.oldest_due, Some(START.minus(LEASE)));
});

on_both!(a_lapsed_lease_is_fenced_off, |store| async move {
    put(&store, "slow", 0, START).await;
    let first = claim(&store, 1).await.remove(0);
    store.clock.advance(LEASE);
    let second = claim(&store, 1).await.remove(0);
    assert_eq!((first.id, second.attempts), (second.id, 2));
    assert!(second.fence > first.fence);

    let mut tx = store.read().await.unwrap();
    assert!(!holds(&mut tx, first.claim()).await.unwrap());
    assert!(holds(&mut tx, second.claim()).await.unwrap());
    drop(tx);
    let late = first.claim();
    assert!(!store.write(Lane::Job, CompleteJob(late)).await.unwrap());
    assert!(!renew(&store, late).await);
    assert!(!retry(&store, late, START).await);
    assert!(!aside(&store, late).await);
    assert!(
        store
            .write(Lane::Job, CompleteJob(second.claim()))
            .await
            .unwrap()
    );
    assert!(
        put(&store, "slow", 0, START).await,
        "a done job's key is free again"
    );
});

async fn renew(store: &Store, claim: Claim) -> bool {
    let renew = RenewLeases {
        claims: vec![claim],
        lease: LEASE,
    };
    store.write(Lane::Job, renew).await.unwrap() == 1
}

async fn retry(store: &Store, claim: Claim, due_at: Timestamp) -> bool {
    let error = "é".repeat(2_000);
    let retry = RetryJob {
        claim,
        due_at,
        error,
    };
    store.write(Lane::Job, retry).await.unwrap()
}

async fn aside(store: &Store, claim: Claim) -> bool {
    let error = "no such number".to_owned();
    store
        .write(Lane::Job, SetJobAside { claim, error })
        .await
        .unwrap()
}

on_both!(what_is_postponed_was_no_attempt, |store| async move {
    put(&store, "busy", 0, START).await;
    for _ in 0..30 {
        let job = claim(&store, 1).await.remove(0);
        assert_eq!(job.attempts, 1);
        let postpone = PostponeJob {
            claim: job.claim(),
            due_at: START,
        };
        assert!(store.write(Lane::Job, postpone).await.unwrap());
        // Run again, as after a lost answer.
        assert!(!store.write(Lane::Job, postpone).await.unwrap());
    }
});

on_both!(a_renewed_lease_holds_for_longer, |store| async move {
    put(&store, "long", 0, START).await;
    let job = claim(&store, 1).await.remove(0);
    store.clock.advance(LEASE / 2);
    assert!(renew(&store, job.claim()).await);
    store.clock.advance(LEASE / 2);
    assert!(claim(&store, 1).await.is_empty());
    store.clock.advance(LEASE / 2);
    assert_eq!(claim(&store, 1).await.len(), 1);
});

on_both!(
    who_claims_keeps_its_own_and_takes_from_others_only_when_told,
    |store| async move {
        let by = |held: Vec<Claim>, takes_over: bool| ClaimJobs {
            limit: 10,
            lease: LEASE,
            kinds: KINDS,
            held,
            takes_over,
        };
        put(&store, "mine", 0, START).await;
        put(&store, "theirs", 0, START).await;
        let [mine, theirs] = claim(&store, 2).await.try_into().unwrap();
        // Nobody could be asked for longer than a lease lasts.
        store.clock.advance(LEASE * 2);
        put(&store, "new", 0, START).await;
        let held = vec![mine.claim()];
        let new = store.write(Lane::Job, by(held.clone(), false)).await;
        assert_eq!(keys(&new.unwrap()), ["new"]);
        let over = store.write(Lane::Job, by(held, true)).await.unwrap();
        assert_eq!(keys(&over), ["theirs"]);
        let mut tx = store.read().await.unwrap();
        assert!(holds(&mut tx, mine.claim()).await.unwrap());
        assert!(!holds(&mut tx, theirs.claim()).await.unwrap());
    }
);

on_both!(what_is_given_back_is_anybodys_at_once, |store| async move {
    put(&store, "job", 0, START).await;
    let first = claim(&store, 1).await.remove(0).claim();
    let given = async |claim| store.write(Lane::Job, GiveBackJobs(vec![claim])).await;
    assert_eq!(given(first).await.unwrap(), 1);
    let second = claim(&store, 1).await.remove(0).claim();
    assert_eq!(given(first).await.unwrap(), 0, "it is somebody else's");
    assert_eq!(given(second).await.unwrap(), 1);
});

on_both!(
    a_failed_job_comes_back_or_is_set_aside,
    |store| async move {
        put(&store, "failing", 0, START).await;
        let job = claim(&store, 1).await.remove(0);
        let later = START.plus(Duration::from_mins(1));
        assert!(retry(&store, job.claim(), later).await);
        assert!(claim(&store, 1).await.is_empty());
        store.clock.set(later);
        let again = claim(&store, 1).await.remove(0);
        assert_eq!(again.attempts, 2);
        assert!(aside(&store, again.claim()).await);
        store.clock.advance(LEASE * 100);
        assert!(claim(&store, 1).await.is_empty());
        let mut tx = store.read().await.unwrap();
        assert_eq!(counts(&mut tx).await.unwrap().poison, 1);
        assert_eq!(next_due(&mut tx, KINDS).await.unwrap(), None);
    }
);

on_both!(a_live_job_is_enqueued_once, |store| async move {
    assert!(put(&store, "once", 0, START).await);
    assert!(!put(&store, "once", 0, START).await);
    claim(&store, 1).await;
    assert!(!put(&store, "once", 0, START).await);
});

on_both!(no_job_is_claimed_twice_at_once, |store| async move {
    let keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for key in keys {
        put(&store, key, 0, START).await;
    }
    let (one, two, three) = tokio::join!(claim(&store, 3), claim(&store, 3), claim(&store, 3),);
    let mut claimed: Vec<_> = one
        .iter()
        .chain(&two)
        .chain(&three)
        .map(|job| job.key.clone())
        .collect();
    claimed.extend(claim(&store, 50).await.into_iter().map(|job| job.key));
    claimed.sort_unstable();
    assert_eq!(claimed, keys);
});

on_both!(
    a_kind_that_is_not_known_is_left_to_others,
    |store| async move {
        put(&store, "newer", 0, START).await;
        let mut tx = store.read().await.unwrap();
        assert_eq!(next_due(&mut tx, OTHER_KINDS).await.unwrap(), None);
        drop(tx);
        let older = ClaimJobs {
            limit: 1,
            lease: LEASE,
            kinds: OTHER_KINDS,
            held: Vec::new(),
            takes_over: true,
        };
        assert!(store.write(Lane::Job, older).await.unwrap().is_empty());
        assert_eq!(keys(&claim(&store, 1).await), ["newer"]);
    }
);

/// Wakes the timer `timer` by then.
struct Wake(Timestamp);

impl Command for Wake {
    type Output = ();
    const NAME: &'static str = "test.wake";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let timer = NewJob {
            kind: "test",
            key: "timer",
            priority: 0,
            due_at: self.0,
            payload: json!({"version": 1}),
        };
        wake(tx, timer).await
    }
}

struct Rearm(Claim, Timestamp);

impl Command for Rearm {
    type Output = bool;
    const NAME: &'static str = "test.rearm";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        rearm(tx, self.0, self.1).await
    }
}

on_both!(
    a_timer_is_woken_sooner_and_never_later_and_taken_from_whoever_holds_it,
    |store| async move {
        let after = |seconds| START.plus(Duration::from_secs(seconds));
        let wake = async |at| store.write(Lane::Job, Wake(at)).await.unwrap();
        let due = async || {
            let mut tx = store.read().await.unwrap();
            next_due(&mut tx, KINDS).await.unwrap()
        };
        wake(after(60)).await;
        wake(after(90)).await;
        assert_eq!(due().await, Some(after(60)));
        wake(START).await;
        let held = claim(&store, 10).await;
        assert_eq!(keys(&held), ["timer"]);
        // What it has to look at changed while somebody looked: the look is void.
        wake(after(5)).await;
        let late = Rearm(held[0].claim(), after(300));
        assert!(!store.write(Lane::Job, late).await.unwrap());
        let again = claim(&store, 10).await;
        assert_eq!(again.len(), 1, "at once, whatever it was due at before");
        let set = Rearm(again[0].claim(), after(300));
        assert!(store.write(Lane::Job, set).await.unwrap());
        assert_eq!(due().await, Some(after(300)));
    }
);

on_both!(
    the_claims_of_a_process_that_died_are_given_back,
    |store| async move {
        put(&store, "cut short", 0, START).await;
        assert_eq!(claim(&store, 10).await.len(), 1);
        assert!(claim(&store, 10).await.is_empty());
        assert_eq!(store.write(Lane::Job, ReleaseClaims).await.unwrap(), 1);
        assert_eq!(claim(&store, 10).await.len(), 1);
    }
);
