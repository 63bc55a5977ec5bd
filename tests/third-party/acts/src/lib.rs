//! A backend that does what its configuration says: when it is made, when it
//! verifies a login, when it is dropped.

use std::io::Write;

use wazo_auth_plugin_api::prelude::*;

#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
struct Config {
    in_new: Act,
    in_call: Act,
    #[serde(default)]
    in_drop: Act,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", rename_all = "snake_case")]
enum Act {
    #[default]
    Succeed,
    Fail,
    /// Fails with a text of many lines and control characters.
    FailAtLength,
    Lock,
    /// Asks the daemon for what a trial does not have.
    Ask,
    Panic,
    Abort,
    Exit,
    Hang,
    /// Writes more than a pipe takes, then succeeds.
    Chatter,
    /// Writes for ever.
    Flood,
}

struct Acts {
    config: Config,
    host: Host,
}

impl Backend for Acts {
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Self> {
        act(config.in_new, &host)?;
        Ok(Self { config, host })
    }

    fn verify_password(&self, _login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
        act(self.config.in_call, &self.host)?;
        Ok(true)
    }
}

impl Drop for Acts {
    fn drop(&mut self) {
        // A destructor has no answer.
        let _ = act(self.config.in_drop, &self.host);
    }
}

fn act(act: Act, host: &Host) -> Result<()> {
    match act {
        Act::Succeed => Ok(()),
        Act::Fail => Err(Error::other("nobody answers at ldap.example")),
        Act::FailAtLength => Err(Error::other(format!("one\ntwo\r\n\u{1b}[31m{:x<5000}", ""))),
        Act::Lock => Err(Error::unauthorized("the account is locked")),
        Act::Ask => host.top_tenant().map(drop),
        Act::Panic => panic!("nobody\nexpected this"),
        Act::Abort => {
            log::error!("the last words");
            std::process::abort()
        }
        Act::Exit => std::process::exit(3),
        Act::Hang => loop {
            std::thread::park();
        },
        Act::Chatter => (0..20_000).try_for_each(|_| write_a_line()),
        Act::Flood => loop {
            write_a_line()?;
        },
    }
}

fn write_a_line() -> Result<()> {
    writeln!(std::io::stdout(), "a line that nobody reads")?;
    writeln!(std::io::stderr(), "a line that nobody reads")?;
    Ok(())
}

export_plugins! { backend "acts" => Acts }
