//! What these tests share.

use std::path::PathBuf;

use serde_json::{Value, json};
use wazo_auth_servers::slapd::{Person, SERVICE, SUFFIX, Slapd};
use wazo_auth_tests::{Answer, Daemon, Request, Setup, plugin};

pub const PASSWORD: &str = "p4ss-of-everybody";
/// A tenant with a server, and its domain.
pub const ACME: (&str, &str) = ("10000000-0000-4000-8000-000000000001", "acme.example");
/// Another one.
pub const BETA: (&str, &str) = ("10000000-0000-4000-8000-000000000002", "beta.example");
const PATH: &str = "/0.1/backends/ldap";

/// A daemon with its administrator's token.
pub struct Bench {
    pub daemon: Daemon,
    pub admin: String,
}

/// The plugins that every daemon needs.
pub fn stock() -> Vec<PathBuf> {
    ["default_external_api", "default_internal", "default_user", "wazo_user"].map(plugin).to_vec()
}

/// A daemon with the plugins of LDAP.
pub fn setup() -> Setup {
    Setup::default()
        .config("enabled_backend_plugins: {ldap_user: true}\nidp_plugins: {ldap: {enabled: true}}")
}

/// Somebody whom a server knows as `uid=<uid>` with one address.
pub fn person<'a>(uid: &'a str, mail: &'a [&'a str]) -> Person<'a> {
    Person { rdn: format!("uid={uid}").leak(), place: "ou=people", uid, mail, password: PASSWORD }
}

// === impl Bench ===

impl Bench {
    pub fn new(setup: Setup) -> Self {
        let daemon = setup.start();
        let admin = daemon.admin_token();
        Self { daemon, admin }
    }

    fn about(&self, tenant: &str, method: &str, path: &str) -> Request {
        self.daemon.request(method, path).token(&self.admin).header("Wazo-Tenant", tenant)
    }

    /// Creates a tenant with its domain.
    pub fn tenant(&self, (uuid, domain): (&str, &str)) {
        let slug = domain.split('.').next().unwrap();
        let body = json!({"name": slug, "uuid": uuid, "slug": slug, "domain_names": [domain]});
        let request = self.daemon.post("/0.1/tenants").token(&self.admin);
        let _ = request.json(body).send().expect(200);
    }

    /// Says where the server of a tenant is.
    pub fn serve(&self, (tenant, _): (&str, &str), slapd: &Slapd) {
        let (bind_dn, bind_password) = SERVICE;
        let body = json!({"host": "127.0.0.1", "port": slapd.port(), "bind_dn": bind_dn,
            "bind_password": bind_password, "user_base_dn": SUFFIX,
            "user_login_attribute": "uid", "user_email_attribute": "mail"});
        let _ = self.about(tenant, "PUT", PATH).json(body).send().expect(200);
    }

    /// Takes it from the tenant.
    pub fn unserve(&self, (tenant, _): (&str, &str)) {
        let _ = self.about(tenant, "DELETE", PATH).send().expect(204);
    }

    /// Creates a user of a tenant; gives its UUID.
    #[track_caller]
    pub fn user(&self, (tenant, _): (&str, &str), body: Value) -> String {
        let user = self.about(tenant, "POST", "/0.1/users").json(body).send().expect(200);
        user.json()["uuid"].as_str().unwrap().to_owned()
    }

    /// Creates a user with this address, who logs in by LDAP.
    #[track_caller]
    pub fn ldap_user(&self, tenant: (&str, &str), address: &str) -> String {
        self.user(tenant, json!({"email_address": address, "authentication_method": "ldap"}))
    }

    /// A login by the server of a tenant.
    pub fn log_in(&self, (_, domain): (&str, &str), login: &str, password: &str) -> Answer {
        self.log_in_with(login, password, json!({"domain_name": domain}))
    }

    pub fn log_in_with(&self, login: &str, password: &str, body: Value) -> Answer {
        self.daemon.post("/0.1/token").basic(login, password).json(body).send()
    }
}
