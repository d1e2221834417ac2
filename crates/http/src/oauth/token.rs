//! `POST /oauth/token`.

use std::collections::HashMap;
use std::net::IpAddr;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use mayday_app::{AppError, SessionGrant, SsoLogin, SsoRefresh};
use mayday_core::sso::LoginDevice;
use serde::Serialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::{REFRESH_TOKEN, TOKEN_EXCHANGE};
use crate::auth::Peer;
use crate::body::whole;
use crate::problem::Problem;
use crate::public_url::PublicUrl;
use crate::state::Api;

/// What we hand out.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What the app's own token may call itself.
const SUBJECT_TYPES: [&str; 3] = [
    ACCESS_TOKEN,
    "urn:ietf:params:oauth:token-type:id_token",
    "urn:ietf:params:oauth:token-type:jwt",
];

/// What names the services that the token is meant for; each may stand more than once (RFC
/// 8693, 2.1).
const TARGETS: [&str; 2] = ["resource", "audience"];

/// A form in which each other name stands once.
struct Form {
    members: HashMap<String, Zeroizing<String>>,
    targets: Vec<(String, Zeroizing<String>)>,
}

/// A token request, for the description: it comes as a form.
#[derive(ToSchema)]
#[schema(as = OauthRequest)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct TokenRequest {
    /// `urn:ietf:params:oauth:grant-type:token-exchange`, or `refresh_token`.
    grant_type: String,
    /// The app's public id.
    #[schema(required = false)]
    client_id: Option<String>,
    /// The app's own token, for an exchange.
    #[schema(required = false)]
    subject_token: Option<String>,
    /// What it is: `urn:ietf:params:oauth:token-type:access_token`, `..:id_token`
    /// or `..:jwt`.
    #[schema(required = false)]
    subject_token_type: Option<String>,
    /// The refresh token, for a refresh.
    #[schema(required = false)]
    refresh_token: Option<String>,
    /// The app's id of the device.
    #[schema(required = false)]
    device_id: Option<String>,
    /// This server, by its address or one below it; leave it out.
    #[schema(required = false)]
    resource: Option<String>,
    /// This server, by its address or by the audience of the app's own tokens; leave it out.
    #[schema(required = false)]
    audience: Option<String>,
}

/// A session in the words of OAuth (RFC 8693, 2.2.1).
#[derive(Serialize, ToSchema)]
#[schema(as = OauthToken)]
pub(crate) struct TokenAnswer {
    /// Proves the session.
    access_token: String,
    /// `urn:ietf:params:oauth:token-type:access_token`.
    issued_token_type: &'static str,
    /// `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token ends.
    #[schema(example = 900)]
    expires_in: i64,
    /// Buys the next pair, once.
    refresh_token: String,
}

/// Exchange the app's own token for a session
///
/// RFC 8693: `grant_type` is `urn:ietf:params:oauth:grant-type:token-exchange`,
/// `client_id` the app's public id, `subject_token` the app's own token. With
/// `grant_type=refresh_token` the session is refreshed. It is the same session that
/// `/v1/sso/login` opens. There are no scopes: leave `scope` out.
#[utoipa::path(
    post,
    path = "/oauth/token",
    operation_id = "oauthToken",
    tag = "Sessions",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The session.", body = TokenAnswer),
        (status = 400, description = "The request is not valid, or the token is not accepted (`invalid_request`; of a refresh token `invalid_grant`), nor what it is asked for (`invalid_target`, `invalid_scope`, `unsupported_grant_type`)."),
        (status = 401, description = "The client is unknown (`invalid_client`)."),
    ),
)]
pub(crate) async fn token(
    State(api): State<Api>,
    Peer(peer): Peer,
    url: Result<PublicUrl, Problem>,
    body: Body,
) -> Result<Json<TokenAnswer>, Problem> {
    let form = Form::read(&whole(body, api.settings.body_timeout).await?)?;
    let granted = match form.need("grant_type")?.as_str() {
        TOKEN_EXCHANGE => {
            aimed_at_us(&api, &form, url.ok().as_ref())?;
            exchange(&api, &form, peer).await
        }
        REFRESH_TOKEN => renew(&api, &form, peer).await,
        _ => Err(Problem::oauth(
            "unsupported_grant_type",
            "grant_type is token exchange (RFC 8693) or refresh_token",
        )),
    };
    let granted = granted?;
    let left = granted.access_expires_at.as_secs() - api.app.now().as_secs();
    Ok(Json(TokenAnswer {
        access_token: granted.access_token.expose().to_owned(),
        issued_token_type: ACCESS_TOKEN,
        token_type: "Bearer",
        expires_in: left.max(0),
        refresh_token: granted.refresh_token.expose().to_owned(),
    }))
}

