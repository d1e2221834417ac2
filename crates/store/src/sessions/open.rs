//! Opens a session, and ends those that have to make room for it.

use mayday_core::identity::ExternalUserId;
use mayday_core::ids::{AppUuid, SessionId, UserId};
use mayday_core::notification::NotificationType;
use mayday_core::sso::session::{Life, surplus};
use mayday_core::sso::token::TokenDigest;
use mayday_core::sso::{EndReason, LoginDevice, SessionPolicy, TokenKind};
use mayday_core::time::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use super::end::{device, end, end_overdue};
use super::{Issued, NewPair, SessionRow, by_token, id_token, issue, live, place, supersede};
use crate::args;
use crate::command::Command;
use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::system_mails::notices;
use crate::tx::Tx;
use crate::users::vouch::{Vouched, vouch};
use crate::webhooks::notify_now;
use crate::{sso, users};

static PARTNER_TOKEN: Sql =
    Sql::new("SELECT refused_reason FROM partner_tokens WHERE app_id = $1 AND digest = $2");
// The end of one and the same token may move: the last of all counts.
static KEEP_PARTNER_TOKEN: Sql = Sql::new(
    "INSERT INTO partner_tokens (app_id, digest, expires_at) VALUES ($1, $2, $3)
     ON CONFLICT (app_id, digest) DO UPDATE SET expires_at =
        CASE WHEN partner_tokens.expires_at < excluded.expires_at
             THEN excluded.expires_at ELSE partner_tokens.expires_at END",
);
static REFUSE_PARTNER_TOKEN: Sql = Sql::new(
    "INSERT INTO partner_tokens (app_id, digest, expires_at, refused_reason)
     VALUES ($1, $2, $3, $4)
     ON CONFLICT (app_id, digest) DO UPDATE SET refused_reason =
        COALESCE(partner_tokens.refused_reason, excluded.refused_reason), expires_at =
        CASE WHEN partner_tokens.expires_at < excluded.expires_at
             THEN excluded.expires_at ELSE partner_tokens.expires_at END",
);
// Whoever comes with an address waits for whoever brings the same one. SQLite has one writer.
static LOCK_ADDRESS: Sql = Sql::per_dialect(
    "SELECT $1, $2",
    "SELECT pg_advisory_xact_lock(hashtextextended($1::text || ' ' || lower($2::text), 5104471))",
);
static INSERT: Sql = Sql::new(
    "INSERT INTO sessions (id, app_id, user_id, subject, partner_digest, sealed, key_id, device_id,
        device_name, device_platform, newest_pair, used_pair, access_seconds, idle_seconds,
        created_at, used_at, expires_at, email)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, 0, $11, $12, $13, $13, $14, $15)",
);
static AGAIN: Sql = Sql::new(
    "UPDATE sessions SET newest_pair = newest_pair + 1, used_at = $2, device_name = $3,
        device_platform = $4
     WHERE id = $1 AND ended_at IS NULL",
);
pub(crate) const STATEMENTS: &[&Sql] = &[
    &PARTNER_TOKEN,
    &KEEP_PARTNER_TOKEN,
    &REFUSE_PARTNER_TOKEN,
    &LOCK_ADDRESS,
    &INSERT,
    &AGAIN,
];

/// Opens a session for a user whose partner token was judged valid. The same
/// token from the same device leads to the same session with a new pair.
#[derive(Clone)]
pub struct OpenSession {
    /// The id to take when it is a new session.
    pub id: SessionId,
    /// The app.
    pub app: AppUuid,
    /// The user.
    pub user: UserId,
    /// The name that the user must still have: one who is being erased has none.
    pub external_id: ExternalUserId,
    /// The name in the partner's token: the user's, or one that they had before.
    pub subject: ExternalUserId,
    /// Of the partner's token.
    pub partner_digest: TokenDigest,
    /// The token itself, to be given back as `idToken`.
    pub partner_token: Zeroizing<String>,
    /// When it was issued.
    pub partner_issued_at: Timestamp,
    /// Until when it must be remembered that the token opens nothing more: its
    /// end and the skew.
    pub partner_expires_at: Timestamp,
    /// The device.
    pub device: LoginDevice,
    /// The address that it vouches for.
    pub email: String,
    /// The name in it.
    pub name: Option<String>,
    /// The pair that is handed out.
    pub pair: NewPair,
}

