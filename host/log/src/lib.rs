//! The log: one format, every destination.
