use uuid::Uuid;
use wazo_auth_store::ldap_config::{self, LdapConfig};
use wazo_auth_store::{Error, tenants};

use crate::fixture::on_every_store;

fn config(tenant_uuid: Uuid) -> LdapConfig {
    LdapConfig {
        tenant_uuid,
        host: "ldap.example".into(),
        port: 636,
        protocol_version: Some(3),
        protocol_security: Some("ldaps".into()),
        bind_dn: Some("cn=search".into()),
        bind_password: Some("b1nd".into()),
        user_base_dn: "ou=people".into(),
        user_login_attribute: Some("uid".into()),
        user_email_attribute: Some("mail".into()),
        search_filters: Some("{user_login_attribute}={username}".into()),
    }
}

#[test]
fn a_tenant_has_one_configuration_which_is_replaced() {
    on_every_store(|f| {
        let tenant = f.tenant("acme", f.master);
        assert_eq!(f.read(|conn| ldap_config::get(conn, &tenant)), None);
        let first = config(tenant);
        let written = first.clone();
        f.write(move |tx| ldap_config::set(tx, &written));
        assert_eq!(f.read(|conn| ldap_config::get(conn, &tenant)), Some(first.clone()));
        let least = LdapConfig {
            protocol_version: None,
            protocol_security: None,
            bind_dn: None,
            bind_password: None,
            search_filters: None,
            port: 389,
            ..first
        };
        let written = least.clone();
        f.write(move |tx| ldap_config::set(tx, &written));
        assert_eq!(f.read(|conn| ldap_config::get(conn, &tenant)), Some(least));
        assert_eq!(f.read(|conn| ldap_config::get(conn, &f.master)), None);
        assert!(f.write(move |tx| ldap_config::delete(tx, &tenant)));
        assert!(!f.write(move |tx| ldap_config::delete(tx, &tenant)), "gone already");
        assert_eq!(f.read(|conn| ldap_config::get(conn, &tenant)), None);
    });
}

#[test]
fn a_configuration_goes_with_its_tenant() {
    on_every_store(|f| {
        let tenant = f.tenant("acme", f.master);
        f.write(move |tx| ldap_config::set(tx, &config(tenant)));
        f.write(move |tx| tenants::delete(tx, &tenant));
        assert_eq!(f.read(|conn| ldap_config::get(conn, &tenant)), None);
        let error = f.try_write(move |tx| ldap_config::set(tx, &config(tenant))).unwrap_err();
        assert_eq!(error, Error::ForeignKey);
    });
}

#[test]
fn the_bind_password_is_in_no_debug_text() {
    assert!(!format!("{:?}", config(Uuid::nil())).contains("b1nd"));
}
