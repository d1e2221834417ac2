//! The partner's token endpoint, asked as a log-in asks it and as nobody should.

use mayday_core::sso::introspection::{InvalidToken, Unavailable};
use mayday_core::sso::{ClaimFault, Judgement};
use mayday_core::time::Timestamp;
use mayday_gateway::introspection::{Probe, TokenEndpoint};
use mayday_gateway::secret::Secret;
use mayday_store::sso;
use std::time::Duration;

use super::{Budget, Finding, not_configured};
use crate::App;
use crate::admin::{AdminError, PrintedSecret};
use crate::identity::SsoApp;

/// From here on a log-in is felt to wait.
const SLOW: Duration = Duration::from_secs(1);

/// A token that no partner gave out.
const MADE_UP: &str = "mayday-doctor-made-this-up";

/// A key that no partner knows.
const WRONG_KEY: &str = "mayday-doctor-made-this-up";

/// What is being looked at, and what was found.
struct Looking<'a> {
    app: &'a App,
    id: &'a str,
    sso: &'a SsoApp,
    budget: Budget,
    findings: Vec<Finding>,
    slowest: Duration,
    asked_again: bool,
}

impl App {
    pub(super) async fn look_at_token_info(
        &self,
        id: &str,
        tokens: &[PrintedSecret],
        expired: Option<&PrintedSecret>,
    ) -> Result<Vec<Finding>, AdminError> {
        let app_id = crate::admin::app_id(id)?;
        let cap = {
            let mut tx = self.store.read().await?;
            crate::admin::known_app(&mut tx, &app_id).await?;
            let row = sso::get(&mut tx, &app_id).await?;
            row.ok_or_else(|| not_configured(id))?.settings.sessions.cap
        };
        let known = self.identity.sso_app(&app_id);
        let (app, _, sso) = known.ok_or_else(|| not_configured(id))?;
        let mut looking = Looking {
            app: self,
            id,
            sso: &sso,
            budget: self.budget(),
            findings: Vec::new(),
            slowest: Duration::ZERO,
            asked_again: false,
        };
        if looking.refusals(expired).await {
            looking.tokens(tokens).await;
            looking.latency();
        }
        let mut findings = looking.findings;
        findings.push(departure(&self.gates.leaves_from()));
        findings.push(match self.gates.left_alone_until(app, self.clock.now()) {
            None => Finding::passed("token_info.breaker", "the circuit is closed"),
            Some(until) => Finding::failed(
                "token_info.breaker",
                format!("it failed so often that it is left alone until {until}"),
                "mend what is above; the next log-in after that asks again",
            ),
        });
        findings.push(Finding::noted(
            "sessions.cap",
            format!("sessions of one user at once: {cap}"),
            "let it be the number that your app allows: `mayday sso set --sessions N`",
        ));
        Ok(findings)
    }
}

