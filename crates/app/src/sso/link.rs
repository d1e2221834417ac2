//! Joins a log-in with the account that has its address (contract: Sessions,
//! `link_required`).

use std::net::IpAddr;
use std::time::Duration;

use mayday_core::ids::RecordId;
use mayday_core::sso::EndReason;
use mayday_core::sso::code::{CODE_LIFE, Code};
use mayday_core::sso::token::partner_digest;
use mayday_core::time::Timestamp;
use mayday_store::Lane;
use mayday_store::users;
use mayday_store::verification::{
    self, ConfirmLink, LinkConfirmation, SendLinkCode, SentLinkCode, WhoLinks,
};
use tokio::time::Instant;

use super::SessionGrant;
use super::login::{JudgedToken, SsoLogin, check, word};
use crate::{App, AppError};

/// Requests for codes a minute from one address, and for one app.
const PER_ADDRESS: u32 = 20;
const PER_APP: u32 = 600;

/// When a request for a linking code is answered, whatever it came to: later than a
/// commit takes. The time tells nobody whether there is such an account.
const ANSWERED_AFTER: Duration = Duration::from_millis(400);

impl App {
    /// Whether somebody of the log-in's name was here before; nearly everybody was, and is
    /// found without a write.
    pub(super) async fn was_here(&self, judged: &JudgedToken) -> Result<bool, AppError> {
        let mut tx = self.store.read().await?;
        let found = users::find(&mut tx, judged.app, &judged.claims.subject).await?;
        Ok(found.is_some())
    }

    /// Mails the code of a pending log-in to its own address, at most once a minute
    /// and five times an hour. Answers until when such a code is taken: the same, and
    /// after the same time, whether or not there is anything to be sent.
    pub async fn sso_code(
        &self,
        login: &str,
        pending: &str,
        peer: IpAddr,
    ) -> Result<Timestamp, AppError> {
        let answered = Instant::now() + ANSWERED_AFTER;
        // Nothing has the nil id: what cannot be a request is looked for all the same.
        let request = pending.parse().unwrap_or(RecordId(uuid::Uuid::nil()));
        let about = {
            let mut tx = self.store.read().await?;
            verification::app_of(&mut tx, request).await?
        };
        if let Some((app, _)) = &about {
            self.refuse_banned(*app, peer).await?;
        }
        let now = self.clock.now();
        let sent = self.send_code(login, (pending, request), peer).await;
        self.metrics.code_asked(outcome(&sent));
        if let (Some((app, app_id)), "nothing" | "limited") = (about, outcome(&sent)) {
            self.suspect(app, &app_id, peer).await;
        }
        sent?;
        tokio::time::sleep_until(answered).await;
        Ok(now.plus(CODE_LIFE))
    }

    async fn send_code(
        &self,
        login: &str,
        (pending, request): (&str, RecordId),
        peer: IpAddr,
    ) -> Result<SentLinkCode, AppError> {
        self.limit_codes("", peer)?;
        let (limiter, now) = (&self.identity.limiter, self.clock.now());
        // What exists and what does not is asked for as rarely. A slip in the address takes
        // nobody's minute.
        let asked = format!("{pending} {}", login.trim().to_lowercase());
        if let Some(retry_after) = limiter.asked("sso_code", &asked, 1, now) {
            return Err(AppError::RateLimited { retry_after });
        }
        let command = SendLinkCode {
            request,
            login: login.to_owned(),
        };
        let sent = self.store.write(Lane::Session, command).await?;
        if sent == SentLinkCode::Sent {
            tracing::info!("a linking code was mailed");
        }
        Ok(sent)
    }

    /// Opens the session of a pending log-in whose code is right; its account takes
    /// the log-in's name. [`AppError::VerificationFailed`] when it is wrong; after
    /// the fifth wrong one the token opens no session and joins nothing any more.
    pub async fn sso_link(
        &self,
        login: SsoLogin,
        code: &str,
        peer: IpAddr,
    ) -> Result<SessionGrant, AppError> {
        check(&login)?;
        let code =
            Code::read(code).ok_or_else(|| AppError::field("/code", "code must be 6 digits"))?;
        let linked = self.judge_link(login, code, peer).await;
        if let Err(error) = &linked {
            self.metrics.sso_login(word(error));
        }
        linked
    }

    async fn judge_link(
        &self,
        login: SsoLogin,
        code: Code,
        peer: IpAddr,
    ) -> Result<SessionGrant, AppError> {
        let judged = self.judge_token(&login, peer).await?;
        let confirm = ConfirmLink {
            who: who(&judged, &login),
            code,
        };
        match self.store.write(Lane::Session, confirm).await? {
            LinkConfirmation::Linked(user) => {
                tracing::info!(user.id = %user, "a log-in was joined with its account");
                self.open(judged, login).await
            }
            LinkConfirmation::Wrong => {
                self.suspect(judged.app, &login.realm, peer).await;
                Err(match self.unreadable_proof(peer) {
                    limited @ AppError::RateLimited { .. } => limited,
                    _ => AppError::VerificationFailed,
                })
            }
            LinkConfirmation::Exhausted => Err(self.spent(EndReason::VerificationLimit)),
            LinkConfirmation::Refused(reason) => Err(self.spent(reason)),
        }
    }

    /// Refuses a request for a code when too many came from one address or for one
    /// app. An empty `app` counts for the address alone, and so does a request that is
    /// refused to its address: nobody spends what everybody of an app has.
    pub(crate) fn limit_codes(&self, app: &str, peer: IpAddr) -> Result<(), AppError> {
        let (limiter, now) = (&self.identity.limiter, self.clock.now());
        let by_address = limiter.missed("codes", peer, PER_ADDRESS, now);
        let by_app = || {
            let counts = by_address.is_none() && !app.is_empty();
            counts.then(|| limiter.asked("codes", app, PER_APP, now))?
        };
        match by_address.or_else(by_app) {
            Some(retry_after) => Err(AppError::RateLimited { retry_after }),
            None => Ok(()),
        }
    }
}

/// The word of what became of a request for a code.
const fn outcome(sent: &Result<SentLinkCode, AppError>) -> &'static str {
    match sent {
        Ok(SentLinkCode::Sent) => "sent",
        Ok(SentLinkCode::Nothing) => "nothing",
        Err(AppError::RateLimited { .. }) => "limited",
        Err(_) => "unavailable",
    }
}

pub(super) fn who(judged: &JudgedToken, login: &SsoLogin) -> WhoLinks {
    WhoLinks {
        app: judged.app,
        subject: judged.claims.subject.clone(),
        email: judged.claims.email.clone(),
        partner_digest: partner_digest(&login.token),
        partner_expires_at: judged.claims.expires_at.plus(judged.sso.terms.skew),
    }
}
