//! The HTML of every built-in mail in a real browser, as narrow phones show it, in the
//! light and in the dark; axe judges it. So it does one in which nothing is short, whose
//! logo is larger than its place, or is not there.

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use mayday_app::admin::{
    AdminReply, AdminRequest, BrandingChange, MailReply, MailRequest, built_in_sample,
};
use mayday_app::testing::APP_ID;
use mayday_core::mail::MailTemplate;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::Server;
use crate::tracking::browser::{left_out, look_at};

const LANGUAGES: [&str; 6] = ["en", "es", "ca", "fr", "de", "pt"];

async fn mail(
    Path((template, language)): Path<(String, String)>,
) -> Result<Html<String>, StatusCode> {
    let sample = built_in_sample(&template, &language).map_err(|_| StatusCode::NOT_FOUND)?;
    Ok(Html(sample.html))
}

/// A picture of ten times the size that a logo has.
async fn logo() -> impl IntoResponse {
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='1400' height='480'>\
        <rect width='1400' height='480' fill='#1f5fae'/></svg>";
    ([(header::CONTENT_TYPE, "image/svg+xml")], svg)
}

/// The longest name that a mail can have, without a place to break it.
const LONG: usize = 200;

/// A mail of an app whose names are all as long as they may be, with a logo of that path.
async fn long(server: &Server, template: &str, logo: &str) -> String {
    const LOGO: &str = "https://logo.invalid/";
    let change = BrandingChange {
        app_name: Some("W".repeat(LONG)),
        logo_url: Some(LOGO.to_owned()),
        support_email: Some(format!("help@{}.example", "w".repeat(60))),
        copyright: Some("©".repeat(LONG)),
        ..BrandingChange::default()
    };
    let app_id = APP_ID.to_owned();
    let brand = MailRequest::Brand {
        app_id: app_id.clone(),
        change: Box::new(change),
    };
    server.node.admin(AdminRequest::Mail(brand)).await;
    let preview = MailRequest::Preview {
        app_id,
        template: template.to_owned(),
        language: "de".to_owned(),
    };
    let AdminReply::Mail(MailReply::Sample(sample)) =
        server.node.admin(AdminRequest::Mail(preview)).await
    else {
        panic!("a sample")
    };
    let escaped = LOGO.replace('/', "&#x2f;");
    assert!(sample.html.contains(&escaped), "{}", sample.html);
    let html = sample.html.replace(&escaped, logo);
    html.replace("Ana López", &"M".repeat(LONG))
        .replace("Ana&#x27;s", &"M".repeat(LONG))
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_in_any_mail() {
    if left_out() {
        println!("left out: browser");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::start().await;
    let mut router = Router::new()
        .route("/{template}/{language}", get(mail))
        .route("/logo.svg", get(logo));
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
    for (name, template, logo) in [
        ("long-sos", "sos", "/logo.svg"),
        ("long-new_sign_in", "new_sign_in", "/missing.svg"),
        ("long-linking_code", "linking_code", "/logo.svg"),
    ] {
        let html = Html(long(&server, template, logo).await);
        let path = format!("/{name}");
        pages.push(json!([format!("mail-{name}"), path]));
        router = router.route(&path, get(move || async move { html }));
    }
    let hosted = tokio::spawn(async move { axum::serve(listener, router).await });
    let expected = pages.len() * 2;
    let said = look_at(json!({"base": base, "pages": pages})).await;
    assert_eq!(said["faults"], json!([]), "{said:#}");
    assert_eq!(said["seen"].as_array().unwrap().len(), expected);
    hosted.abort();
}
