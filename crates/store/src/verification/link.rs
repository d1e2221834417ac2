//! Joins a log-in with the account that already has its address (contract: Sessions,
//! `link_required`).
//!
//! The account keeps its row, and with it contacts, devices and incidents; it takes
//! the log-in's name, and the name that it had becomes an alias: whoever still
//! proves that one is the same user, so that no phone's SOS goes to nobody's
//! contacts.

use mayday_core::identity::ExternalUserId;
use mayday_core::ids::{AppUuid, RecordId, UserId};
use mayday_core::notification::NotificationType;
use mayday_core::sso::EndReason;
use mayday_core::sso::code::{Code, CodePurpose};
use mayday_core::sso::token::TokenDigest;
use mayday_core::time::Timestamp;
use serde_json::json;

use super::{Closed, CodeRow, MAX_REQUESTS, Tried};
use crate::command::Command;
use crate::error::StoreError;
use crate::sessions::open::{refusal, refuse_partner_token};
use crate::tx::Tx;
use crate::users::{self, alias};
use crate::webhooks::notify_now;

/// Who logs in.
#[derive(Clone, PartialEq, Eq)]
pub struct WhoLinks {
    /// The app.
    pub app: AppUuid,
    /// The name in the partner's token.
    pub subject: ExternalUserId,
    /// The address in it.
    pub email: String,
    /// Of the token.
    pub partner_digest: TokenDigest,
    /// Its end and the skew.
    pub partner_expires_at: Timestamp,
}

impl WhoLinks {
    /// Why the token opens no session any more.
    async fn refusal(&self, tx: &mut Tx<'_>) -> Result<Option<EndReason>, StoreError> {
        refusal(tx, self.app, &self.partner_digest, self.partner_expires_at).await
    }
}

impl std::fmt::Debug for WhoLinks {
    /// Not the person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WhoLinks")
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

/// Asks whether a log-in has to be joined with an account, and begins that.
#[derive(Clone, Debug)]
pub struct AskLink(pub WhoLinks);

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedLink {
    /// Nobody else has the address, or the name is known here: log in.
    Free,
    /// The account is joined by a code: the request of it.
    Required(RecordId),
    /// The token opens no session any more.
    Refused(EndReason),
}

impl Command for AskLink {
    type Output = AskedLink;

    const NAME: &'static str = "account.ask_link";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<AskedLink, StoreError> {
        let who = &self.0;
        // Whoever was here before is never asked: nobody can lock them out by
        // writing their address into a profile.
        if users::find(tx, who.app, &who.subject).await?.is_some() {
            return Ok(AskedLink::Free);
        }
        let Some(owner) = alias::of_email(tx, who.app, &who.email).await? else {
            return Ok(AskedLink::Free);
        };
        users::lock(tx, owner).await?;
        if alias::of_email(tx, who.app, &who.email).await? != Some(owner) {
            return Ok(AskedLink::Free);
        }
        if let Some(reason) = who.refusal(tx).await? {
            return Ok(AskedLink::Refused(reason));
        }
        let requests = CodeRow::all_of(tx, owner, CodePurpose::Link).await?;
        let digest = who.partner_digest.as_slice();
        let own = requests
            .iter()
            .find(|row| row.partner_digest.as_deref() == Some(digest));
        if let Some(row) = own.filter(|row| row.closed.is_none() && row.address == who.email) {
            return Ok(AskedLink::Required(row.request));
        }
        let now = tx.now();
        let before = own.or_else(|| spare(&requests, now));
        let about = (who.app, owner);
        let address = who.email.clone();
        let mut row = CodeRow::begin(tx, about, CodePurpose::Link, address, before);
        row.partner_digest = Some(digest.to_vec());
        row.put(tx).await?;
        Ok(AskedLink::Required(row.request))
    }
}

/// The request that makes room for another, when an account has as many as are kept: of
/// those without a code that may be confirmed the oldest.
fn spare(requests: &[CodeRow], now: Timestamp) -> Option<&CodeRow> {
    let full = requests.len() >= usize::try_from(MAX_REQUESTS).unwrap_or(usize::MAX);
    let oldest = requests
        .iter()
        .min_by_key(|row| (row.is_live(now), row.expires_at));
    oldest.filter(|_| full)
}

/// Sends the code of a request, or another one, to the address that the log-in has.
#[derive(Clone)]
pub struct SendLinkCode {
    /// The request.
    pub request: RecordId,
    /// The address as somebody typed it: any other than the log-in's is sent nothing.
    pub login: String,
}

