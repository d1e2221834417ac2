//! `[sending]`: through whom, to whom, and how much.

use mayday_core::calling_code::has_code;
use mayday_core::country::CountryCode;
use mayday_gateway::routes::{Route, Routes};
use mayday_store::pumping::Caps;

use super::ProviderConfig;
use super::reader::Reader;

/// The name of the on-screen provider.
const SCREEN: &str = mayday_app::senders::SCREEN;

/// Through whom, to whom, and how much.
#[derive(Clone, Debug)]
pub(crate) struct SendingConfig {
    /// Which providers a message goes through.
    pub(crate) sms_routes: Vec<Route>,
    /// Which providers a call goes through.
    pub(crate) voice_routes: Vec<Route>,
    /// The countries that are written to; none: all.
    pub(crate) countries: Vec<CountryCode>,
    /// How much within an hour.
    pub(crate) caps: Caps,
}

impl SendingConfig {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>, providers: &[ProviderConfig]) -> Self {
        let able = |can: fn(&ProviderConfig) -> bool| -> Vec<&str> {
            let able = providers.iter().filter(|provider| can(provider));
            able.map(|provider| provider.name.as_str()).collect()
        };
        Self {
            sms_routes: routes(reader, "sending.sms_routes", &able(|_| true)),
            voice_routes: routes(reader, "sending.voice_routes", &able(ProviderConfig::calls)),
            countries: countries(reader),
            caps: Caps {
                per_phone: reader.integer("sending.max_to_phone_an_hour", 0..=100_000),
                per_app: reader.integer("sending.max_of_app_an_hour", 0..=100_000_000),
            },
        }
    }
}

/// Reads routes: `"+34 main spare"`. With one provider and no route, everything goes
/// through it.
fn routes(reader: &mut Reader<'_>, key: &str, able: &[&str]) -> Vec<Route> {
    let lines = reader.list(key);
    let routes: Vec<Route> = lines
        .iter()
        .map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            Route {
                prefix: words.next().unwrap_or_default(),
                providers: words.collect(),
            }
        })
        .collect();
    let known: Vec<&str> = able.iter().copied().chain([SCREEN]).collect();
    if let Err(error) = Routes::new(routes.clone(), &known) {
        let can = known.join(", ");
        let why = format!(
            "must hold \"PREFIX PROVIDER ..\", such as \"+34 {SCREEN}\": {error} ({can} can)"
        );
        reader.refuse(key, &why);
        return Vec::new();
    }
    match (routes.is_empty(), able) {
        (false, _) | (true, []) => routes,
        (true, [only]) => vec![Route {
            prefix: "+".to_owned(),
            providers: vec![(*only).to_owned()],
        }],
        (true, [first, second, ..]) => {
            let why =
                format!("must say which provider comes first, such as [\"+ {first} {second}\"]");
            reader.refuse(key, &why);
            routes
        }
    }
}

fn countries(reader: &mut Reader<'_>) -> Vec<CountryCode> {
    let words = reader.list("sending.countries");
    let known = |word: &String| CountryCode::parse(word).ok().filter(|code| has_code(*code));
    let countries: Vec<_> = words.iter().filter_map(known).collect();
    if countries.len() != words.len() {
        reader.refuse(
            "sending.countries",
            "must hold countries that have telephones, two letters of ISO 3166-1 such as \"ES\"",
        );
    }
    countries
}
