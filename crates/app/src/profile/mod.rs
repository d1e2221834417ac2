//! The caller's own profile: `/me`.

mod look_up;
mod show;
mod update;

pub(crate) use look_up::LookUps;

#[cfg(test)]
mod tests;
