//! Routes that ask for no proof: what they hand out stands in the link.

pub(crate) mod firmware;
pub(crate) mod tracking;
