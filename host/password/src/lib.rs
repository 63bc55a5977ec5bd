//! Password hashing, and the threads that do it.
