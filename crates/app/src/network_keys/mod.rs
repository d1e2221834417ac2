//! The key that the devices of an app's radio network share.

mod show;
