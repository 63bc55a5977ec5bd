//! Plugins of all kinds that show what the daemon does with each: those of the
//! contract (plugins.md section 11) and a few more.

mod clerk;
mod external_auth;
mod identity_providers;
mod internal_token;
mod others;

use clerk::Clerk;
use external_auth::{Bar, Foo};
use identity_providers::{BrokenCanAuthenticate, BrokenLoad, BrokenVerifyAuth, Replacement};
use internal_token::InternalToken;
use others::{Badge, Hello, Outbox};
use wazo_auth_plugin_api::export_plugins;

export_plugins! {
    identity_provider  "broken_load" => BrokenLoad,
    identity_provider  "broken_can_authenticate" => BrokenCanAuthenticate,
    identity_provider  "broken_verify_auth" => BrokenVerifyAuth,
    identity_provider  "broken_verify_auth_replacement" => Replacement,
    metadata           "internal_token" => InternalToken,
    http               "hello" => Hello,
    http               "clerk" => Clerk,
    external_auth      "badge" => Badge,
    external_auth      "foo" => Foo,
    external_auth      "bar" => Bar,
    email_notification "outbox" => Outbox,
}
