//! Backends that misbehave in every way the daemon promises to survive. The
//! login says what to do.

use wazo_auth_plugin_api::prelude::*;

/// Blocks for as long as the file that the login names cannot be read.
struct Blocks;

impl Backend for Blocks {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self)
    }

    fn verify_password(&self, login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
        Ok(!std::fs::read(login)?.is_empty())
    }
}

/// Does not start for as long as a file cannot be read.
struct BlocksInNew;

#[derive(serde::Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde")]
struct File {
    file: String,
}

impl Backend for BlocksInNew {
    type Config = File;

    fn new(config: File, _host: Host) -> Result<Self> {
        std::fs::read(config.file)?;
        Ok(Self)
    }

    fn verify_password(&self, _login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
        Ok(true)
    }
}

/// Panics in several ways, in its destructor too.
struct Panics {
    host: Host,
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload of a panic panics");
    }
}

impl Backend for Panics {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn verify_password(&self, login: &str, password: &str, args: &mut Args) -> Result<bool> {
        args.insert("lost", true);
        match login {
            "literal" => panic!("a literal"),
            "formatted" => panic!("formatted for {}", login.len()),
            "index" => Ok([true][login.len()]),
            "payload" => std::panic::panic_any(Bomb),
            "in the host" => {
                let _: Value = self.host.call("test.panic", &json!({}))?;
                Ok(true)
            }
            _ => Ok(password == "right"),
        }
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("the destructor panics");
    }
}

/// Panics before there is anything.
struct PanicsInNew;

impl Backend for PanicsInNew {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        panic!("the constructor panics");
    }

    fn verify_password(&self, _login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
        Ok(true)
    }
}

/// Answers more than is good.
struct Floods;

impl Backend for Floods {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self)
    }

    fn verify_password(&self, _login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
        Err(Error::other("x".repeat(1024 * 1024)))
    }

    fn get_acl(&self, _login: &str, _args: &mut Args) -> Result<Vec<String>> {
        Ok(vec!["x".repeat(2 * 1024 * 1024)])
    }

    fn get_metadata(&self, _login: &str, _args: &mut Args) -> Result<Map> {
        let deep = (0..100).fold(Value::Null, |inner, _| json!([inner]));
        Ok(Map::from_iter([("deep".to_owned(), deep)]))
    }
}

/// Asks the host and says what it was told.
struct Asks {
    host: Host,
}

impl Backend for Asks {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn verify_password(&self, login: &str, _password: &str, args: &mut Args) -> Result<bool> {
        if login == "log level" {
            args.insert("answer", log::max_level().as_str());
            return Ok(true);
        }
        log::warn!("asking for {login}");
        let answer: Value = self.host.call(login, &json!({}))?;
        args.insert("answer", answer);
        Ok(true)
    }

    fn get_acl(&self, _login: &str, _args: &mut Args) -> Result<Vec<String>> {
        Err(Error::unsupported())
    }

    fn get_persistent_metadata(&self, login: &str, _args: &mut Args) -> Result<Map> {
        Err(Error::unauthorized(format!("{login} is locked")))
    }
}

/// Lets anybody in, as whoever the login names.
struct Imposter;

impl Backend for Imposter {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self)
    }

    fn verify_password(&self, _login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
        Ok(true)
    }

    fn get_metadata(&self, login: &str, _args: &mut Args) -> Result<Map> {
        Ok(Map::from_iter([
            ("auth_id".to_owned(), json!(login)),
            ("xivo_uuid".to_owned(), Value::Null),
        ]))
    }

    fn get_acl(&self, _login: &str, _args: &mut Args) -> Result<Vec<String>> {
        Ok(["calld.calls.read", "calld.#", "auth.#", "#", "!calld.calls.delete"].map(String::from).to_vec())
    }
}

struct Nothing;

impl Metadata for Nothing {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self)
    }

    fn get_token_metadata(&self, _login: &str, _args: &Args) -> Result<Map> {
        Ok(Map::new())
    }
}

export_plugins! {
    backend  "blocks"        => Blocks,
    backend  "blocks_too"    => Blocks,
    backend  "blocks_again"  => Blocks,
    backend  "blocks_in_new" => BlocksInNew,
    backend  "panics"        => Panics,
    backend  "panics_in_new" => PanicsInNew,
    backend  "floods"        => Floods,
    backend  "asks"          => Asks,
    backend  "imposter"      => Imposter,
    metadata "nothing"       => Nothing,
}
