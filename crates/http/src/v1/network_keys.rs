//! `/v1/sdk/network`: the radio network that an app's devices form.

pub(crate) mod show;
