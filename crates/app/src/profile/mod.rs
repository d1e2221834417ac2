//! The caller's own profile: `/me`.

mod show;
mod update;

#[cfg(test)]
mod tests;
