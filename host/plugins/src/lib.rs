//! Plugins: look at the file, load it, call it within limits.
