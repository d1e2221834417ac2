//! What the tests of codes, PINs and joined accounts share: people who log in, and
//! their mail.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use mayday_app::admin::{AdminRequest, NewEndpoint, PrintedSecret, WebhookRequest};
use mayday_app::testing::{APP_ID, Partner, TestApp};
use mayday_app::{
    AppError, RecoveryQuestions, ResetConfirm, SessionGrant, SignatureChange, SsoLogin, Urgency,
};
use mayday_core::clock::Clock as _;
use mayday_core::escalation::Channel;
use mayday_core::identity::Caller;
use mayday_core::sso::LoginDevice;
use mayday_core::sso::pin::{Pin, PinMatch};
use mayday_store::signatures;
use mayday_store::testing::TestMail;
use mayday_store::{Sql, args};
use serde_json::json;
use zeroize::Zeroizing;

pub(crate) const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const PIN: &str = "111111";
pub(crate) const DURESS: &str = "222222";
pub(crate) const ANSWERS: [&str; 3] = ["rex", "mayor 1", "verdi"];

pub(crate) fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

/// Short words for what the tests do all the time.
pub(crate) trait Accounts {
    async fn session(&self, grant: &SessionGrant) -> Result<Caller, AppError>;
    async fn member(&self, partner: &Partner, subject: &str, device: &str) -> Caller;
    async fn with_pin(&self, partner: &Partner, subject: &str) -> Caller;
    async fn mails_of(&self, kind: &str) -> Vec<TestMail>;
    async fn code_of(&self, kind: &str) -> String;
    async fn set_pin(&self, caller: &Caller, change: [Option<&str>; 3]) -> Result<(), AppError>;
    async fn judged(&self, caller: &Caller, pin: &str) -> PinMatch;
    async fn confirm(
        &self,
        caller: &Caller,
        code: &str,
        answers: [&str; 3],
    ) -> Result<(), AppError>;
    async fn try_login(
        &self,
        partner: &Partner,
        token: &str,
        claims: (&str, &str),
    ) -> Result<SessionGrant, AppError>;
    async fn come_again(&self, token: &str) -> Result<SessionGrant, AppError>;
    async fn try_link(&self, token: &str, code: &str) -> Result<SessionGrant, AppError>;
    fn later(&self, by: Duration);
}

impl Accounts for TestApp {
    async fn session(&self, grant: &SessionGrant) -> Result<Caller, AppError> {
        let token = grant.access_token.expose();
        self.app
            .authenticate_session(token, None, PEER, Urgency::Ordinary)
            .await
    }

    async fn member(&self, partner: &Partner, subject: &str, device: &str) -> Caller {
        let grant = self.log_in(partner, subject, device).await;
        self.session(&grant).await.unwrap()
    }

    /// Somebody with both PINs and recovery questions.
    async fn with_pin(&self, partner: &Partner, subject: &str) -> Caller {
        let caller = self.member(partner, subject, "phone").await;
        let both = [Some(PIN), None, Some(DURESS)];
        self.set_pin(&caller, both).await.unwrap();
        let pair = |place: usize| (format!("Question {place}?"), ANSWERS[place].to_owned());
        let questions = RecoveryQuestions {
            questions: (0..3).map(pair).collect(),
            current: Some(secret(PIN)),
        };
        self.app.set_questions(&caller, questions).await.unwrap();
        caller
    }

    async fn mails_of(&self, kind: &str) -> Vec<TestMail> {
        let mut mails = self.store.mails().await;
        mails.retain(|mail| mail.kind == kind);
        mails
    }

    /// The newest code that was mailed.
    async fn code_of(&self, kind: &str) -> String {
        let mails = self.mails_of(kind).await;
        mails.last().expect("a mail").values["code"].clone()
    }

    async fn set_pin(&self, caller: &Caller, change: [Option<&str>; 3]) -> Result<(), AppError> {
        let [signature, current, duress] = change.map(|text| text.map(secret));
        let change = SignatureChange {
            signature,
            current,
            duress,
        };
        self.app.set_signature(caller, change).await
    }

    /// What a PIN is, which no answer tells.
    async fn judged(&self, caller: &Caller, pin: &str) -> PinMatch {
        let mut tx = self.store.read().await.unwrap();
        let kept = signatures::get(&mut tx, caller.user).await.unwrap();
        kept.unwrap().hashes.judge(&Pin::read(pin).unwrap())
    }

    async fn confirm(
        &self,
        caller: &Caller,
        code: &str,
        answers: [&str; 3],
    ) -> Result<(), AppError> {
        let sent = ResetConfirm {
            code: secret(code),
            answers: answers.map(secret).into(),
            signature: secret("333333"),
        };
        self.app.confirm_reset(caller, sent).await
    }

    async fn try_login(
        &self,
        partner: &Partner,
        token: &str,
        (subject, email): (&str, &str),
    ) -> Result<SessionGrant, AppError> {
        let now = self.store.clock.now().as_secs();
        let claims = json!({
            "sub": subject, "email": email, "aud": partner.audience(),
            "iat": now, "exp": now + 3_000,
        });
        partner.answer(token, 200, claims);
        self.come_again(token).await
    }

    /// A log-in with a token of which the partner says what it said before.
    async fn come_again(&self, token: &str) -> Result<SessionGrant, AppError> {
        self.app.sso_login(login(token), PEER).await
    }

    async fn try_link(&self, token: &str, code: &str) -> Result<SessionGrant, AppError> {
        self.app.sso_link(login(token), code, PEER).await
    }

    fn later(&self, by: Duration) {
        self.store.clock.advance(by);
    }
}

fn login(token: &str) -> SsoLogin {
    SsoLogin {
        realm: APP_ID.to_owned(),
        token: secret(token),
        device: LoginDevice {
            id: Some("phone".to_owned()),
            ..LoginDevice::default()
        },
    }
}

/// A code that is not this one.
pub(crate) fn other_than(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..5])
}

/// An endpoint of the partner's that hears of everything.
pub(crate) async fn listen(node: &TestApp) {
    let endpoint = NewEndpoint {
        app_id: APP_ID.to_owned(),
        channel: Channel::Webhook,
        url: PrintedSecret("http://127.0.0.1:9/hook".to_owned()),
        name: None,
        events: Vec::new(),
        local: true,
    };
    let add = AdminRequest::Webhook(WebhookRequest::Add(endpoint));
    node.admin(add).await;
}

/// The kinds of what the partner is told about a user, in order.
pub(crate) async fn told_of(node: &TestApp, caller: &Caller) -> Vec<String> {
    static KINDS: Sql =
        Sql::new("SELECT kind FROM webhook_deliveries WHERE user_id = $1 ORDER BY id");
    let mut tx = node.store.read().await.unwrap();
    let rows = tx.fetch_all(&KINDS, args![caller.user]).await.unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}
