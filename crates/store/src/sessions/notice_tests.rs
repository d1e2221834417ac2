//! What a user is mailed of log-ins.

use std::time::Duration;

use mayday_core::mail::SystemMailKind;

use super::support::Scene;
use super::*;
use crate::command::Lane;
use crate::mail_settings::{BrandingRow, SetBranding};
use crate::on_both;
use crate::system_mails::tests::begun;

async fn brand(scene: &Scene<'_>, notices: bool) {
    let set = SetBranding {
        app_id: scene.app.app_id.clone(),
        row: BrandingRow {
            notices,
            ..BrandingRow::default()
        },
    };
    scene.store.write(Lane::Rest, set).await.unwrap().unwrap();
}

/// Kind and values, by their names, of the mails that are due.
async fn mailed(scene: &Scene<'_>) -> Vec<(SystemMailKind, Vec<String>)> {
    let mut mails = Vec::new();
    for mail in begun(scene.store).await {
        assert_eq!(mail.to, "ana@example.org");
        mails.push((mail.kind, mail.values.into_values().collect()));
    }
    mails.sort();
    mails
}

fn mail(kind: SystemMailKind, values: &[&str]) -> (SystemMailKind, Vec<String>) {
    (kind, values.iter().map(|text| (*text).to_owned()).collect())
}

on_both!(
    a_new_device_is_told_of_and_an_old_one_is_not,
    |store| async move {
        let scene = Scene::set(&store, "notices", 5).await;
        brand(&scene, true).await;
        scene.log_in(1, "phone", "t1").await;
        let mails = mailed(&scene).await;
        assert!(mails.is_empty(), "there is nothing to stand out from");
        scene.log_in(2, "phone", "t2").await;
        assert!(mailed(&scene).await.is_empty());
        scene.log_in(3, "tablet", "t3").await;
        let expected = [mail(SystemMailKind::NewSignIn, &["tablet"])];
        assert_eq!(mailed(&scene).await, expected);
        // The session's end does not make the device a new one.
        scene.end(Which::All, EndReason::LoggedOut).await;
        store.clock.advance(Duration::from_hours(24 * 60));
        scene.prune().await;
        scene.log_in(4, "tablet", "t4").await;
        assert!(mailed(&scene).await.is_empty());
    }
);

on_both!(the_evicted_are_mailed, |store| async move {
    let scene = Scene::set(&store, "evicted", 1).await;
    brand(&scene, true).await;
    for (n, device) in [(1, "phone"), (2, "tablet"), (3, "phone")] {
        scene.log_in(n, device, &format!("t{n}")).await;
    }
    // By their names: by_device, device.
    let expected = [
        mail(SystemMailKind::NewSignIn, &["tablet"]),
        mail(SystemMailKind::SessionEnded, &["phone", "tablet"]),
        mail(SystemMailKind::SessionEnded, &["tablet", "phone"]),
    ];
    assert_eq!(mailed(&scene).await, expected);
});

on_both!(
    an_app_without_branding_sends_no_notices,
    |store| async move {
        let scene = Scene::set(&store, "quiet", 1).await;
        for (n, device) in [(1, "phone"), (2, "tablet")] {
            scene.log_in(n, device, &format!("t{n}")).await;
        }
        brand(&scene, false).await;
        scene.log_in(3, "watch", "t3").await;
        assert!(mailed(&scene).await.is_empty());
    }
);
