//! Codes that were mailed (contract: Signature and its recovery).
//!
//! A *request* has codes sent and counts attempts; a resend replaces the code and
//! keeps the count. A user has one request to reset the signature, and one for each of
//! a few log-ins that would be joined with the account: none takes another's code away.
//! How often codes are sent is counted over all of one purpose. Whatever reads and changes a row holds its user's lock, so that
//! of a hundred guesses at one instant each is counted.

pub(crate) mod link;

use mayday_core::ids::{AppUuid, RecordId, SessionId, UserId};
use mayday_core::mail::SystemMailKind;
use mayday_core::sso::code::{Bound, CODE_KEY, CODE_LIFE, Code, CodePurpose, MAX_ATTEMPTS, Sends};
use mayday_core::time::Timestamp;
use std::time::Duration;

pub use link::{
    AskLink, AskedLink, ConfirmLink, LinkConfirmation, SendLinkCode, SentLinkCode, WhoLinks,
};

use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::system_mails::{self, SystemMail};
use crate::tx::Tx;
use crate::user_settings;

macro_rules! columns {
    () => {
        "id, app_id, user_id, purpose, request_id, session_id, partner_digest, address, code_hash,
         attempts, sends, expires_at, closed"
    };
}

static OF_USER: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM verification_codes WHERE user_id = $1 AND purpose = $2 ORDER BY id LIMIT $3"
));
static OF_REQUEST: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM verification_codes WHERE request_id = $1"
));
static OF_TOKEN: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM verification_codes WHERE app_id = $1 AND partner_digest = $2
     ORDER BY updated_at DESC, id LIMIT 1"
));
static APP_OF: Sql = Sql::new(
    "SELECT a.id, a.app_id FROM verification_codes v JOIN apps a ON a.id = v.app_id
     WHERE v.request_id = $1 LIMIT 1",
);
static PUT: Sql = Sql::new(
    "INSERT INTO verification_codes (id, app_id, user_id, purpose, request_id, session_id,
        partner_digest, address, code_hash, attempts, sends, expires_at, closed, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
     ON CONFLICT (id) DO UPDATE SET request_id = excluded.request_id,
        session_id = excluded.session_id, partner_digest = excluded.partner_digest,
        address = excluded.address, code_hash = excluded.code_hash,
        attempts = excluded.attempts, sends = excluded.sends,
        expires_at = excluded.expires_at, closed = excluded.closed,
        updated_at = excluded.updated_at",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&OF_USER, &OF_REQUEST, &OF_TOKEN, &APP_OF, &PUT];

/// At which app a code was asked for, by its ids; `None`: there is no such request.
pub async fn app_of(
    tx: &mut Tx<'_>,
    request: RecordId,
) -> Result<Option<(AppUuid, String)>, StoreError> {
    let row = tx.fetch_optional(&APP_OF, args![request]).await?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// Requests of one user and purpose that are kept. Of codes that may be confirmed there
/// are fewer, since [`MAX_SENDS`] are sent in an hour.
const MAX_REQUESTS: u32 = 8;

/// Minutes of [`CODE_LIFE`], as the mail says them.
const CODE_MINUTES: &str = "10";

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The code was confirmed.
    Used,
    /// Its attempts are used up.
    Exhausted,
}

impl Closed {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Exhausted => "exhausted",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Used, Self::Exhausted]
            .into_iter()
            .find(|closed| closed.as_str() == word)
    }
}

/// A request and its code.
#[derive(Clone, Debug)]
pub(crate) struct CodeRow {
    id: RecordId,
    pub(crate) app: AppUuid,
    pub(crate) user: UserId,
    purpose: CodePurpose,
    pub(crate) request: RecordId,
    pub(crate) session: Option<SessionId>,
    pub(crate) partner_digest: Option<Vec<u8>>,
    pub(crate) address: String,
    hash: Option<Vec<u8>>,
    attempts: u32,
    sends: Sends,
    pub(crate) expires_at: Timestamp,
    pub(crate) closed: Option<Closed>,
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// It is right; the request is closed.
    Right,
    /// Something of it is wrong; it was counted.
    Wrong,
    /// It was the last one that is counted; the request is closed.
    Exhausted,
    /// No code is there to be confirmed.
    Nothing,
}

impl CodeRow {
    /// The user's request for a purpose that has one alone.
    pub(crate) async fn of_user(
        tx: &mut Tx<'_>,
        user: UserId,
        purpose: CodePurpose,
    ) -> Result<Option<Self>, StoreError> {
        Ok(Self::all_of(tx, user, purpose).await?.into_iter().next())
    }

    /// All requests of the user for a purpose.
    async fn all_of(
        tx: &mut Tx<'_>,
        user: UserId,
        purpose: CodePurpose,
    ) -> Result<Vec<Self>, StoreError> {
        let values = args![user, purpose.as_str(), MAX_REQUESTS];
        let rows = tx.fetch_all(&OF_USER, values).await?;
        rows.iter().map(read).collect()
    }

    /// The request of this id.
    async fn of_request(tx: &mut Tx<'_>, request: RecordId) -> Result<Option<Self>, StoreError> {
        let row = tx.fetch_optional(&OF_REQUEST, args![request]).await?;
        row.as_ref().map(read).transpose()
    }

    /// The newest request that a log-in with a partner's token began.
    async fn of_token(
        tx: &mut Tx<'_>,
        app: AppUuid,
        digest: &[u8],
    ) -> Result<Option<Self>, StoreError> {
        let row = tx.fetch_optional(&OF_TOKEN, args![app, digest]).await?;
        row.as_ref().map(read).transpose()
    }