impl std::fmt::Debug for SendLinkCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendLinkCode")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// What became of it. Whoever asks is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentLinkCode {
    /// It is under way.
    Sent,
    /// There is no such request, it is over, the address is another or the account's no
    /// longer, or too many were sent.
    Nothing,
}

impl Command for SendLinkCode {
    type Output = SentLinkCode;

    const NAME: &'static str = "account.send_link_code";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<SentLinkCode, StoreError> {
        let Some(seen) = CodeRow::of_request(tx, self.request).await? else {
            return Ok(SentLinkCode::Nothing);
        };
        let owner = users::lock(tx, seen.user).await?;
        let row = CodeRow::of_request(tx, self.request).await?;
        let fits = |row: &CodeRow| {
            row.closed.is_none()
                && row.partner_digest.is_some()
                && owner.has_address(&row.address)
                && row.address.to_lowercase() == self.login.trim().to_lowercase()
        };
        let Some(mut row) = row.filter(fits) else {
            return Ok(SentLinkCode::Nothing);
        };
        Ok(match row.send(tx).await? {
            Ok(()) => SentLinkCode::Sent,
            Err(_wait) => SentLinkCode::Nothing,
        })
    }
}

/// Joins a log-in with the account, if the code is right.
#[derive(Clone, Debug)]
pub struct ConfirmLink {
    /// Who logs in.
    pub who: WhoLinks,
    /// The code as typed.
    pub code: Code,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkConfirmation {
    /// The name of the log-in is the account's now.
    Linked(UserId),
    /// The code is wrong, or none was sent to this log-in.
    Wrong,
    /// It was wrong once too often: the token opens no session any more.
    Exhausted,
    /// The token had been refused before.
    Refused(EndReason),
}

impl Command for ConfirmLink {
    type Output = LinkConfirmation;

    const NAME: &'static str = "account.confirm_link";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<LinkConfirmation, StoreError> {
        let (app, digest) = (self.who.app, self.who.partner_digest.as_slice());
        let seen = CodeRow::of_token(tx, app, digest).await?;
        // The refusal is written under the lock of whose request it was.
        let owner = match &seen {
            Some(seen) => Some(users::lock(tx, seen.user).await?),
            None => None,
        };
        if let Some(reason) = self.who.refusal(tx).await? {
            return Ok(LinkConfirmation::Refused(reason));
        }
        let row = CodeRow::of_token(tx, app, digest).await?;
        let (Some(mut row), Some(owner)) = (row, owner) else {
            return Ok(LinkConfirmation::Wrong);
        };
        if row.user != owner.id {
            return Ok(LinkConfirmation::Wrong);
        }
        // The answer to an earlier confirmation was lost: the same token with the
        // same code is told the same.
        if row.closed == Some(Closed::Used) {
            let again =
                row.is_right(tx, &self.code).await? && owner.external_id == self.who.subject;
            return Ok(if again {
                LinkConfirmation::Linked(owner.id)
            } else {
                LinkConfirmation::Wrong
            });
        }
        // Whoever reads the mails of an address that was the account's proves nothing.
        if !owner.has_address(&row.address) {
            return Ok(LinkConfirmation::Wrong);
        }
        match row.attempt(tx, &self.code, true).await? {
            Tried::Nothing | Tried::Wrong => Ok(LinkConfirmation::Wrong),
            Tried::Exhausted => {
                let reason = EndReason::VerificationLimit;
                let until = self.who.partner_expires_at;
                refuse_partner_token(tx, app, digest, until, reason).await?;
                Ok(LinkConfirmation::Exhausted)
            }
            Tried::Right => {
                self.join(tx, owner.id, &owner.external_id).await?;
                Ok(LinkConfirmation::Linked(owner.id))
            }
        }
    }
}

impl ConfirmLink {
    async fn join(
        &self,
        tx: &mut Tx<'_>,
        owner: UserId,
        before: &ExternalUserId,
    ) -> Result<(), StoreError> {
        let subject = &self.who.subject;
        // Somebody of this name came in another way meanwhile, and is a user of
        // their own: two people with their own incidents are not poured together.
        if users::find(tx, self.who.app, subject).await?.is_some() {
            return Ok(());
        }
        alias::rename(tx, (self.who.app, owner), before, subject).await?;
        let data = [("previousUser", json!(before.as_str()))];
        notify_now(
            tx,
            (self.who.app, owner),
            NotificationType::AccountLinked,
            data,
        )
        .await
    }
}
