//! Integration tests of the domain: published vectors and published samples.

#![cfg(test)]

mod notifications;
mod signing_samples;
mod signing_vectors;
