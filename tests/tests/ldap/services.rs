//! What plugins are told of servers and tenants.

use serde_json::{Value, json};
use wazo_auth_plugins::{Caller, HostServices};
use wazo_auth_service::{host_services::PluginHost, ldap_config::LdapConfigFields};
use wazo_auth_tests::in_process::InProcess;

#[test]
fn a_bind_password_is_for_those_who_bind() {
    let host = InProcess::start(&crate::support::stock(), &[]);
    let top = host.services.top_tenant();
    let ask = |plugin: &str, service: &str, request: Value| {
        let caller = Caller::new("backend", plugin, None);
        let plugin_host = PluginHost::new(&host.services);
        let (reply, _) = plugin_host.call(&caller, service, &request.to_string(), &[]).unwrap();
        serde_json::from_str::<Value>(&reply).unwrap()
    };
    let config = |plugin: &str, tenant: &str| {
        ask(plugin, "ldap.get", json!({"tenant_uuid": tenant}))["config"].clone()
    };
    assert_eq!(config("ldap", &top.to_string()), Value::Null);
    let fields = LdapConfigFields {
        host: "ldap.example".to_owned(),
        port: 636,
        protocol_version: 3,
        protocol_security: Some(Some("ldaps".to_owned())),
        bind_dn: Some(Some("cn=search".to_owned())),
        bind_password: Some(Some("b1nd".to_owned())),
        user_base_dn: "ou=people".to_owned(),
        user_login_attribute: "uid".to_owned(),
        user_email_attribute: "mail".to_owned(),
        search_filters: None,
    };
    host.services.set_ldap_config(top, fields).unwrap();
    let mut expected = json!({"tenant_uuid": top, "host": "ldap.example", "port": 636,
        "protocol_version": 3, "protocol_security": "ldaps", "bind_dn": "cn=search",
        "bind_password": "b1nd", "user_base_dn": "ou=people", "user_login_attribute": "uid",
        "user_email_attribute": "mail", "search_filters": null});
    for plugin in ["ldap", "ldap_user"] {
        assert_eq!(config(plugin, &top.to_string()), expected);
    }
    expected["bind_password"] = Value::Null;
    assert_eq!(config("acme", &top.to_string()), expected);
    for nobody in ["", "master", "10000000-0000-4000-8000-000000000001"] {
        assert_eq!(config("ldap", nobody), Value::Null, "{nobody}");
    }

    let tenant = ask("acme", "tenants.get_by_uuid_or_slug", json!({"id": "master"}));
    let master = json!({"uuid": top, "slug": "master", "name": "master", "parent_uuid": top,
        "default_authentication_method": "native", "domain_names": []});
    assert_eq!(tenant["tenant"], master);
    let domain = json!({"domain_name": "nobody.example"});
    assert_eq!(ask("acme", "tenants.get_by_domain_name", domain)["tenant"], Value::Null);
    let of_tenant = |tenant: &str, login: &str| {
        let request = json!({"tenant_uuid": tenant, "login": login});
        ask("acme", "users.get_of_tenant", request)["user"]["username"].clone()
    };
    assert_eq!(of_tenant(&top.to_string(), "ADMIN"), "admin");
    assert_eq!(of_tenant("nobody", "admin"), Value::Null);
}
