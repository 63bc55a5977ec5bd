//! Stock plugin `broken_verify_password`: panics at each verification. With it
//! an operator sees that the daemon outlives a plugin that does not.

use wazo_auth_plugin_api::prelude::*;

struct BrokenVerifyPassword {
    attempts_allowed: u64,
}

impl Backend for BrokenVerifyPassword {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self { attempts_allowed: 0 })
    }

    fn verify_password(&self, login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
        Ok(login.len() as u64 / self.attempts_allowed > 0)
    }
}

export_plugins! { backend "broken_verify_password" => BrokenVerifyPassword }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_panics_inside() {
        let made = testing::backend::<BrokenVerifyPassword>(json!({}), MockHost::new());
        let error = made.unwrap().verify_password("a", "b", &mut Args::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panic);
        assert_eq!(error.text(), "attempt to divide by zero");
    }
}
