//! An SOS neither fails nor waits because of partners.

use super::*;

/// Runs a statement that no server runs.
struct Spoil(&'static Sql);

impl crate::command::Command for Spoil {
    type Output = u64;
    const NAME: &'static str = "test.spoil";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        tx.execute(self.0, args![]).await
    }
}

static SPOIL_CHANNELS: Sql =
    Sql::new("UPDATE webhook_endpoints SET channel = 'pigeon' WHERE channel = 'slack'");
static SPOIL_DELIVERIES: Sql =
    Sql::new("ALTER TABLE webhook_deliveries RENAME COLUMN body TO spoilt");

on_both!(
    nothing_of_partners_fails_a_cry_a_second_one_or_a_cancel,
    |store| async move {
        let app = store.app("one").await;
        let caller = store.caller(&app, "ana").await;
        added(&store, &app, Channel::Webhook, &[]).await;
        added(&store, &app, Channel::Slack, &[]).await;
        cry(&store, &app, caller.user, "first").await;
        // Rows that cannot be read, with a delivery that was written before.
        assert_eq!(
            store
                .write(Lane::Rest, Spoil(&SPOIL_CHANNELS))
                .await
                .unwrap(),
            1
        );
        store.clock.advance(Duration::from_secs(20));
        cry(&store, &app, caller.user, "second").await;
        store.clock.advance(Duration::from_secs(1));
        cancel(&store, &app, caller.user).await;
        let states: Vec<_> = told(&store, &app).await;
        assert_eq!(
            kinds(&states),
            [
                ("sos.opened", "pending"),
                ("sos.updated", "pending"),
                ("sos.cancelled", "pending"),
            ]
        );
        // Rows that cannot be written.
        store
            .write(Lane::Rest, Spoil(&SPOIL_DELIVERIES))
            .await
            .unwrap();
        cry(&store, &app, caller.user, "third").await;
        store.clock.advance(Duration::from_secs(1));
        cry(&store, &app, caller.user, "fourth").await;
        cancel(&store, &app, caller.user).await;
        let mut tx = store.read().await.unwrap();
        let events = crate::events::read_after(&mut tx, caller.user, 0, 10).await;
        let versions: Vec<_> = events.unwrap().iter().map(|event| event.seq).collect();
        assert_eq!(versions, [1, 2, 3, 4, 5, 6]);
    }
);

on_both!(
    whom_too_much_waits_for_gets_no_more_until_some_of_it_is_gone,
    |store| async move {
        let app = store.app("one").await;
        let caller = store.caller(&app, "ana").await;
        added(&store, &app, Channel::Webhook, &[]).await;
        let count = async || {
            let prune = PruneDeliveries {
                max_ended: MAX_ENDED,
                max_pending: 2,
            };
            store.write(Lane::Rest, prune).await.unwrap()
        };
        let next = async |message| {
            store.clock.advance(Duration::from_secs(1));
            cry(&store, &app, caller.user, message).await;
            told(&store, &app).await.pop().unwrap()
        };
        next("first").await;
        count().await;
        assert_eq!(next("second").await.state, DeliveryState::Pending);
        count().await;
        let full = next("third").await;
        assert_eq!(full.state, DeliveryState::Failed);
        let ben = store.caller(&app, "ben").await;
        store.clock.advance(Duration::from_secs(1));
        cry(&store, &app, ben.user, "a cry").await;
        let another = told(&store, &app).await.pop().unwrap();
        assert_eq!(
            (another.kind.as_str(), another.state),
            ("sos.opened", DeliveryState::Pending)
        );
        assert!(record(&store, &another, &app, AttemptEnd::Delivered).await);
        let waiting = told(&store, &app).await.remove(0);
        assert!(record(&store, &waiting, &app, AttemptEnd::Delivered).await);
        count().await;
        assert_eq!(next("fourth").await.state, DeliveryState::Pending);
    }
);