impl std::fmt::Debug for OpenSession {
    /// Neither the token nor the person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenSession")
            .field("id", &self.id)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Has a partner's token that opened no session open none any more.
pub(crate) async fn refuse_partner_token(
    tx: &mut Tx<'_>,
    app: AppUuid,
    digest: &[u8],
    until: Timestamp,
    reason: EndReason,
) -> Result<(), StoreError> {
    let values = args![app, digest, until, reason.as_str()];
    tx.execute_one(&REFUSE_PARTNER_TOKEN, values).await
}

/// Why a partner's token opens no session any more, which is remembered until the end
/// that it has now, too; `None`: it does.
pub(crate) async fn refusal(
    tx: &mut Tx<'_>,
    app: AppUuid,
    digest: &TokenDigest,
    until: Timestamp,
) -> Result<Option<EndReason>, StoreError> {
    let values = args![app, digest.as_slice()];
    let row = tx.fetch_optional(&PARTNER_TOKEN, values).await?;
    let word = match row {
        Some(row) => row.get::<Option<String>>(0)?,
        None => None,
    };
    let reason = word.and_then(|word| EndReason::parse(&word));
    if reason.is_some() {
        keep_partner_token(tx, app, digest, until).await?;
    }
    Ok(reason)
}

async fn keep_partner_token(
    tx: &mut Tx<'_>,
    app: AppUuid,
    digest: &TokenDigest,
    until: Timestamp,
) -> Result<(), StoreError> {
    let values = args![app, digest.as_slice(), until];
    tx.execute_one(&KEEP_PARTNER_TOKEN, values).await
}

/// Has everybody else wait until the end of the transaction who logs in to the app with
/// this address.
pub(super) async fn lock_address(
    tx: &mut Tx<'_>,
    app: AppUuid,
    email: &str,
) -> Result<(), StoreError> {
    if tx.dialect() == Dialect::Postgres {
        let app = app.uuid().to_string();
        tx.execute(&LOCK_ADDRESS, args![&app, email]).await?;
    }
    Ok(())
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Opened {
    /// There it is.
    Session {
        /// With its new pair.
        issued: Box<Issued>,
        /// Whether it is a new one.
        fresh: bool,
        /// Whom it took the place of.
        evicted: Vec<SessionId>,
    },
    /// The token opened a session that ended so that it opens none any more.
    Refused(EndReason),
    /// The user is blocked.
    Blocked,
    /// The user was erased meanwhile: the name is somebody else's now.
    Gone,
    /// The app's users do not log in so, any more.
    NotConfigured,
}

impl Command for OpenSession {
    type Output = Opened;

    const NAME: &'static str = "session.open";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Opened, StoreError> {
        let Some(policy) = sso::share(tx, self.app).await? else {
            return Ok(Opened::NotConfigured);
        };
        lock_address(tx, self.app, &self.email).await?;
        let user = users::lock(tx, self.user).await?;
        if user.external_id != self.external_id {
            return Ok(Opened::Gone);
        }
        if user.blocked_at.is_some() {
            return Ok(Opened::Blocked);
        }
        if let Some(done) = self.done_before(tx).await? {
            return Ok(done);
        }
        let (digest, until) = (&self.partner_digest, self.partner_expires_at);
        if let Some(reason) = refusal(tx, self.app, digest, until).await? {
            return Ok(Opened::Refused(reason));
        }
        keep_partner_token(tx, self.app, digest, until).await?;
        end_overdue(tx, self.user).await?;
        let others = live(tx, self.user).await?;
        let said = Vouched {
            email: &self.email,
            name: self.name.as_deref(),
            at: self.partner_issued_at,
        };
        vouch(tx, &user, said).await?;
        if let Some(same) = others.iter().find(|other| self.is_same(other)) {
            return self.again(tx, same).await;
        }
        let evicted = self.make_room(tx, others, policy.cap).await?;
        let session = self.insert(tx, &policy).await?;
        let access_expires_at = issue(tx, &session, 1, &self.pair).await?;
        let data = [
            ("sessionId", json!(session.id)),
            ("device", device(&session.device)),
        ];
        let about = (self.app, self.user);
        notices::signed_in(tx, about, &session.device).await?;
        notify_now(tx, about, NotificationType::SessionCreated, data).await?;
        Ok(Opened::Session {
            issued: Box::new(Issued {
                session,
                access_expires_at,
                id_token: self.partner_token.clone(),
            }),
            fresh: true,
            evicted,
        })
    }
}

impl OpenSession {
    /// An earlier run was committed: its pair is there.
    async fn done_before(&self, tx: &mut Tx<'_>) -> Result<Option<Opened>, StoreError> {
        let kind = mayday_core::sso::TokenKind::Access;
        let Some(found) = by_token(tx, kind, &self.pair.access).await? else {
            return Ok(None);
        };
        let issued = Issued {
            access_expires_at: found.expires_at,
            id_token: id_token(tx, &found.session)?,
            session: found.session,
        };
        Ok(Some(Opened::Session {
            fresh: issued.session.id == self.id,
            issued: Box::new(issued),
            evicted: Vec::new(),
        }))
    }

