//! Who the load comes from: numbered users of one app, signed with its secret
//! as a partner's server would sign them, or nobody in particular for a server
//! that asks for no identity.

use mayday_core::identity::{AppSecret, ExternalUserId, signing};

use crate::failure::Failure;

/// The users of one run.
#[derive(Debug)]
pub(crate) struct People {
    app: Option<(String, AppSecret)>,
    prefix: String,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// The external id, which is its topic segment too.
    pub(crate) id: String,
    /// What proves it.
    pub(crate) credentials: Option<Credentials>,
}

/// What proves a user.
#[derive(Clone)]
pub(crate) struct Credentials {
    /// The app's id.
    pub(crate) app: String,
    /// The hash that the app's own server would give the user.
    pub(crate) hash: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl People {
    /// Users of `app`, or nobody in particular.
    pub(crate) fn new(app: Option<(String, AppSecret)>, prefix: &str) -> Self {
        Self {
            app,
            prefix: prefix.to_owned(),
        }
    }

    /// The user of a number.
    pub(crate) fn person(&self, number: usize) -> Result<Person, Failure> {
        let id = format!("{}-{number}", self.prefix);
        let user = ExternalUserId::parse(&id)
            .map_err(|error| Failure::new(format!("--user-prefix: {error}")))?;
        let credentials = self.app.as_ref().map(|(app, secret)| Credentials {
            app: app.clone(),
            hash: signing::sign_static(secret, &user),
        });
        Ok(Person { id, credentials })
    }
}

impl Credentials {
    /// The user name of CONNECT (contract: MQTT).
    pub(crate) fn username(&self, id: &str) -> String {
        format!("sdk:{}:{id}", self.app)
    }
}
