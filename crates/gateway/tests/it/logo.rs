//! An app's logo, as it is looked at.

use mayday_gateway::guard::GuardSettings;
use mayday_gateway::mail::{LogoFault, look_at_logo};
use tokio::time::timeout;

use crate::support::peer::{Peer, Reply};
use crate::support::{LIMIT, local_client};

async fn look(reply: Reply) -> Result<String, LogoFault> {
    let peer = Peer::start(vec![reply]).await;
    let client = local_client(GuardSettings::default());
    let url = peer.http("/logo.png");
    timeout(LIMIT, look_at_logo(&client, &url)).await.unwrap()
}

#[tokio::test]
async fn a_picture_is_a_logo_and_nothing_else_is() {
    let png = Reply::answer("200 OK", &["content-type: image/PNG; x=y"], "picture");
    assert_eq!(look(png).await.unwrap(), "image/png");
    let html = Reply::answer("200 OK", &["content-type: text/html"], "<p>");
    assert_eq!(
        look(html).await,
        Err(LogoFault::Kind("text/html".to_owned()))
    );
    let bare = Reply::answer("200 OK", &[], "picture");
    assert_eq!(look(bare).await, Err(LogoFault::Kind(String::new())));
    let gone = Reply::answer("404 Not Found", &["content-type: image/png"], "");
    assert_eq!(look(gone).await, Err(LogoFault::Status(404)));
    let moved = Reply::answer("302 Found", &["location: https://x.example/"], "");
    assert_eq!(look(moved).await, Err(LogoFault::Status(302)));
    let client = local_client(GuardSettings::default());
    let nowhere = look_at_logo(&client, "https://").await;
    assert!(
        matches!(nowhere, Err(LogoFault::Unreached(_))),
        "{nowhere:?}"
    );
}