impl Looking<'_> {
    /// Asks; once in a visit again, where the answer came slowly: one pause is not how fast
    /// a server is.
    async fn ask(&mut self, endpoint: &TokenEndpoint, token: &str) -> Option<Probe> {
        if !self.app.has_time(self.budget) {
            return None;
        }
        let (mut probe, mut took) = self.ask_once(endpoint, token).await;
        let slow = took > SLOW && probe.error.is_none();
        if slow && !self.asked_again && self.app.has_time(self.budget) {
            self.asked_again = true;
            (probe, took) = self.ask_once(endpoint, token).await;
        }
        self.slowest = self.slowest.max(took);
        Some(probe)
    }

    async fn ask_once(&self, endpoint: &TokenEndpoint, token: &str) -> (Probe, Duration) {
        let clock = self.app.clock.as_ref();
        let before = clock.now();
        let asked = self.app.gates.introspector();
        let probe = asked.probe(endpoint, &self.sso.terms, token, clock).await;
        (probe, clock.now().since(before))
    }

    /// What must not be valid. Answers whether the endpoint can be asked at all.
    async fn refusals(&mut self, expired: Option<&PrintedSecret>) -> bool {
        let endpoint = self.sso.endpoint.clone();
        let Some(probe) = self.ask(&endpoint, MADE_UP).await else {
            return false;
        };
        if let Some(error) = &probe.error {
            self.findings.push(unreached(error, self.id));
            return false;
        }
        self.findings.push(reached(&endpoint));
        if let Some(date) = probe.date {
            self.clock(date);
        } else {
            let why = "the answer has no Date header to compare clocks by";
            self.findings
                .push(Finding::not_tried("token_info.clock", why));
        }
        self.refused("token_info.invalid", "a made-up token", &probe);
        match self.ask(&endpoint, "").await {
            Some(probe) => self.refused("token_info.missing", "no token", &probe),
            None => self.out_of_time("token_info.missing"),
        }
        let Some(expired) = expired else {
            let why = "give a token that has expired with --expired-token-file";
            self.findings
                .push(Finding::not_tried("token_info.expired", why));
            return true;
        };
        match self.ask(&endpoint, &expired.0).await {
            Some(probe) => self.refused("token_info.expired", "an expired token", &probe),
            None => self.out_of_time("token_info.expired"),
        }
        true
    }

    fn refused(&mut self, check: &str, what: &str, probe: &Probe) {
        let status = probe.status.unwrap_or_default();
        let finding = match &probe.judgement {
            _ if status == 200 => Finding::failed(
                check,
                format!("{what} is answered with 200"),
                "answer 400 or 401 with {\"error\": \"invalid_token\"} to whatever is no live \
                 token of yours; a 200 lets its bearer in",
            ),
            Judgement::Invalid(_) => {
                Finding::passed(check, format!("{what} is refused ({status})"))
            }
            Judgement::Unavailable(Unavailable::Key) => Finding::failed(
                check,
                format!("{what} is answered with {status}, which may be about our key"),
                "if your server refused our key, set it with `mayday sso set --key-file`; if it \
                 refused the token, say so: {\"error\": \"invalid_token\"}",
            ),
            Judgement::Unavailable(why) => Finding::failed(
                check,
                format!("{what}: {why}"),
                "answer 400 or 401 with {\"error\": \"invalid_token\"}; anything else looks like \
                 an outage, and your users are told to try again",
            ),
            Judgement::Valid(_) => return,
        };
        self.findings.push(finding);
    }

    fn clock(&mut self, date: Timestamp) {
        let now = self.app.clock.now();
        let apart = now.since(date).max(date.since(now));
        let skew = self.sso.terms.skew;
        // A Date header is cut to the second, and the answer travelled.
        let allowed = skew.max(Duration::from_secs(2));
        let found = format!("your clock and ours are {} s apart", apart.as_secs());
        self.findings.push(if apart > allowed {
            Finding::failed(
                "token_info.clock",
                found,
                format!(
                    "set both machines' clocks by NTP: more than {} s apart, tokens are refused \
                     as expired or not yet valid",
                    skew.as_secs()
                ),
            )
        } else {
            Finding::passed("token_info.clock", found)
        });
    }

    async fn tokens(&mut self, tokens: &[PrintedSecret]) {
        let endpoint = self.sso.endpoint.clone();
        let Some(first) = tokens.first() else {
            let why = "log in at your app and give the token with --token-file";
            self.findings
                .push(Finding::not_tried("token_info.valid", why));
            return;
        };
        let Some(probe) = self.ask(&endpoint, &first.0).await else {
            return self.out_of_time("token_info.valid");
        };
        let subject = match probe.judgement {
            Judgement::Valid(claims) => {
                let found = "a live token is answered with every claim, and they hold";
                self.findings.extend([
                    Finding::passed("token_info.valid", found),
                    Finding::passed("token_info.audience", "`aud` is ours, to the letter"),
                    Finding::passed(
                        "token_info.lifetime",
                        "the token lives no longer than it may",
                    ),
                ]);
                claims.subject
            }
            Judgement::Invalid(reason) => return self.findings.push(claims_fail(reason, self.id)),
            Judgement::Unavailable(why) => {
                let advice = "answer a live token with 200, `application/json` and one JSON object";
                return self.findings.push(Finding::failed(
                    "token_info.valid",
                    format!("a live token: {why}"),
                    advice,
                ));
            }
        };
        self.key(&first.0).await;
        self.subject(subject.as_str(), tokens).await;
    }

    /// Without our key nothing may be told.
    async fn key(&mut self, token: &str) {
        let check = "token_info.key";
        let Some((header, _)) = &self.sso.endpoint.key else {
            return self.findings.push(Finding::noted(
                check,
                "your endpoint is asked without a key of ours",
                "ask for one (`mayday sso set --key-header x-api-key --key-file FILE`), or allow \
                 only our address: see token_info.address",
            ));
        };
        let keyless = TokenEndpoint {
            key: None,
            ..self.sso.endpoint.clone()
        };
        let wrong = TokenEndpoint {
            key: Some((header.clone(), Secret::new(WRONG_KEY))),
            ..self.sso.endpoint.clone()
        };
        for (endpoint, what) in [(keyless, "without our key"), (wrong, "with a wrong key")] {
            match self.ask(&endpoint, token).await {
                None => return self.out_of_time(check),
                Some(probe) if probe.status == Some(200) => {
                    return self.findings.push(Finding::failed(
                        check,
                        format!("{what} it tells whose a token is all the same"),
                        format!("compare the header {header} before anything else, and answer 401"),
                    ));
                }
                Some(_) => {}
            }
        }
        self.findings
            .push(Finding::passed(check, "nothing is told without our key"));
    }

    /// `sub` is always the same for a person, and no two log-ins share a token.
    async fn subject(&mut self, subject: &str, tokens: &[PrintedSecret]) {
        let check = "token_info.subject";
        let (Some(first), Some(second)) = (tokens.first(), tokens.get(1)) else {
            let why = "log in a second time as the same user and give that token, too";
            return self.findings.push(Finding::not_tried(check, why));
        };
        if first.0 == second.0 {
            return self.findings.push(Finding::failed(
                check,
                "two log-ins gave the same token",
                "make a new token at each log-in: with the same one two phones share one \
                 session, and ending it ends both",
            ));
        }
        let endpoint = self.sso.endpoint.clone();
        let Some(probe) = self.ask(&endpoint, &second.0).await else {
            return self.out_of_time(check);
        };
        self.findings.push(match probe.judgement {
            Judgement::Valid(claims) if claims.subject.as_str() == subject => Finding::passed(
                check,
                "two log-ins of one user have the same `sub` and tokens of their own",
            ),
            Judgement::Valid(_) => Finding::failed(
                check,
                "two log-ins have different `sub`",
                "if both are the same user: put your unchanging id of the user into `sub`; \
                 contacts and devices hang on it",
            ),
            _ => Finding::failed(
                check,
                "the token of the second log-in is not valid",
                "a second log-in must not end the token of the first while it lives, nor be \
                 refused itself",
            ),
        });
    }

    fn latency(&mut self) {
        let took = self.slowest.as_millis();
        self.findings.push(if self.slowest > SLOW {
            Finding::failed(
                "token_info.latency",
                format!("the slowest answer took {took} ms"),
                "answer within a second: each log-in waits for it, and 5 s are the end",
            )
        } else {
            Finding::passed(
                "token_info.latency",
                format!("the slowest answer took {took} ms"),
            )
        });
    }

    fn out_of_time(&mut self, check: &str) {
        let why = "the answers before took too long";
        self.findings.push(Finding::not_tried(check, why));
    }
}

