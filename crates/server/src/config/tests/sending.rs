//! Providers, routes, mail, and how others are reached.

use super::*;

const URL: (&str, &str) = ("http.public_url", "https://sos.example.org");

const TWILIO: &str = r#"
[http]
public_url = "https://sos.example.org/"
[provider.main]
account_sid = "AC00000000000000000000000000000000"
auth_token = "s3cret-token"
from = "+34600000000"
"#;

const TEMPLATE: &str = r#"
[provider.spare]
kind = "template"
request_url = "https://sms.example.net/send?key=hidden"
auth_header_secret = "Bearer s3cret-key"
body_kind = "json"
body = '{"to": "{to}", "text": "{text}"}'
success_pointer = "/count"
success_value = "1"
"#;

fn load(text: &str) -> Result<Config, InvalidConfig> {
    let (_dir, path) = written(text);
    Config::load(&sources(Some(&path), &[], &[]))
}

fn told(text: &str) -> String {
    load(text).unwrap_err().to_string()
}

#[test]
fn the_only_provider_takes_everything() {
    let config = load(TWILIO).unwrap();
    assert_eq!(config.sending.sms_routes.len(), 1);
    assert_eq!(config.sending.sms_routes, config.sending.voice_routes);
    assert_eq!(config.sending.sms_routes[0].providers, ["main"]);
    assert_eq!(
        config.http.public_url.as_deref(),
        Some("https://sos.example.org")
    );
    let clock = std::sync::Arc::new(mayday_core::clock::ManualClock::new(
        mayday_core::time::Timestamp::from_secs(1),
    )) as _;
    let senders = crate::senders::build(&config, config.http.public_url.clone(), &clock);
    let senders = senders.unwrap();
    assert!(senders.voice_provider("main").is_some());
    assert_eq!(
        senders.twilio("main").unwrap().auth_token.expose(),
        "s3cret-token"
    );
}

#[test]
fn several_need_routes_and_none_needs_nothing() {
    let config = Config::load(&Sources::default()).unwrap();
    assert!(config.providers.is_empty() && config.sending.sms_routes.is_empty());
    assert!(config.smtp.is_none());
    let both = format!("{TWILIO}{TEMPLATE}");
    assert!(told(&both).contains("sending.sms_routes must say which provider comes first"));
    let routed = format!("{both}[sending]\nsms_routes = [\"+34 spare main\", \"+ main\"]\n");
    let config = load(&routed).unwrap();
    assert_eq!(config.sending.sms_routes[0].providers, ["spare", "main"]);
    // Only one of them calls.
    assert_eq!(config.sending.voice_routes[0].providers, ["main"]);
}

#[test]
fn secrets_are_in_no_debug_and_in_no_list_of_settings() {
    let text = format!(
        "{TWILIO}{TEMPLATE}[sending]\nsms_routes = [\"+ main\"]\n[smtp]\nhost = \"mail.example.org\"\n\
         user = \"u\"\npassword = \"s3cret-mail\"\nfrom = \"sos@example.org\"\n\
         [outbound]\nproxy = \"proxy:3128\"\nproxy_password = \"me:s3cret-proxy\"\n"
    );
    let (_dir, path) = written(&text);
    let (config, layers) = Config::load_with_layers(&sources(Some(&path), &[], &[])).unwrap();
    let shown = format!("{config:?} {:?}", settings(&layers));
    for secret in ["s3cret", "hidden"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("provider.main.account_sid"), "{shown}");
    assert_eq!(config.smtp.unwrap().server.port, 587);
}

