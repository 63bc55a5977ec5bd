//! Whole-system tests that drive the built daemon.
