//! The key of an operator's program: `Authorization: Bearer <key>`, never in a path or
//! a query, which logs on the way keep.
//!
//! [`Allowed`] is the only way to an administrator's request from here. It is taken
//! before a body is read: a key that is not for the app learns nothing else.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Method;
use axum::http::request::Parts;
use mayday_app::admin::{AdminError, AdminReply, AdminRequest};
use mayday_app::{App, AppError, OutOfScope, Permit};
use mayday_core::identity::AppId;

use crate::auth::{bearer, peer};
use crate::problem::Problem;
use crate::serve::Seat;
use crate::state::Api;

/// An operator whose key is good for the app in the path, and for the method.
pub(crate) struct Allowed {
    app: Arc<App>,
    permit: Permit,
}

impl FromRequestParts<Api> for Allowed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let peer = peer(parts, &api.settings.trusted_proxies);
        let key = bearer(&parts.headers);
        let operator = api.app.operator(key, peer).await.map_err(unknown)?;
        if let Some(seat) = parts.extensions.get::<Seat>() {
            seat.proven();
        }
        let nothing = || Problem::not_found("there is no such app");
        let names = RawPathParams::from_request_parts(parts, api).await;
        let names = names.map_err(|_| nothing())?;
        let app_id = names.iter().find(|(name, _)| *name == "app");
        let app_id = app_id.map(|(_, app_id)| app_id.to_owned());
        let app_id = app_id.ok_or_else(nothing)?;
        let changes = !matches!(parts.method, Method::GET | Method::HEAD);
        let permit = operator
            .permit(app_id, changes)
            .map_err(|scope: OutOfScope| Problem::out_of_scope(scope.to_string()))?;
        AppId::parse(permit.app_id()).map_err(|_| nothing())?;
        tracing::Span::current().record("app.id", permit.app_id());
        let app = Arc::clone(&api.app);
        Ok(Self { app, permit })
    }
}

/// The sentence of signed routes speaks of headers that nobody sends here.
fn unknown(error: AppError) -> Problem {
    match error {
        AppError::Unauthorized => Problem::no_admin_key(),
        error => error.into(),
    }
}

impl Allowed {
    /// The app's public id, as a request has it.
    pub(crate) fn app_id(&self) -> String {
        self.permit.app_id().to_owned()
    }

    /// Who asks, for the record.
    pub(crate) fn by(&self) -> String {
        self.permit.by()
    }

    /// From where, for the record.
    pub(crate) fn from(&self) -> String {
        self.permit.from()
    }

    /// Asks as the command line does. What is not valid is blamed on its member, or else
    /// on the one at `pointer`; the empty one is the whole.
    pub(crate) async fn ask(
        &self,
        request: AdminRequest,
        pointer: &str,
    ) -> Result<AdminReply, Problem> {
        let reply = self.app.operate(&self.permit, request).await;
        reply.map_err(|error| refused(error, pointer))
    }
}

/// The pointer to the one member that was given; empty when there were others.
pub(crate) fn only<const N: usize>(members: [(&'static str, bool); N]) -> &'static str {
    let mut given = members.into_iter().filter(|(_, given)| *given);
    match (given.next(), given.next()) {
        (Some((pointer, _)), None) => pointer,
        _ => "",
    }
}

/// A reply of another kind than was asked for.
pub(crate) fn unexpected(_: &AdminReply) -> Problem {
    Problem::internal("an administrator's request was answered with another kind of reply")
}

fn refused(error: AdminError, pointer: &str) -> Problem {
    match error {
        AdminError::Invalid { message } => Problem::field(pointer, message),
        AdminError::Member { member, message } => Problem::field(&format!("/{member}"), message),
        AdminError::NotFound { message } => Problem::not_found(message),
        AdminError::Conflict { message } => AppError::Conflict { message }.into(),
        error @ AdminError::Unavailable => AppError::Unavailable {
            source: Box::new(error),
        }
        .into(),
        error @ (AdminError::KeyMissing | AdminError::Internal) => {
            Problem::internal(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_status() {
        let message = || "why".to_owned();
        for (error, status, code) in [
            (
                AdminError::Invalid { message: message() },
                400,
                "validation_error",
            ),
            (
                AdminError::Member {
                    member: "language".to_owned(),
                    message: message(),
                },
                400,
                "validation_error",
            ),
            (
                AdminError::NotFound { message: message() },
                404,
                "not_found",
            ),
            (AdminError::Conflict { message: message() }, 409, "conflict"),
            (AdminError::Unavailable, 503, "unavailable"),
            (AdminError::KeyMissing, 500, "internal"),
            (AdminError::Internal, 500, "internal"),
        ] {
            let problem = refused(error, "/idle_seconds");
            assert_eq!((problem.status().as_u16(), problem.code()), (status, code));
        }
    }

    #[test]
    fn one_member_is_blamed_and_of_several_none() {
        assert_eq!(only([("/a", false), ("/b", true)]), "/b");
        assert_eq!(only([("/a", true), ("/b", true)]), "");
        assert_eq!(only([("/a", false)]), "");
    }
}
