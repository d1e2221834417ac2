//! Which language a mail is written in, and which of an app's own templates it takes.

use mayday_core::mail::{OwnTemplate, language_chain};
use mayday_gateway::mail::is_spoken;
use mayday_store::mail_settings::MailDress;

/// The first language of the chain in which the app has a template, or we have one; in
/// each the app's own comes before ours.
pub(crate) fn choose<'d>(
    dress: &'d MailDress,
    wanted: &str,
    default: &str,
) -> (String, Option<&'d OwnTemplate>) {
    let chain = language_chain(wanted, default);
    let found = chain
        .into_iter()
        .find(|tag| dress.own.contains_key(tag) || is_spoken(tag));
    let language = found.unwrap_or_else(|| "en".to_owned());
    let own = dress.own.get(&language);
    (language, own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_apps_own_comes_before_ours() {
        let mut dress = MailDress::default();
        dress.own.insert("it".to_owned(), OwnTemplate::default());
        dress.own.insert("es".to_owned(), OwnTemplate::default());
        let language = |wanted, default| {
            let (language, own) = choose(&dress, wanted, default);
            (language, own.is_some())
        };
        assert_eq!(language("it-CH", "en"), ("it".to_owned(), true));
        assert_eq!(language("es-MX", "en"), ("es".to_owned(), true));
        assert_eq!(language("ca", "es"), ("ca".to_owned(), false));
        assert_eq!(language("xx", "es"), ("es".to_owned(), true));
        assert_eq!(language("xx", "yy"), ("en".to_owned(), false));
    }
}