    /// A request of a user in the place of the one `before`, of which the count of what
    /// was sent is kept.
    pub(crate) fn begin(
        tx: &Tx<'_>,
        (app, user): (AppUuid, UserId),
        purpose: CodePurpose,
        address: String,
        before: Option<&Self>,
    ) -> Self {
        let fresh = || RecordId::generate(tx.clock(), tx.entropy());
        Self {
            id: before.map_or_else(fresh, |before| before.id),
            app,
            user,
            purpose,
            request: fresh(),
            session: None,
            partner_digest: None,
            address,
            hash: None,
            attempts: 0,
            sends: before
                .map(|before| before.sends.clone())
                .unwrap_or_default(),
            expires_at: tx.now(),
            closed: None,
        }
    }

    /// Whether a code may still be confirmed.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.closed.is_none() && self.hash.is_some() && now < self.expires_at
    }

    /// Sends a code, which replaces the one before it. `Err`: not yet, and how long
    /// to wait; nothing was changed.
    pub(crate) async fn send(
        &mut self,
        tx: &mut Tx<'_>,
    ) -> Result<Result<(), Duration>, StoreError> {
        let now = tx.now();
        // Its commit went unanswered: the code is under way.
        if tx.may_be_done() && self.is_live(now) && self.sends.times().last() == Some(&now) {
            return Ok(Ok(()));
        }
        for other in Self::all_of(tx, self.user, self.purpose).await? {
            self.sends.join(&other.sends);
        }
        if let Err(wait) = self.sends.admit(now) {
            return Ok(Err(wait));
        }
        let code = Code::generate(tx.entropy());
        let key = tx.purpose_key(CODE_KEY).await?;
        self.hash = Some(code.hash(&key, self.bound()).to_vec());
        self.expires_at = now.plus(CODE_LIFE);
        self.put(tx).await?;
        let settings = user_settings::get(tx, self.user).await?;
        let mail = SystemMail {
            app: self.app,
            user: Some(self.user),
            to: &self.address,
            language: settings.language.as_deref(),
            kind: match self.purpose {
                CodePurpose::Link => SystemMailKind::LinkingCode,
                CodePurpose::ResetSignature => SystemMailKind::SignatureResetCode,
            },
            values: &[("code", code.expose()), ("minutes", CODE_MINUTES)],
        };
        system_mails::enqueue(tx, &mail).await?;
        Ok(Ok(()))
    }

    /// Judges an attempt and counts it. `others` is whether all else that belongs to
    /// it is right: what of it was wrong is not told.
    pub(crate) async fn attempt(
        &mut self,
        tx: &mut Tx<'_>,
        code: &Code,
        others: bool,
    ) -> Result<Tried, StoreError> {
        if !self.is_live(tx.now()) {
            return Ok(Tried::Nothing);
        }
        let right = self.is_right(tx, code).await? & others;
        let tried = if right {
            self.closed = Some(Closed::Used);
            Tried::Right
        } else {
            self.attempts = self.attempts.saturating_add(1);
            if self.attempts >= MAX_ATTEMPTS {
                self.closed = Some(Closed::Exhausted);
                Tried::Exhausted
            } else {
                Tried::Wrong
            }
        };
        self.put(tx).await?;
        Ok(tried)
    }

    /// Whether a code is the one that was sent last, be its request closed or not.
    pub(crate) async fn is_right(&self, tx: &mut Tx<'_>, code: &Code) -> Result<bool, StoreError> {
        let Some(kept) = &self.hash else {
            return Ok(false);
        };
        // The master key may have been replaced since the code was sent.
        let keys = tx.purpose_keys(CODE_KEY).await?;
        let mut right = false;
        for key in &keys {
            right |= code.is(kept, key, self.bound());
        }
        Ok(right)
    }

    fn bound(&self) -> Bound {
        Bound {
            user: self.user,
            purpose: self.purpose,
            request: self.request,
        }
    }

    /// Writes it.
    pub(crate) async fn put(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let micros: Vec<i64> = self.sends.times().iter().map(|at| at.as_micros()).collect();
        let sends = serde_json::to_string(&micros)
            .map_err(|error| StoreError::column(10, error.to_string()))?;
        let now = tx.now();
        let values = args![
            self.id,
            self.app,
            self.user,
            self.purpose.as_str(),
            self.request,
            self.session,
            self.partner_digest.as_deref(),
            &self.address,
            self.hash.as_deref(),
            self.attempts,
            &sends,
            self.expires_at,
            self.closed.map(Closed::as_str),
            now,
        ];
        tx.execute_one(&PUT, values).await
    }
}

fn read(row: &Row) -> Result<CodeRow, StoreError> {
    let purpose: String = row.get(3)?;
    let closed: Option<String> = row.get(12)?;
    let sends: String = row.get(10)?;
    let sends: Vec<i64> =
        serde_json::from_str(&sends).map_err(|error| StoreError::column(10, error.to_string()))?;
    Ok(CodeRow {
        id: row.get(0)?,
        app: row.get(1)?,
        user: row.get(2)?,
        purpose: CodePurpose::parse(&purpose)
            .ok_or_else(|| StoreError::column(3, "an unknown purpose"))?,
        request: row.get(4)?,
        session: row.get(5)?,
        partner_digest: row.get(6)?,
        address: row.get(7)?,
        hash: row.get(8)?,
        attempts: row.get(9)?,
        sends: Sends::new(sends.into_iter().map(Timestamp::from_micros).collect()),
        expires_at: row.get(11)?,
        closed: closed
            .map(|word| {
                Closed::parse(&word).ok_or_else(|| StoreError::column(12, "an unknown end"))
            })
            .transpose()?,
    })
}
