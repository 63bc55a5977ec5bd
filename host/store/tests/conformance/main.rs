//! What every store must do, whatever database is behind it.
//!
//! Each test runs on every fixture that [`fixture::on_every_store`] knows; what
//! only concerns SQLite's file is in `sqlite_file`.

#[cfg(test)]
mod events;
#[cfg(test)]
mod external_auth;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod index;
#[cfg(test)]
mod key_file;
#[cfg(test)]
mod ldap_config;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod refresh_tokens;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod sqlite_file;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod users;
#[cfg(test)]
mod writes;
