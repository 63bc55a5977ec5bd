//! Configuration: files, merge rules, typed settings.
