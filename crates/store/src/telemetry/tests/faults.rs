//! A stuck or failing writer costs no acknowledged sample and doubles none.

use super::*;
use crate::on_both;
use crate::telemetry::StoredIn;
use crate::testing::still::Still;

on_both!(
    a_frozen_writer_is_left_for_the_spill_table,
    |store| async move {
        let telemetry = store.telemetry().await;
        telemetry.faults().freeze();
        let sent: Vec<Sample> = (0..300).map(|n| sample(user(0), n)).collect();
        // Nobody asks: the watchdog finds out by itself.
        store_all(&telemetry, sent.clone()).await.unwrap();
        assert!(telemetry.health().stalled);
        // From now on straight to the spill table.
        store_all(&telemetry, [sample(user(0), 300)]).await.unwrap();
        assert_eq!(spilled_rows(&store).await, 301);
        assert_eq!(all_of(&telemetry, user(0)).await.len(), 301);
        let newest = telemetry.latest(user(0)).await.unwrap().unwrap();
        assert_eq!(newest, sample(user(0), 300).position());

        telemetry.faults().thaw();
        until("the writer goes on", || !telemetry.health().stalled).await;
        // What was stuck is in both places now, and yet each is one sample.
        assert_eq!(all_of(&telemetry, user(0)).await.len(), 301);
        while telemetry.move_spilled().await.unwrap().more {}
        assert_eq!(spilled_rows(&store).await, 0);
        let found = all_of(&telemetry, user(0)).await;
        assert_eq!(found[..300], sent);
        assert_eq!(found.len(), 301);
        telemetry.close().await;
    }
);

on_both!(a_sample_is_spilled_on_request_at_once, |store| async move {
    let telemetry = store.telemetry().await;
    telemetry.faults().freeze();
    let mut pending: Vec<_> = (0..64)
        .map(|n| telemetry.submit(sample(user(0), n)))
        .collect();
    // The watchdog's second does not pass.
    let still = Still::now();
    for sample in &pending {
        sample.spill();
        sample.spill();
    }
    for sample in &mut pending {
        sample.stored().await.unwrap();
    }
    drop(still);
    assert_eq!(spilled_rows(&store).await, 64);
    telemetry.faults().thaw();
    telemetry.close().await;
});

on_both!(
    a_failed_commit_goes_to_the_spill_table,
    |store| async move {
        let app = store.app("acme").await;
        let owner = store.user(&app, "ana").await;
        let telemetry = store.telemetry().await;
        let incident = open_sos(&store, &app, owner).await;
        telemetry.faults().fail_commits(true);
        store_all(&telemetry, (0..10).map(|n| sample(owner, n)))
            .await
            .unwrap();
        assert_eq!(spilled_rows(&store).await, 10);
        // The trail has them, spilled or not.
        assert_eq!(telemetry.trail(incident).await.unwrap().len(), 10);
        assert!(telemetry.move_spilled().await.is_err());
        assert_eq!(spilled_rows(&store).await, 10);
        telemetry.faults().fail_commits(false);
        resolve_sos(&store, owner).await;
        assert_eq!(telemetry.move_spilled().await.unwrap().rows, 10);
        assert_eq!(spilled_rows(&store).await, 0);
        assert_eq!(telemetry.trail(incident).await.unwrap().len(), 10);
        telemetry.close().await;
    }
);

on_both!(
    closing_waits_for_what_goes_to_the_spill_table,
    |store| async move {
        let telemetry = store.telemetry().await;
        telemetry.faults().fail_commits(true);
        let mut pending = telemetry.submit(sample(user(0), 1));
        telemetry.close().await;
        pending.stored().await.unwrap();
        assert_eq!(spilled_rows(&store).await, 1);
    }
);

on_both!(
    a_sample_that_changes_while_it_is_moved_is_not_lost,
    |store| async move {
        let telemetry = store.telemetry().await;
        telemetry.faults().fail_commits(true);
        let mut sent = sample(user(0), 1);
        store_all(&telemetry, [sent.clone()]).await.unwrap();
        let mut tx = store.read().await.unwrap();
        let moving = crate::spill::oldest(&mut tx, 10).await.unwrap();
        drop(tx);
        sent.latitude = -3.5;
        sent.received_at = START.plus(Duration::from_secs(1));
        store_all(&telemetry, [sent.clone()]).await.unwrap();
        let delete = crate::spill::DeleteSpilled {
            unrevised: vec![moving[0].id],
            revised: Vec::new(),
        };
        assert_eq!(store.write(Lane::Job, delete).await.unwrap(), 0);
        telemetry.faults().fail_commits(false);
        while telemetry.move_spilled().await.unwrap().rows > 0 {}
        assert_eq!(all_of(&telemetry, user(0)).await, [sent]);
        telemetry.close().await;
    }
);

on_both!(
    without_either_way_to_the_disk_nothing_is_acknowledged,
    |store| async move {
        let telemetry = store.telemetry().await;
        telemetry.faults().fail_commits(true);
        store.close().await;
        let stored = store_all(&telemetry, [sample(user(0), 1)]).await;
        assert!(stored.is_err(), "{stored:?}");
    }
);

#[tokio::test]
async fn an_early_acknowledgement_can_be_told_apart() {
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    telemetry.faults().acknowledge_early(true);
    telemetry.faults().freeze();
    store_all(&telemetry, [sample(user(0), 1)]).await.unwrap();
    assert_eq!(all_of(&telemetry, user(0)).await, []);
    telemetry.faults().thaw();
    telemetry.close().await;
}

on_both!(
    what_was_spilled_and_erased_is_not_written_by_a_writer_that_goes_on,
    |store| async move {
        let telemetry = store.telemetry().await;
        telemetry.faults().freeze();
        let mut pending = telemetry.submit(sample(user(0), 1));
        pending.spill();
        assert_eq!(pending.stored().await.unwrap(), StoredIn::Spill);
        // The state store's part of the erasure, and this one's.
        let mut tx = store.read().await.unwrap();
        let spilled = crate::spill::oldest(&mut tx, 10).await.unwrap();
        drop(tx);
        let delete = crate::spill::DeleteSpilled {
            unrevised: spilled.iter().map(|row| row.id).collect(),
            revised: Vec::new(),
        };
        assert_eq!(store.write(Lane::Job, delete).await.unwrap(), 1);
        let until = tokio::time::Instant::now() + Duration::from_mins(1);
        assert!(telemetry.erase(user(0), until).await.unwrap().all);
        telemetry.faults().thaw();
        store_all(&telemetry, [sample(user(1), 1)]).await.unwrap();
        telemetry.filed().await;
        assert_eq!(all_of(&telemetry, user(0)).await, []);
        assert_eq!(all_of(&telemetry, user(1)).await.len(), 1);
        telemetry.close().await;
    }
);
