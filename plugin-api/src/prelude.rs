//! Everything a plugin usually needs: `use wazo_auth_plugin_api::prelude::*;`

pub use crate::{
    Args, Backend, Error, ErrorKind, Host, Map, Metadata, NoConfig, Result, Value, export_plugins,
    host::User,
    log,
    serde::{self, Deserialize, Serialize},
    serde_json::{self, json},
    testing::{self, MockHost},
};
