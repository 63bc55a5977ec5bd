//! Asks the daemon, over HTTP and in the middle of a login, whether the token is
//! valid that it has just got from it.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    time::Duration,
};

use wazo_auth_plugin_api::{TokenRenewer, prelude::*};

#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
pub struct Config {
    /// Holds `host:port` of the daemon, which is known only once it listens.
    address_file: PathBuf,
}

pub struct InternalToken {
    host: Host,
    renewer: TokenRenewer,
    address_file: PathBuf,
}

impl Metadata for InternalToken {
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Self> {
        let renewer = TokenRenewer::new(host.clone(), &["auth.tenants.read"]);
        Ok(Self { host, renewer, address_file: config.address_file })
    }

    fn get_token_metadata(&self, login: &str, _args: &Args) -> Result<Map> {
        let token = self.renewer.get_token()?;
        let address = fs::read_to_string(&self.address_file)?;
        let status = head(address.trim(), &token, &self.host.top_tenant()?)?;
        let mut metadata = self.host.user_metadata(login)?;
        metadata.insert("internal_token_is_valid".to_owned(), (status == 204).into());
        Ok(metadata)
    }

    fn get_persistent_metadata(&self, _login: &str, _args: &Args) -> Result<Map> {
        let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
        Ok(Map::from_iter([("persistent".to_owned(), uuid.trim().into())]))
    }
}

/// The status of `HEAD /0.1/token/{token}?tenant={tenant}`.
fn head(address: &str, token: &str, tenant: &str) -> Result<u16> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "HEAD /0.1/token/{token}?tenant={tenant} HTTP/1.1\r\nHost: {address}\r\n\
         Connection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).ok_or_else(|| Error::other("no answer"))?;
    Ok(status.parse::<u16>()?)
}
