//! Two servers on one PostgreSQL do the same work, and no contact hears twice.

use std::collections::HashMap;

use mayday_store::testing::TestStore;

use super::driver::{Stage, step};

const INCIDENTS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hears_twice() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let stage = Stage::on(store, &[]).await;
    let (other, _stop) = stage.node.beside().await;
    for number in 0..INCIDENTS {
        let caller = stage.node.caller(&format!("user-{number}")).await;
        stage
            .contact(&caller, &format!("+346000000{number:02}"))
            .await;
        stage.cry_of(&caller).await;
    }
    stage
        .node
        .store
        .clock
        .advance(std::time::Duration::from_secs(15));
    let drive = |app: std::sync::Arc<mayday_app::App>| {
        tokio::spawn(async move {
            let mut idle = 0;
            while idle < 20 {
                idle = if step(&app).await == 0 { idle + 1 } else { 0 };
                tokio::task::yield_now().await;
            }
        })
    };
    let nodes = [
        stage.node.app.clone(),
        other.clone(),
        stage.node.app.clone(),
        other,
    ];
    let driven = nodes.map(drive);
    for one in driven {
        one.await.unwrap();
    }
    let mut heard: HashMap<String, usize> = HashMap::new();
    for (_, to) in stage.told() {
        *heard.entry(to).or_default() += 1;
    }
    assert_eq!(heard.len(), INCIDENTS);
    assert!(heard.values().all(|times| *times == 1), "{heard:?}");
}
