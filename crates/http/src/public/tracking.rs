//! The tracking page: what an emergency contact opens from a message.

mod ages;
mod confirm;
mod frame;
mod gone;
mod html;
mod page;
#[cfg(test)]
mod samples;
mod trail;
mod words;
