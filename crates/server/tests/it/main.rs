//! Drives the real binary as an operator would.
