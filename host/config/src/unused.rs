//! Keys that are accepted for compatibility and have no effect in this version.
//!
//! A key leaves this table with the change that makes it work.

use serde_json::Value;

use crate::config::Config;
use crate::{config, merge, yaml};

/// The main file as it is shipped: what it sets is not the operator's doing.
const SHIPPED: &[u8] = include_bytes!("../../../etc/wazo-auth/config.yml");

/// Configured means: another value than shipped.
const WITHOUT_EFFECT: &[&str] = &["service_discovery", "consul", "saml"];

/// The configured keys of the table.
pub(crate) fn keys(config: &Config) -> Vec<&'static str> {
    let shipped = shipped();
    let differs =
        |key: &&&str| config.tree.get(**key).is_some_and(|v| shipped.get(**key) != Some(v));
    WITHOUT_EFFECT.iter().filter(differs).copied().collect()
}

/// The shipped file over the defaults; tests see to it that both can be read.
fn shipped() -> serde_json::Map<String, Value> {
    let file = yaml::parse(SHIPPED).map(|document| document.tree).unwrap_or_default();
    let origin = crate::Origin::File("config.yml".into());
    let layers = [crate::Layer { origin, tree: file }].into_iter().chain(config::defaults().ok());
    merge::merge(&layers.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
