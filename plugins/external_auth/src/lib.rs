//! Stock plugins `google`, `microsoft` and `mobile`: accounts at other services
//! (external-auth.md sections 4 to 6).

mod body;
mod mobile;
mod oauth2;
mod tokens;

use mobile::Mobile;
use oauth2::{Google, Microsoft};
use wazo_auth_plugin_api::export_plugins;

export_plugins! {
    external_auth "google" => Google,
    external_auth "microsoft" => Microsoft,
    external_auth "mobile" => Mobile,
}

#[cfg(test)]
mod tests;
