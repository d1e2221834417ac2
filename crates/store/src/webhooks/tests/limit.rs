//! How many endpoints an app may have.

use super::super::{EndpointAddition, MAX_ENDPOINTS};
use super::{Channel, add, added};
use crate::command::Lane;
use crate::on_both;

on_both!(no_more_endpoints_than_there_may_be, |store| async move {
    let app = store.app("shop").await;
    for _ in 0..MAX_ENDPOINTS {
        added(&store, &app, Channel::Slack, &[]).await;
    }
    let one_more = add(&store, &app, Channel::Webhook, &[]);
    let refused = store.write(Lane::Rest, one_more).await.unwrap();
    assert_eq!(refused, EndpointAddition::TooMany);
});
