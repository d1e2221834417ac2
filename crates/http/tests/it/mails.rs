//! The HTML of every built-in mail in a real browser, as narrow phones show it, in the
//! light and in the dark; axe judges it.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::get;
use mayday_app::admin::built_in_sample;
use mayday_core::mail::MailTemplate;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::tracking::browser::{left_out, look_at};

const LANGUAGES: [&str; 6] = ["en", "es", "ca", "fr", "de", "pt"];

async fn mail(
    Path((template, language)): Path<(String, String)>,
) -> Result<Html<String>, StatusCode> {
    let sample = built_in_sample(&template, &language).map_err(|_| StatusCode::NOT_FOUND)?;
    Ok(Html(sample.html))
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_in_any_mail() {
    if left_out() {
        println!("left out: browser");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/{template}/{language}", get(mail));
    let served = tokio::spawn(async move { axum::serve(listener, router).await });
    // Each in English, and each in one other language: all of them have the same layout.
    let mut pages: Vec<Value> = Vec::new();
    for (place, template) in MailTemplate::all().enumerate() {
        let word = template.as_str();
        for language in ["en", LANGUAGES[1 + place % 5]] {
            pages.push(json!([
                format!("mail-{word}-{language}"),
                format!("/{word}/{language}")
            ]));
        }
    }
    let expected = pages.len() * 2;
    let said = look_at(json!({"base": base, "pages": pages})).await;
    assert_eq!(said["faults"], json!([]), "{said:#}");
    assert_eq!(said["seen"].as_array().unwrap().len(), expected);
    served.abort();
}
