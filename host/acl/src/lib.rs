//! The access language: grants, required accesses, matching.
