use crate::{Flags, Sources, load};

fn unused(file: &str) -> Vec<&'static str> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yml");
    std::fs::write(&path, format!("extra_config_files:\n{file}")).unwrap();
    load(&Sources { config_file: path, flags: Flags::default() }).unwrap().unused_keys()
}

#[test]
fn what_is_shipped_or_default_is_not_reported() {
    assert!(unused("").is_empty());
    assert!(unused(std::str::from_utf8(super::SHIPPED).unwrap()).is_empty());
    assert!(unused("consul: {port: 8500}\nsaml: {domains: {}}\n").is_empty());
}

#[test]
fn what_an_operator_set_without_effect_is_reported() {
    let file = "consul: {port: 26}\nidp_plugins: {acme: {}}\n\
                default_policies: {p: {acl: ['a']}}\nrest_api: {port: 1}\nprofiling_enabled: yes\n";
    assert_eq!(unused(file), ["consul"]);
}
