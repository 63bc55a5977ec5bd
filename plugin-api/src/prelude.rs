//! Everything a plugin usually needs: `use wazo_auth_plugin_api::prelude::*;`

pub use crate::{
    ApiError, Args, Backend, EmailContext, EmailNotification, EmailTemplate, Error, ErrorKind,
    ExternalAuth, Host, HttpRequest, HttpResponse, HttpRoutes, Identity, IdentityProvider,
    LoginRequest, Map, Metadata, NoConfig, Result, Route, Value, export_plugins,
    host::{OAuth2Callback, OutgoingRequest, User},
    log,
    serde::{self, Deserialize, Serialize},
    serde_json::{self, json},
    testing::{self, MockHost},
};
