//! The life of the process of a plugin.