async fn exchange(api: &Api, form: &Form, peer: IpAddr) -> Result<SessionGrant, Problem> {
    if !SUBJECT_TYPES.contains(&form.need("subject_token_type")?.as_str()) {
        let message = "subject_token_type is an access token, an ID token or a JWT";
        return Err(Problem::oauth("invalid_request", message));
    }
    // RFC 8693, 2.1: whoever asks for what is not done hears so, and gets nothing else.
    let wanted = form.get("requested_token_type");
    if wanted.is_some_and(|wanted| wanted.as_str() != ACCESS_TOKEN) {
        let message = "requested_token_type is an access token, or left out";
        return Err(Problem::oauth("invalid_request", message));
    }
    if form.get("actor_token").is_some() || form.get("actor_token_type").is_some() {
        let message = "nobody acts for another here: leave actor_token out";
        return Err(Problem::oauth("invalid_request", message));
    }
    form.no_scope()?;
    let device_id = form.get("device_id").map(|id| id.to_string());
    let login = SsoLogin {
        realm: form.need("client_id")?.to_string(),
        token: form.need("subject_token")?.clone(),
        device: LoginDevice {
            id: device_id,
            ..LoginDevice::default()
        },
    };
    let granted = api.app.sso_login(login, peer).await;
    // RFC 8693, 2.2.2: a token that is invalid for any reason, or not acceptable.
    granted.map_err(|error| refused(error, "invalid_request"))
}

/// Refuses what is asked for another service than this one (RFC 8693, 2.1 and 2.2.2).
fn aimed_at_us(api: &Api, form: &Form, url: Option<&PublicUrl>) -> Result<(), Problem> {
    let realm = form.get("client_id").map_or("", |realm| realm.as_str());
    for (parameter, target) in &form.targets {
        let here = url.is_some_and(|url| url.covers(target));
        let named = parameter == "audience" && api.app.sso_audience_is(realm, target);
        if !here && !named {
            let message = format!("{parameter} is another service's: leave it out");
            return Err(Problem::oauth("invalid_target", &message));
        }
    }
    Ok(())
}

async fn renew(api: &Api, form: &Form, peer: IpAddr) -> Result<SessionGrant, Problem> {
    form.no_scope()?;
    let refresh = SsoRefresh {
        // RFC 6749, 6: a refresh token is bound to the client that it was given to.
        realm: form.get("client_id").map(|realm| realm.to_string()),
        access_token: None,
        refresh_token: form.need("refresh_token")?.clone(),
    };
    match api.app.sso_refresh(refresh, peer).await {
        // RFC 6749, 5.2: the refresh token is not valid, not the client.
        Err(AppError::Unauthorized) => Err(Problem::oauth(
            "invalid_grant",
            "the refresh token is not valid",
        )),
        answer => answer.map_err(|error| refused(error, "invalid_grant")),
    }
}

/// A token that is not accepted is answered 400 with the word of its grant.
fn refused(error: AppError, word: &'static str) -> Problem {
    let of_the_token = matches!(
        error,
        AppError::InvalidToken { .. }
            | AppError::Session { .. }
            | AppError::LinkRequired { .. }
            | AppError::UserBlocked
    );
    let problem = Problem::from(error);
    if of_the_token {
        problem.of_grant(word)
    } else {
        problem
    }
}

impl Form {
    fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let (mut members, mut targets) = (HashMap::new(), Vec::new());
        for (name, value) in form_urlencoded::parse(bytes) {
            let value = Zeroizing::new(value.into_owned());
            if TARGETS.contains(&&*name) {
                // Empty, it is as good as none.
                if !value.is_empty() {
                    targets.push((name.into_owned(), value));
                }
                continue;
            }
            if members.insert(name.into_owned(), value).is_some() {
                // RFC 6749, 3.2.
                let message = "a parameter stands twice";
                return Err(Problem::oauth("invalid_request", message));
            }
        }
        Ok(Self { members, targets })
    }

    /// A parameter without a value is as good as none (RFC 6749, 3.2).
    fn get(&self, name: &str) -> Option<&Zeroizing<String>> {
        self.members.get(name).filter(|value| !value.is_empty())
    }

    /// RFC 6749, 3.3: there are no scopes, and none is passed over in silence.
    fn no_scope(&self) -> Result<(), Problem> {
        match self.get("scope") {
            None => Ok(()),
            Some(_) => Err(Problem::oauth(
                "invalid_scope",
                "there are no scopes here: leave scope out",
            )),
        }
    }

    fn need(&self, name: &str) -> Result<&Zeroizing<String>, Problem> {
        self.get(name)
            .ok_or_else(|| Problem::oauth("invalid_request", &format!("{name} is missing")))
    }
}
