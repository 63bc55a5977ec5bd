//! Bounded thread pools and deadlines for blocking work.
