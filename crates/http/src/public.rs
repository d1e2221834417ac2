//! Routes that ask for no proof: what they hand out stands in the link.

mod etag;
pub(crate) mod firmware;
pub(crate) mod providers;
pub(crate) mod sos;
pub(crate) mod tracking;
