//! All apps with their live secrets and policies, and the live keys of brokers, in
//! memory.
//!
//! A snapshot is never changed: a reload puts a new one in its place, so that
//! a check never waits and never sees half a change.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use mayday_core::identity::signing::{Genuine, LiveSecret, Verdict, verify};
use mayday_core::identity::{
    AppId, AppPolicy, Caller, CancelPolicy, Credential, ExternalUserId, Proof,
};
use mayday_core::ids::AppUuid;
use mayday_core::sso::ClaimTerms;
use mayday_core::time::Timestamp;
use mayday_gateway::introspection::TokenEndpoint;
use mayday_gateway::secret::Secret;
use mayday_store::{ReadTx, Store, StoreError, apps, broker_keys, control, sso};
use tokio::sync::Mutex;

use crate::brokers::BrokerScope;
use crate::presence::CutReason;

/// The apps, replaced as a whole.
pub(super) struct Directory {
    current: ArcSwap<Snapshot>,
    /// Held while reloading, so that an older snapshot never replaces a newer
    /// one. Says whether connections are still to be cut by the current one.
    pub(super) reloading: Mutex<Reload>,
}

/// What reloads remember.
#[derive(Debug, Default)]
pub(super) struct Reload {
    /// The connections were not all checked against the current snapshot.
    pub(super) cut_pending: bool,
    /// The control version whose directory could not be read; who was blocked or
    /// erased under it was cut all the same.
    pub(super) unreadable: Option<i64>,
}

/// The apps as of one control version.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) version: i64,
    apps: HashMap<AppId, Entry>,
    names: HashMap<AppUuid, AppId>,
    /// By digest, the app that the broker serves; `None` for every app.
    broker_keys: HashMap<String, BrokerScope>,
    /// How the users of an app log in with the app's tokens.
    sso: HashMap<AppUuid, Arc<SsoApp>>,
}

/// How the users of an app log in with the app's tokens.
#[derive(Debug)]
pub(crate) struct SsoApp {
    pub(crate) endpoint: TokenEndpoint,
    pub(crate) terms: ClaimTerms,
}

/// An app.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: AppUuid,
    pub(super) app_id: AppId,
    pub(super) active: bool,
    policy: AppPolicy,
    secrets: Vec<LiveSecret>,
}

/// A proof that holds.
#[derive(Debug)]
pub(super) struct Proven<'d> {
    pub(super) app: &'d Entry,
    pub(super) external_id: ExternalUserId,
    pub(super) genuine: Genuine,
}

impl Directory {
    pub(super) async fn load(store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            current: ArcSwap::from_pointee(Snapshot::load(store).await?),
            reloading: Mutex::default(),
        })
    }

    /// The apps now.
    pub(super) fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    pub(super) fn replace(&self, snapshot: Snapshot) {
        self.current.store(Arc::new(snapshot));
    }
}

impl Snapshot {
    /// Reads version, apps, secrets and keys of brokers in one transaction.
    pub(super) async fn load(store: &Store) -> Result<Self, StoreError> {
        let mut tx = store.read().await?;
        let version = control::version(&mut tx).await?;
        let rows = apps::all(&mut tx).await?;
        let broker_keys = broker_keys::live(&mut tx).await?;
        let mut secrets: HashMap<AppUuid, Vec<LiveSecret>> = HashMap::new();
        // A command without the master key lets nobody in; a server's store has it.
        if store.has_master_key() {
            for (app, secret) in apps::live_secrets(&mut tx).await? {
                secrets.entry(app).or_default().push(secret);
            }
        }
        let sso = if store.has_master_key() {
            sso_apps(&mut tx).await?
        } else {
            HashMap::new()
        };
        let names = rows.iter().map(|row| (row.id, row.app_id.clone()));
        Ok(Self {
            sso,
            version,
            names: names.collect(),
            broker_keys: broker_keys
                .into_iter()
                .map(|(digest, app)| (digest, app.map_or(BrokerScope::All, BrokerScope::App)))
                .collect(),
            apps: rows
                .into_iter()
                .map(|row| {
                    let entry = Entry {
                        id: row.id,
                        app_id: row.app_id.clone(),
                        active: row.deactivated_at.is_none(),
                        policy: row.policy,
                        secrets: secrets.remove(&row.id).unwrap_or_default(),
                    };
                    (row.app_id, entry)
                })
                .collect(),
        })
    }

