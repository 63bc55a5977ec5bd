//! Stock plugin default_internal.
