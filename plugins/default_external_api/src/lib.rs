//! Stock plugin default_external_api.