    fn is_same(&self, other: &SessionRow) -> bool {
        other.partner_digest == self.partner_digest && other.device.id == self.device.id
    }

    /// The answer to an earlier log-in was lost, or is asked for again.
    async fn again(&self, tx: &mut Tx<'_>, same: &SessionRow) -> Result<Opened, StoreError> {
        let now = tx.now();
        let values = args![
            same.id,
            now,
            self.device.name.as_deref(),
            self.device.platform.as_deref(),
        ];
        tx.execute_one(&AGAIN, values).await?;
        let mut session = same.clone();
        session.device = self.device.clone();
        session.life.used_at = now;
        session.newest_pair += 1;
        // The earlier pair lives on for a moment, both tokens of it.
        supersede(tx, session.id, TokenKind::Refresh).await?;
        let access_expires_at = issue(tx, &session, session.newest_pair, &self.pair).await?;
        Ok(Opened::Session {
            issued: Box::new(Issued {
                session,
                access_expires_at,
                id_token: self.partner_token.clone(),
            }),
            fresh: false,
            evicted: Vec::new(),
        })
    }

    async fn make_room(
        &self,
        tx: &mut Tx<'_>,
        others: Vec<SessionRow>,
        cap: u32,
    ) -> Result<Vec<SessionId>, StoreError> {
        let places = others.iter().map(SessionRow::place).collect();
        let evicted = surplus(places, 1, cap);
        let now = tx.now();
        for other in others.iter().filter(|other| evicted.contains(&other.id)) {
            end(tx, other, EndReason::Evicted, now, Some(&self.device)).await?;
        }
        Ok(evicted)
    }

    async fn insert(
        &self,
        tx: &mut Tx<'_>,
        policy: &SessionPolicy,
    ) -> Result<SessionRow, StoreError> {
        let now = tx.now();
        let expires_at = now.plus(policy.absolute);
        let digest = self.partner_digest.as_slice();
        let token = self.partner_token.as_bytes();
        let sealed = tx.seal(place(self.id), token).await?;
        let values = args![
            self.id,
            self.app,
            self.user,
            &self.subject,
            digest,
            &sealed.bytes,
            &sealed.key_id,
            self.device.id.as_deref(),
            self.device.name.as_deref(),
            self.device.platform.as_deref(),
            sso::seconds(policy.access),
            sso::seconds(policy.idle),
            now,
            expires_at,
            self.email.as_str(),
        ];
        tx.execute_one(&INSERT, values).await?;
        Ok(SessionRow {
            id: self.id,
            app: self.app,
            user: self.user,
            device: self.device.clone(),
            access: policy.access,
            created_at: now,
            life: Life {
                used_at: now,
                expires_at,
                idle: policy.idle,
                ending: None,
            },
            newest_pair: 1,
            used_pair: 0,
            partner_digest: digest.to_vec(),
            id_token: Some(sealed),
        })
    }
}
