//! `/v1/admin`: what an operator's program asks of us with its key. The requests are
//! those of the command line, so that the two cannot differ.

pub(crate) mod branding;
pub(crate) mod mail_templates;
pub(crate) mod policy;
pub(crate) mod sessions;
pub(crate) mod sso;
