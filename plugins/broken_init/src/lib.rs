//! Stock plugin broken_init.
