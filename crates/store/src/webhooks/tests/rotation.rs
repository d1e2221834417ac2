//! Which secrets sign.

use super::*;
use crate::command::Command;

on_both!(
    a_secret_that_signs_no_more_does_not_come_back_with_the_next_rotation,
    |store| async move {
        let app = store.app("shop").await;
        let endpoint = added(&store, &app, Channel::Webhook, &[]).await;
        let rotate = async |text: &str| {
            store.clock.advance(Duration::from_secs(1));
            let rotate = RotateSecret {
                app_id: app.app_id.clone(),
                endpoint: endpoint.id,
                secret: NewSecret {
                    id: SecretId::generate(store.clock.as_ref(), store.entropy.as_ref()),
                    text: SecretText::new(text),
                },
                overlap: Duration::from_hours(24),
            };
            let rotated = store.write(Lane::Rest, rotate).await.unwrap();
            assert!(matches!(rotated, Rotation::Rotated { .. }), "{rotated:?}");
            let mut tx = store.read().await.unwrap();
            let found = destination(&mut tx, endpoint.id).await.unwrap().unwrap();
            let texts = found.secrets.iter().map(|one| one.expose().to_owned());
            texts.collect::<Vec<_>>()
        };
        assert_eq!(rotate("whsec_two").await, ["whsec_two", SECRET]);
        // The first is over, and was not wiped yet.
        store.clock.advance(Duration::from_hours(24));
        assert_eq!(rotate("whsec_three").await, ["whsec_three", "whsec_two"]);
    }
);

/// Tells of something that is no distress.
struct Tell(AppUuid, UserId);

impl Command for Tell {
    type Output = ();
    const NAME: &'static str = "test.tell";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let kind = NotificationType::SignatureUpdated;
        notify_now(tx, (self.0, self.1), kind, []).await
    }
}

on_both!(
    distress_is_told_before_all_else_that_is_due,
    |store| async move {
        let app = store.app("shop").await;
        added(&store, &app, Channel::Webhook, &[]).await;
        let ana = store.user(&app, "ana").await;
        for _ in 0..3 {
            store.write(Lane::Rest, Tell(app.id, ana)).await.unwrap();
        }
        cry(&store, &app, ana, "one").await;
        store.clock.advance(Policy::default().grace);
        let first = claim(&store).await.remove(0);
        let told = told(&store, &app).await;
        let opened = told.iter().find(|one| one.kind == "sos.opened").unwrap();
        assert_eq!(first.payload["delivery"], opened.id.to_string());
        // Also when it is tried again.
        let again = AttemptEnd::Again {
            due_at: store.clock.now(),
            error: "503".to_owned(),
        };
        assert!(record(&store, opened, &app, again).await);
        let next = claim(&store).await.remove(0);
        assert_eq!(next.payload["delivery"], opened.id.to_string());
    }
);
