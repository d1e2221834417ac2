//! `POST /t/{token}`: the forms behind the buttons.

use serde_json::json;

use super::support::{Cry, get, post};
use crate::harness::Server;

#[tokio::test]
async fn a_button_asks_and_a_form_answers() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let question = get(&server, &format!("{}?answer=helping", cry.page())).await;
    let form = question.html(200);
    assert!(
        form.contains("<form method=\"post\" action=\"?\">"),
        "{form}"
    );
    assert!(form.contains("name=\"answer\" value=\"helping\""));
    assert!(form.contains("value=\"Ben\""), "the name is filled in");
    let answered = cry.fill_in("answer=helping&name=Ben+Roig").await;
    assert_eq!(answered.status.as_u16(), 303);
    // The token is not repeated, and the question is gone from the address.
    assert_eq!(answered.header("location"), Some("?"));
    assert_eq!(cry.state().await, "acknowledged");
    let page = get(&server, &cry.page()).await;
    assert!(page.html(200).contains("Usted se ocupa"));
    let eva = get(&server, &format!("/t/{}", cry.tokens[1])).await;
    assert!(eva.html(200).contains("Ben Roig is on it"));
    // The victim's app hears of it.
    let shown = cry.ana.get("/v1/sdk/sos").await.body(200);
    assert_eq!(shown["incident"]["state"], "acknowledged");
}

#[tokio::test]
async fn calling_the_emergency_services_is_help_too_and_comes_after_the_first_answer() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    for form in [
        "answer=helping",
        "answer=called",
        "answer=called",
        "answer=helping",
    ] {
        assert_eq!(cry.fill_in(form).await.status.as_u16(), 303);
    }
    let shown = get(&server, &cry.json()).await.body(200)["incident"].take();
    assert_eq!(shown["contact"]["answer"], "helping");
    assert_eq!(shown["helpers"].as_array().unwrap().len(), 1);
    assert_eq!(shown["helpers"][0]["calledServices"], true);
    assert_eq!(shown["helpers"][0]["name"], "Ben");
}

#[tokio::test]
async fn who_cannot_help_may_change_their_mind() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let answer = async || {
        let shown = get(&server, &cry.json()).await.body(200);
        shown["incident"]["contact"]["answer"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(cry.fill_in("answer=declined").await.status.as_u16(), 303);
    assert_eq!(answer().await, "declined");
    assert_eq!(cry.state().await, "active");
    let tick = std::time::Duration::from_secs(1);
    server.node.store.clock.advance(tick);
    cry.fill_in("answer=helping").await;
    assert_eq!(answer().await, "helping");
    server.node.store.clock.advance(tick);
    cry.fill_in("answer=declined").await;
    assert_eq!(answer().await, "declined");
}

#[tokio::test]
async fn an_answer_after_the_end_is_a_409_in_the_contacts_language() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    cry.ana
        .post("/v1/sdk/sos/resolve", json!({}))
        .await
        .body(200);
    for form in ["answer=helping", "answer=called", "answer=declined"] {
        let answer = cry.fill_in(form).await;
        assert!(answer.html(409).contains("Ha terminado"), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_is_no_answer_changes_nothing() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let long = format!("answer=yes&name={}", "x".repeat(300_000));
    for form in [
        "",
        "answer=",
        "answer=Helping",
        "name=Ben",
        "\u{0}=%ff",
        &long,
    ] {
        assert_eq!(cry.fill_in(form).await.status.as_u16(), 303);
    }
    assert_eq!(cry.state().await, "active");
}

#[tokio::test]
async fn a_name_is_mended_and_shown_as_text() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let name = format!("answer=helping&name=%3Cscript%3E%0a{}", "n".repeat(500));
    assert_eq!(post(&server, &cry.page(), &name).await.status.as_u16(), 303);
    let eva = get(&server, &format!("/t/{}", cry.tokens[1])).await;
    let page = eva.html(200);
    assert!(page.contains("&lt;script&gt; nnn") && !page.contains("<script>"));
    assert!(!page.contains(&"n".repeat(121)));
}