    /// Checks a proof. An unknown app and a bad hash fail alike, after the
    /// same work.
    pub(super) fn prove(&self, proof: &Proof<'_>, now: Timestamp) -> Option<Proven<'_>> {
        let app_id = AppId::parse(proof.app_id).ok()?;
        let external_id = ExternalUserId::parse(proof.external_id).ok()?;
        let app = self.apps.get(&app_id);
        let secrets = app.map_or(&[][..], |app| app.secrets.as_slice());
        match verify(secrets, &app_id, &external_id, proof.hash, now) {
            Verdict::Invalid => None,
            Verdict::Genuine(genuine) => {
                let app = app?;
                app.policy.admits(genuine.expires_at).then_some(Proven {
                    app,
                    external_id,
                    genuine,
                })
            }
        }
    }

    /// Why a caller who was let in before would be refused now.
    pub(super) fn objection(&self, caller: &Caller) -> Option<CutReason> {
        let Some(app) = self.apps.get(&caller.app_id) else {
            return Some(CutReason::AppInactive);
        };
        if !app.active {
            Some(CutReason::AppInactive)
        } else if let Credential::Secret(secret) = caller.credential
            && !app.secrets.iter().any(|live| live.id == secret)
        {
            Some(CutReason::SecretRetired)
        } else if !app.policy.admits(caller.expires_at) {
            Some(CutReason::PolicyChanged)
        } else {
            None
        }
    }

    /// The app of this internal id.
    pub(super) fn entry(&self, app: AppUuid) -> Option<&Entry> {
        self.apps.get(self.names.get(&app)?)
    }

    /// An app by its public id, with how its users log in with its tokens.
    pub(super) fn sso(&self, app_id: &AppId) -> Option<(&Entry, Arc<SsoApp>)> {
        let entry = self.apps.get(app_id)?;
        Some((entry, Arc::clone(self.sso.get(&entry.id)?)))
    }

    /// The internal id of an app whose users are let in.
    pub(super) fn active(&self, app_id: &AppId) -> Option<AppUuid> {
        let entry = self.apps.get(app_id).filter(|entry| entry.active);
        entry.map(|entry| entry.id)
    }

    /// What the live key of this digest was made for.
    pub(super) fn broker_key(&self, digest: &str) -> Option<BrokerScope> {
        self.broker_keys.get(digest).copied()
    }

    pub(super) fn policy(&self, app: AppUuid) -> AppPolicy {
        let entry = self.names.get(&app).and_then(|name| self.apps.get(name));
        entry.map_or(
            AppPolicy {
                require_expiring: true,
                cancel: CancelPolicy::RelayOnly,
                // Of an app that is not known nobody has a PIN.
                cancel_signature: true,
            },
            |entry| entry.policy,
        )
    }
}

/// How users log in, with our keys opened.
async fn sso_apps(tx: &mut ReadTx) -> Result<HashMap<AppUuid, Arc<SsoApp>>, StoreError> {
    let mut apps = HashMap::new();
    for row in sso::all(tx).await? {
        let key = sso::key(tx, &row)?;
        let key = key.map(|key| (key.header, Secret::new(key.key.as_str())));
        let settings = row.settings;
        let app = SsoApp {
            endpoint: TokenEndpoint {
                url: settings.token_info_url,
                form: settings.form,
                parameter: settings.parameter,
                key,
                local: settings.local,
            },
            terms: settings.terms,
        };
        apps.insert(row.app, Arc::new(app));
    }
    Ok(apps)
}
