//! The HTTP edge: routes, authentication, JSON, errors, TLS.
