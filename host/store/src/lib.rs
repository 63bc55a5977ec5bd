//! Rows, transactions and the token index.
