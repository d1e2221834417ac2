//! What is sent again, and when.

use super::*;

on_both!(
    what_waits_after_a_failed_attempt_is_sent_again_at_once,
    |store| async move {
        let app = store.app("shop").await;
        let endpoint = added(&store, &app, Channel::Webhook, &["sos.opened"]).await;
        let ana = store.user(&app, "ana").await;
        cry(&store, &app, ana, "one").await;
        let first = told(&store, &app).await.remove(0);
        let range = ReplayRange {
            app: app.id,
            endpoint: endpoint.id,
            since: first.created_at,
            until: first.created_at.plus(Duration::from_secs(1)),
            delivered_too: false,
            after: None,
        };
        let one = ReplayDelivery {
            app: app.id,
            delivery: first.id,
        };
        let replayed = async || store.write(Lane::Rest, range).await.unwrap().count;
        assert_eq!(replayed().await, 0, "the grace window holds it back");
        assert!(!store.write(Lane::Rest, one).await.unwrap());
        store.clock.advance(Policy::default().grace);
        assert_eq!(claim(&store).await.len(), 1);
        let again = AttemptEnd::Again {
            due_at: store.clock.now().plus(Duration::from_hours(24)),
            error: "500".to_owned(),
        };
        assert!(record(&store, &first, &app, again).await);
        store.clock.advance(Duration::from_secs(1));
        assert!(claim(&store).await.is_empty());
        assert_eq!(replayed().await, 1);
        let waiting = told(&store, &app).await.remove(0);
        assert_eq!(waiting.due_at, Some(store.clock.now()));
        assert_eq!((waiting.attempts, waiting.error), (1, None));
        let jobs = claim(&store).await;
        assert_eq!(jobs.len(), 1, "one job, due now");
        assert_eq!(jobs[0].key, format!("webhook:{}:1", first.id));
        assert_eq!(replayed().await, 0, "it is due already");
        // The same of a single one.
        let second = told(&store, &app).await.remove(0);
        let again = AttemptEnd::Again {
            due_at: store.clock.now().plus(Duration::from_hours(10)),
            error: "500".to_owned(),
        };
        assert!(record(&store, &second, &app, again).await);
        assert!(store.write(Lane::Rest, one).await.unwrap());
        let third = told(&store, &app).await.remove(0);
        let keys: Vec<_> = claim(&store).await.into_iter().map(|job| job.key).collect();
        assert_eq!(keys, [format!("webhook:{}:2", first.id)]);
        assert!(record(&store, &third, &app, AttemptEnd::Delivered).await);
    }
);