fn reached(endpoint: &TokenEndpoint) -> Finding {
    if endpoint.url.to_ascii_lowercase().starts_with("https://") {
        return Finding::passed(
            "token_info.tls",
            "reached over TLS, with a trusted certificate",
        );
    }
    Finding::noted(
        "token_info.tls",
        "reached over plain HTTP, as the app is marked local",
        "in production use https and `mayday sso set --local false`",
    )
}

fn unreached(error: &str, app: &str) -> Finding {
    Finding::failed(
        "token_info.tls",
        format!("it cannot be asked: {error}"),
        format!(
            "it needs a public address, https and a certificate of a known authority that names \
             its host; the URL is in `mayday sso show --app {app}`"
        ),
    )
}

/// Which claim fails, under a name of its own for those that partners get wrong most.
fn claims_fail(reason: InvalidToken, app: &str) -> Finding {
    let InvalidToken::Claims(fault) = reason else {
        return Finding::failed(
            "token_info.valid",
            format!("a live token: {reason}"),
            "has it expired? Log in again and try that token; if it lives, answer 200 without \
             `error` and without `\"active\": false`",
        );
    };
    let (check, advice) = match fault {
        ClaimFault::Audience => (
            "token_info.audience",
            format!(
                "`aud` must be to the letter what `mayday sso show --app {app}` calls audience"
            ),
        ),
        ClaimFault::TooLong => (
            "token_info.lifetime",
            format!(
                "let tokens live an hour at most (`exp` - `iat`), or allow more with `mayday sso \
                 set --app {app} --max-token-life SECONDS`"
            ),
        ),
        ClaimFault::Expired | ClaimFault::NotYet => (
            "token_info.clock",
            "whole seconds since 1970, UTC: set both machines' clocks by NTP".to_owned(),
        ),
        ClaimFault::Backwards => ("token_info.valid", "`exp` must lie after `iat`".to_owned()),
        ClaimFault::Missing(claim) => (
            "token_info.valid",
            format!("add `{claim}`: sub, iat, exp, email and aud are all needed"),
        ),
        ClaimFault::Malformed("iat" | "exp") => (
            "token_info.valid",
            "whole seconds since 1970, not milliseconds and no fraction".to_owned(),
        ),
        ClaimFault::Malformed(claim) => (
            "token_info.valid",
            format!("`{claim}` must be a text as the guide says"),
        ),
    };
    Finding::failed(check, format!("a live token: {fault}"), advice)
}

fn departure(leaves_from: &str) -> Finding {
    Finding::noted(
        "token_info.address",
        format!("our questions leave {leaves_from}"),
        "allow-list it if your endpoint is not open to all; `[outbound]` in the settings fixes it",
    )
}
