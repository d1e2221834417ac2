//! Integration tests of the domain: published vectors and published samples.

#![cfg(test)]

mod signing_samples;
mod signing_vectors;
