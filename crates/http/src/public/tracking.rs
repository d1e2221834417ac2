//! The tracking page: what an emergency contact opens from a message, on whatever
//! phone they have (contract: Escalation, Tracking page).
//!
//! | route | does |
//! |---|---|
//! | `GET /t/{token}` | the page; with `?answer=..` the question behind a button |
//! | `POST /t/{token}` | the answer, from that question's form; leads back to the page |
//! | `GET /t/{token}/live` | server-sent events: something changed, ask again |
//! | `GET /t/assets/{file}` | style, script, icon |
//!
//! The page works without JavaScript, without styles and without us setting or
//! reading anything on the phone: no cookie, no storage, no third party. The JSON
//! of the same view is [`super::sos`].

mod ages;
pub(crate) mod answer;
mod answers;
pub(crate) mod asset;
mod confirm;
mod frame;
mod gone;
mod html;
pub(crate) mod live;
mod page;
pub(crate) mod show;
mod trail;
mod words;

#[cfg(test)]
mod tests;
