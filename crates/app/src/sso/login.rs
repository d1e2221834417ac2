//! Logs a user in with the token of the app's own log-in.

use std::net::IpAddr;
use std::sync::Arc;

use mayday_core::field::FieldError;
use mayday_core::identity::{AppId, ExternalUserId};
use mayday_core::ids::{AppUuid, SessionId, UserId};
use mayday_core::sso::introspection::Unavailable;
use mayday_core::sso::session::{Lapse, MAX_DEVICE_CHARS};
use mayday_core::sso::token::{is_partner_token, partner_digest};
use mayday_core::sso::{Claims, EndReason, Judgement, LoginDevice};
use mayday_store::Lane;
use mayday_store::sessions::{OpenFirst, OpenSession, Opened, OpenedFirst};
use zeroize::Zeroizing;

use super::gate::{Question, RETRY_AFTER};
use super::link::who;
use super::{Pair, SessionGrant};
use crate::identity::SsoApp;
use crate::{App, AppError};

/// How often a log-in begins anew because the person's data was erased under it.
const ATTEMPTS: usize = 3;

/// A log-in as asked for.
#[derive(Clone)]
pub struct SsoLogin {
    /// The app's public id.
    pub realm: String,
    /// The token of the app's own log-in.
    pub token: Zeroizing<String>,
    /// The device.
    pub device: LoginDevice,
}

impl std::fmt::Debug for SsoLogin {
    /// Not the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SsoLogin")
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// A token that the app's server calls valid.
pub(super) struct JudgedToken {
    pub(super) app: AppUuid,
    pub(super) sso: Arc<SsoApp>,
    pub(super) claims: Claims,
}

impl App {
    /// Opens a session with a token that the app's server calls valid.
    ///
    /// [`AppError::LinkRequired`] when its address is that of another account: see
    /// [`App::sso_link`]. [`AppError::InvalidToken`] when the server does not, [`AppError::SsoUnavailable`]
    /// when nobody knows. An address that failed too often is told to wait before
    /// the app's server is asked once more: it must not be flooded through us.
    pub async fn sso_login(&self, login: SsoLogin, peer: IpAddr) -> Result<SessionGrant, AppError> {
        check(&login)?;
        let granted = self.judge_login(login, peer).await;
        if let Err(error) = &granted {
            self.metrics.sso_login(word(error));
        }
        granted
    }

    async fn judge_login(&self, login: SsoLogin, peer: IpAddr) -> Result<SessionGrant, AppError> {
        let judged = self.judge_token(&login, peer).await?;
        if !self.was_here(&judged).await?
            && let Some(granted) = self.open_first(&judged, &login).await?
        {
            return Ok(granted);
        }
        self.open(judged, login).await
    }

    /// Opens the first session of somebody new. [`AppError::LinkRequired`] when the log-in
    /// has to be joined with an account first; `None`: begin anew.
    async fn open_first(
        &self,
        judged: &JudgedToken,
        login: &SsoLogin,
    ) -> Result<Option<SessionGrant>, AppError> {
        let pair = Pair::generate(self.entropy.as_ref());
        let id = UserId::generate(self.clock.as_ref(), self.entropy.as_ref());
        let first = OpenFirst {
            who: who(judged, login),
            open: self.opening((id, &judged.claims.subject), judged, login, &pair),
        };
        match self.store.write(Lane::Session, first).await? {
            OpenedFirst::Opened(opened) => self.opened(opened, pair),
            OpenedFirst::Refused(reason) => Err(self.spent(reason)),
            OpenedFirst::LinkRequired(pending) => Err(AppError::LinkRequired {
                email: judged.claims.email.clone(),
                pending,
            }),
        }
    }

    /// Puts a log-in's token to the app's server.
    pub(super) async fn judge_token(
        &self,
        login: &SsoLogin,
        peer: IpAddr,
    ) -> Result<JudgedToken, AppError> {
        let now = self.clock.now();
        if let Some(retry_after) = self.identity.limiter.limited(peer, now) {
            return Err(AppError::RateLimited { retry_after });
        }
        let realm = AppId::parse(&login.realm).ok();
        let Some((app, active, sso)) = realm.and_then(|app| self.identity.sso_app(&app)) else {
            return Err(self.unreadable_proof(peer));
        };
        if !active {
            return Err(AppError::AppInactive);
        }
        self.refuse_banned(app, peer).await?;
        let question = Question {
            sso: &sso,
            token: &login.token,
            peer,
        };
        let judged = self.gates.judge(app, question, self.clock.as_ref()).await?;
        match judged.judgement {
            Judgement::Valid(claims) => Ok(JudgedToken { app, sso, claims }),
            Judgement::Invalid(reason) => {
                self.suspect(app, &login.realm, peer).await;
                match self.unreadable_proof(peer) {
                    limited @ AppError::RateLimited { .. } => Err(limited),
                    _ => Err(AppError::InvalidToken { reason }),
                }
            }
            Judgement::Unavailable(reason) => {
                self.metrics.sso_unavailable(reason);
                self.note_unanswered(app, &login.realm, reason).await;
                Err(AppError::SsoUnavailable {
                    reason,
                    retry_after: judged.retry_after,
                })
            }
        }
    }

