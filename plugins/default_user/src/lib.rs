//! Stock plugin default_user.
