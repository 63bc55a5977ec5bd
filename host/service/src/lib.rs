//! The rules: logins, tokens, users, policies, tenants.
