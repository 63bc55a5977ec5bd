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

/// Writes to the log and asks the host for ever instead of starting.
struct TalksInNew;

impl Backend for TalksInNew {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        loop {
            log::warn!("not yet");
            let _ = host.platform()?;
        }
    }

    fn verify_password(&self, _login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
        Ok(true)
    }
}

/// Ends the process.
struct Dies;

impl Backend for Dies {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self)
    }

    fn verify_password(&self, _login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
        std::process::exit(7)
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

/// Lets anybody in, and answers what the password says.
struct Echoes;

fn echo(args: &Args, key: &str) -> Result<Value> {
    let said: Value = serde_json::from_str(args.password().unwrap_or_default())?;
    Ok(said.get(key).cloned().unwrap_or_default())
}

impl Backend for Echoes {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self)
    }

    fn verify_password(&self, _login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
        Ok(true)
    }

    fn get_metadata(&self, _login: &str, args: &mut Args) -> Result<Map> {
        if let Value::Object(more) = echo(args, "args")? {
            more.into_iter().for_each(|(key, value)| {
                args.insert(key, value);
            });
        }
        Ok(serde_json::from_value(echo(args, "metadata")?)?)
    }

    fn get_acl(&self, _login: &str, args: &mut Args) -> Result<Vec<String>> {
        Ok(serde_json::from_value(echo(args, "acl")?)?)
    }

    fn get_persistent_metadata(&self, _login: &str, args: &mut Args) -> Result<Map> {
        Ok(serde_json::from_value(echo(args, "persistent")?)?)
    }
}

/// Says in every failure what it was told in confidence.
struct Betrays {
    password: String,
    host: Host,
}

#[derive(serde::Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", default)]
#[derive(Default)]
struct Confidence {
    password: String,
    fails: bool,
}

impl Backend for Betrays {
    type Config = Confidence;

    fn new(config: Confidence, host: Host) -> Result<Self> {
        if config.fails {
            return Err(Error::other(format!("cannot bind with {}", config.password)));
        }
        Ok(Self { password: config.password, host })
    }

    fn verify_password(&self, login: &str, password: &str, args: &mut Args) -> Result<bool> {
        let told = format!("{password:?} {} {:?}", self.password, json!(args.as_map()));
        match login {
            "panic" => panic!("with {told}"),
            "error" => Err(Error::other(told)),
            "unauthorized" => Err(Error::unauthorized(told)),
            "busy" => Err(Error::new(ErrorKind::Busy, told)),
            "host" => {
                let _: Value = self.host.call("users.verify_password", &json!({"login": password, "password": [password]}))?;
                let _: Value = self.host.call(password, &json!({}))?;
                Ok(false)
            }
            "log" => {
                log::warn!("with {told}");
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    fn get_metadata(&self, login: &str, args: &mut Args) -> Result<Map> {
        Err(Error::other(format!("{login} with {args:?} {:?}", args.as_map())))
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
    backend  "talks_in_new"  => TalksInNew,
    backend  "dies"          => Dies,
    backend  "panics"        => Panics,
    backend  "panics_in_new" => PanicsInNew,
    backend  "floods"        => Floods,
    backend  "asks"          => Asks,
    backend  "imposter"      => Imposter,
    backend  "echoes"        => Echoes,
    backend  "betrays"       => Betrays,
    backend  "betrays_in_new" => Betrays,
    metadata "nothing"       => Nothing,
}
