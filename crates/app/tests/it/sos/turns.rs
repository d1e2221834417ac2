//! A flood of one user's cries, and somebody else's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mayday_app::testing::TestApp;
use mayday_store::Lane;
use serde_json::json;

use crate::harness::{NodeExt, mqtt};

const FLOOD: usize = 300;
/// Far more than are stored at a time, far fewer than all.
const FEW: usize = 50;
const LIMIT: Duration = Duration::from_mins(1);

fn queued(node: &TestApp) -> usize {
    let lanes = node.store.stats().queued;
    let sos = lanes.iter().find(|(lane, _)| *lane == Lane::Sos);
    sos.unwrap().1
}

/// Everybody gets as far as they can without the store.
async fn others_go_on() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_flood_of_one_user_does_not_keep_anothers_sos_waiting() {
    let node = TestApp::sqlite().await;
    let (ana, ben) = (node.caller("ana").await, node.caller("ben").await);
    node.store.faults().freeze();
    let stored = Arc::new(AtomicUsize::new(0));
    let flood: Vec<_> = (0..FLOOD)
        .map(|n| {
            let (app, ana, stored) = (node.app.clone(), ana.clone(), stored.clone());
            let at = format!("2026-09-09T10:00:{:02}.{:03}Z", n / 100, n % 100);
            let cry = mqtt(&json!({"timestamp": at, "latitude": 41.4, "longitude": 2.17}));
            tokio::spawn(async move {
                let receipt = app.trigger_sos(&ana, cry).await;
                stored.fetch_add(1, Ordering::Relaxed);
                receipt
            })
        })
        .collect();
    others_go_on().await;
    assert!(queued(&node) < FEW, "{} in the lane", queued(&node));
    let cry = mqtt(&json!({"latitude": 41.4, "longitude": 2.17}));
    let thaw = async {
        // He has cried before any of the flood is stored.
        others_go_on().await;
        node.store.faults().thaw();
    };
    let heard = async { tokio::join!(node.own(&ben, cry), thaw).0 };
    let heard = tokio::time::timeout(LIMIT, heard).await;
    assert_eq!(heard.unwrap().user, ben.user);
    let before = stored.load(Ordering::Relaxed);
    assert!(before < FEW, "{before} of the flood came first");
    for cry in flood {
        cry.await.unwrap().unwrap();
    }
}
