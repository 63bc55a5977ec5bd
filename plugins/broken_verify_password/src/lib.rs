//! Stock plugin broken_verify_password.
