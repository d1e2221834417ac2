//! What somebody answers to an SMS: STOP and START are kept here; what else follows
//! from a word is for whoever knows the incidents.

use mayday_core::text;
use mayday_gateway::sms::keyword::{self, Keyword};
use mayday_store::Lane;
use mayday_store::opt_outs::SetOptOut;

use crate::{App, AppError};

impl App {
    /// Hears an SMS that `from` sent to `number` of a provider, and says which word it is,
    /// if any. After STOP no SMS goes to
    /// that phone until START is sent to the same number; calls and mails go on.
    pub async fn hear_sms(
        &self,
        provider: &str,
        from: &str,
        number: &str,
        text: &str,
    ) -> Result<Option<Keyword>, AppError> {
        // Short codes and names send advertisements, and are nobody's contact.
        if text::check_phone(from).is_err() {
            return Ok(None);
        }
        let keyword = keyword::read(text);
        if let Some(word @ (Keyword::Stop | Keyword::Start)) = keyword {
            let set = SetOptOut {
                phone: from.to_owned(),
                provider: provider.to_owned(),
                number: number.to_owned(),
                stop: word == Keyword::Stop,
            };
            self.store.write(Lane::Rest, set).await?;
        }
        Ok(keyword)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mayday_store::opt_outs;

    use super::*;
    use crate::testing::TestApp;

    const ANN: &str = "+34600111222";

    #[tokio::test]
    async fn who_says_stop_is_left_alone_until_start() {
        let node = TestApp::sqlite().await;
        let say = async |from: &str, text: &str| {
            let heard = node.app.hear_sms("main", from, "+15005550006", text).await;
            heard.unwrap()
        };
        let silent = async || {
            let mut tx = node.store.read().await.unwrap();
            opt_outs::among(&mut tx, &[ANN.to_owned()]).await.unwrap()
        };
        assert_eq!(say(ANN, "who is this?").await, None);
        assert_eq!(say(ANN, "ok").await, Some(Keyword::Acknowledge));
        assert!(silent().await.is_empty());
        assert_eq!(say(ANN, "Baja!").await, Some(Keyword::Stop));
        assert_eq!(silent().await, BTreeSet::from([ANN.to_owned()]));
        assert_eq!(say(ANN, "START").await, Some(Keyword::Start));
        assert!(silent().await.is_empty());
        assert_eq!(say("22395", "STOP").await, None);
    }
}