#[test]
fn a_secret_may_lie_in_a_file_or_in_a_variable() {
    let (dir, path) = written(&TWILIO.replace("auth_token = \"s3cret-token\"\n", ""));
    let secret = dir.path().join("token");
    std::fs::write(&secret, "of-a-file\n").unwrap();
    let token = |environment: &[(&str, &str)]| {
        let config = Config::load(&sources(Some(&path), environment, &[]))?;
        match &config.providers[0].kind {
            ProviderKind::Twilio(twilio) => Ok(twilio.auth_token.expose().to_owned()),
            ProviderKind::Template(_) => panic!("it is Twilio"),
        }
    };
    let file = (
        "MAYDAY_PROVIDER__MAIN__AUTH_TOKEN_FILE",
        secret.to_str().unwrap(),
    );
    assert_eq!(token(&[file]).unwrap(), "of-a-file");
    let variable = ("MAYDAY_PROVIDER__MAIN__AUTH_TOKEN", "of-a-variable");
    assert_eq!(token(&[variable]).unwrap(), "of-a-variable");
    let both: InvalidConfig = token(&[file, variable]).unwrap_err();
    assert!(both.to_string().contains("use either"), "{both}");
    let missing = ("MAYDAY_PROVIDER__MAIN__AUTH_TOKEN_FILE", "/nowhere/token");
    let missing = token(&[missing]).unwrap_err().to_string();
    assert!(
        missing.contains("/nowhere/token, which cannot be read"),
        "{missing}"
    );
    assert!(
        token(&[])
            .unwrap_err()
            .to_string()
            .contains("provider.main.auth_token")
    );
}

/// Settings with one mistake each, and words of what is told about it.
fn mistakes() -> Vec<(String, &'static str)> {
    vec![
        (
            TWILIO.replace("[http]", "[log]").replace("public_url", "#"),
            "http.public_url must be set",
        ),
        (
            TWILIO.replace("from =", "form ="),
            "did you mean provider.main.from",
        ),
        (
            TWILIO.replace("from = \"+34600000000\"", ""),
            "messaging_service must be set",
        ),
        (TWILIO.replace("AC0000", "AC-000"), "account_sid must be"),
        (
            format!("{TWILIO}api_key = \"SK1\""),
            "api_key_secret belong together",
        ),
        (
            format!("{TWILIO}body = \"x\""),
            "provider.main.body belongs to",
        ),
        (
            format!("{TWILIO}kind = \"pigeon\""),
            "provider.main.kind must be one of",
        ),
        (
            TWILIO.replace("provider.main", "provider.Main"),
            "is no name",
        ),
        (
            format!("{TWILIO}[sending]\nsms_routes = [\"34 main\"]"),
            "a prefix is + and digits",
        ),
        (
            format!("{TWILIO}[sending]\nsms_routes = [\"+ other\"]"),
            "there is no provider \"other\"",
        ),
        (
            format!("{TWILIO}[sending]\ncountries = [\"ES\", \"ZZ\"]"),
            "sending.countries must hold",
        ),
        (
            format!("{TEMPLATE}[http]\npublic_url = \"https://a.example\"")
                .replace("{text}", "{name}"),
            "{name} is none of",
        ),
        (
            "[smtp]\nhost = \"mail.example.org\"\n".to_owned(),
            "smtp.from must be",
        ),
        (
            "[smtp]\nhost = \"mail.example.org\"\nfrom = \"a@b.example\"\nuser = \"u\"\n"
                .to_owned(),
            "needs smtp.password",
        ),
        (
            "[smtp]\nhost = \"mail.example.org\"\nfrom = \"a@b.example\"\nuser = \"u\"\n\
             password = \"p\"\nsecurity = \"plain\"\n"
                .to_owned(),
            "would show the password",
        ),
        ("[outbound]\nproxy = \"proxy\"\n".to_owned(), "HOST:PORT"),
        (
            "[outbound]\nbind_address = \"eth0\"\n".to_owned(),
            "an IP address of this machine",
        ),
    ]
}

#[test]
fn each_mistake_is_told_with_what_to_do() {
    for (text, words) in mistakes() {
        let told = told(&text);
        assert!(told.contains(words), "{words}: {told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn a_flag_makes_a_provider_too() {
    let flags = [
        URL,
        ("provider.one.kind", "template"),
        ("provider.one.request_url", "https://sms.example.net/{to}"),
    ];
    let config = Config::load(&sources(None, &[], &flags)).unwrap();
    assert_eq!(config.providers[0].name, "one");
    assert!(!config.providers[0].calls());
}
