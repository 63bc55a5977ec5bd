//! Stock plugin `broken_init`: never starts. With it an operator sees what the
//! daemon does with a backend whose configuration lacks a key.

use wazo_auth_plugin_api::prelude::*;

struct BrokenInit;

/// Whatever is configured: the key is one that nothing sets.
#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde")]
struct Config {
    #[serde(flatten)]
    keys: Map,
}

impl Backend for BrokenInit {
    type Config = Config;

    fn new(config: Config, _host: Host) -> Result<Self> {
        drop(config.keys);
        Err(Error::config("missing field `a_key_that_never_exists`"))
    }

    fn verify_password(&self, _login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
        Ok(false)
    }
}

export_plugins! { backend "broken_init" => BrokenInit }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_starts() {
        let made = testing::backend::<BrokenInit>(json!({"anything": 1}), MockHost::new());
        assert_eq!(made.err().map(|error| error.kind()), Some(ErrorKind::Config));
    }
}