    /// Whether the tokens of an app's own log-in are made for this audience.
    pub fn sso_audience_is(&self, realm: &str, audience: &str) -> bool {
        let realm = AppId::parse(realm).ok();
        let found = realm.and_then(|app| self.identity.sso_app(&app));
        found.is_some_and(|(_, _, sso)| sso.terms.audience == audience)
    }

    /// Opens the session of a token that was judged valid.
    pub(super) async fn open(
        &self,
        judged: JudgedToken,
        login: SsoLogin,
    ) -> Result<SessionGrant, AppError> {
        let key = (judged.app, judged.claims.subject.clone());
        for _ in 0..ATTEMPTS {
            let user = self.find_or_make(&key).await?;
            let pair = Pair::generate(self.entropy.as_ref());
            let open = self.opening((user.id, &user.external_id), &judged, &login, &pair);
            let opened = self.store.write(Lane::Session, open).await?;
            if let Some(granted) = self.opened(opened, pair)? {
                return Ok(granted);
            }
        }
        Err(AppError::SsoUnavailable {
            reason: Unavailable::Busy,
            retry_after: RETRY_AFTER,
        })
    }

    /// What the client is told of it; `None`: begin anew.
    fn opened(&self, opened: Opened, pair: Pair) -> Result<Option<SessionGrant>, AppError> {
        match opened {
            Opened::Session {
                issued,
                fresh,
                evicted,
            } => {
                self.metrics
                    .sso_login(if fresh { "opened" } else { "again" });
                self.metrics
                    .sessions_ended(EndReason::Evicted, evicted.len());
                tracing::info!(
                    user.id = %issued.session.user,
                    session.id = %issued.session.id,
                    session.fresh = fresh,
                    sessions.evicted = evicted.len(),
                    "a session was opened"
                );
                Ok(Some(pair.granted(*issued)))
            }
            Opened::Refused(reason) => Err(self.spent(reason)),
            Opened::Blocked => Err(AppError::UserBlocked),
            Opened::NotConfigured => Err(AppError::Unauthorized),
            Opened::Gone => Ok(None),
        }
    }

    fn opening(
        &self,
        (user, external_id): (UserId, &ExternalUserId),
        judged: &JudgedToken,
        login: &SsoLogin,
        pair: &Pair,
    ) -> OpenSession {
        let JudgedToken { app, sso, claims } = judged;
        OpenSession {
            id: SessionId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app: *app,
            user,
            external_id: external_id.clone(),
            subject: claims.subject.clone(),
            partner_digest: partner_digest(&login.token),
            partner_token: login.token.clone(),
            partner_issued_at: claims.issued_at,
            partner_expires_at: claims.expires_at.plus(sso.terms.skew),
            device: login.device.clone(),
            email: claims.email.clone(),
            name: claims.name.clone(),
            pair: pair.digests(),
        }
    }

    /// The token's session was ended so that it opens none any more.
    pub(super) fn spent(&self, reason: EndReason) -> AppError {
        AppError::Session {
            lapse: Arc::new(Lapse {
                code: reason.code(),
                at: self.clock.now(),
                device: None,
            }),
        }
    }
}

/// What the counter calls a log-in that failed.
pub(super) fn word(error: &AppError) -> &'static str {
    match error {
        AppError::InvalidToken { .. } => "invalid_token",
        AppError::SsoUnavailable { .. } => "sso_unavailable",
        AppError::RateLimited { .. } => "rate_limited",
        AppError::Session { lapse } => lapse.code,
        AppError::Unauthorized => "unknown_realm",
        AppError::AppInactive => "app_inactive",
        AppError::UserBlocked => "user_blocked",
        AppError::LinkRequired { .. } => "link_required",
        AppError::VerificationFailed => "verification_failed",
        _ => "failed",
    }
}

pub(super) fn check(login: &SsoLogin) -> Result<(), AppError> {
    let mut faults = Vec::new();
    if !is_partner_token(&login.token) {
        let message = "token must be 1 to 8192 characters of visible ASCII";
        faults.push(FieldError::new("/token", message));
    }
    let device = &login.device;
    for (pointer, text) in [
        ("/device/id", &device.id),
        ("/device/name", &device.name),
        ("/device/platform", &device.platform),
    ] {
        let Some(text) = text else { continue };
        let long = text.chars().count() > MAX_DEVICE_CHARS;
        if text.is_empty() || long || text.chars().any(char::is_control) {
            let name = pointer.trim_start_matches('/').replace('/', ".");
            let message = format!("{name} must be 1 to {MAX_DEVICE_CHARS} visible characters");
            faults.push(FieldError::new(pointer, message));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(AppError::fields(faults))
    }
}
