//! Identity providers of which most are broken.

use wazo_auth_plugin_api::prelude::*;

/// The private field of a request's body.
const FIELD: &str = "broken_verify_auth";

/// Cannot be made.
pub struct BrokenLoad;

/// Does not know whether a request is its own.
pub struct BrokenCanAuthenticate;

/// Refuses all requests that have the private field, or does not answer them.
pub struct BrokenVerifyAuth;

/// Accepts all requests that have the private field, whatever the password.
pub struct Replacement;

// === impl BrokenLoad ===

impl IdentityProvider for BrokenLoad {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Err(Error::other("broken on purpose"))
    }

    fn authentication_method(&self) -> &str {
        "broken_load"
    }

    fn can_authenticate(&self, _args: &Args, _request: &LoginRequest) -> Result<bool> {
        Ok(true)
    }

    fn verify_auth(&self, _args: &mut Args, _request: &LoginRequest) -> Result<Identity> {
        Err(Error::other("never made"))
    }
}

// === impl BrokenCanAuthenticate ===

impl IdentityProvider for BrokenCanAuthenticate {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self)
    }

    fn authentication_method(&self) -> &str {
        "broken_can_authenticate"
    }

    fn can_authenticate(&self, _args: &Args, _request: &LoginRequest) -> Result<bool> {
        Err(Error::other("broken on purpose"))
    }

    fn verify_auth(&self, _args: &mut Args, _request: &LoginRequest) -> Result<Identity> {
        Err(Error::other("never asked"))
    }
}

// === impl BrokenVerifyAuth ===

impl IdentityProvider for BrokenVerifyAuth {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self)
    }

    fn authentication_method(&self) -> &str {
        "broken_verify_auth"
    }

    fn can_authenticate(&self, _args: &Args, request: &LoginRequest) -> Result<bool> {
        assert!(request.field("panic").is_none(), "broken on purpose");
        Ok(has_field(request))
    }

    fn verify_auth(&self, _args: &mut Args, request: &LoginRequest) -> Result<Identity> {
        while request.field("hang").is_some() {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
        match request.header("x-unknown-tenant") {
            Some(tenant) => Err(ApiError::new(404, "unknown-tenant", "No such tenant")
                .resource("tenants")
                .detail("uuid", tenant)
                .into()),
            None => Err(Error::unauthorized("unknown login")),
        }
    }

    fn get_backend(&self, _args: &Args) -> Result<String> {
        Err(Error::other("broken on purpose"))
    }
}

// === impl Replacement ===

impl IdentityProvider for Replacement {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        if !host.has_backend("wazo_user")? {
            return Err(Error::other("the backend `wazo_user` is needed"));
        }
        Ok(Self)
    }

    fn authentication_method(&self) -> &str {
        "broken_verify_auth"
    }

    fn can_authenticate(&self, _args: &Args, request: &LoginRequest) -> Result<bool> {
        Ok(has_field(request))
    }

    fn verify_auth(&self, args: &mut Args, _request: &LoginRequest) -> Result<Identity> {
        let login = args.login().ok_or_else(|| Error::unauthorized("no login"))?;
        Ok(Identity::new("wazo_user", login))
    }

    fn get_backend(&self, _args: &Args) -> Result<String> {
        Ok("wazo_user".to_owned())
    }
}

fn has_field(request: &LoginRequest) -> bool {
    request.field(FIELD).and_then(Value::as_bool).unwrap_or(false)
}
