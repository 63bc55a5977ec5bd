//! `/status` (status.md section 1). The socket opens when everything is ready, so
//! whoever asks by HEAD gets this answer, but while a database server cannot be
//! reached. By GET, components and plugins are shown.

use http::StatusCode;
use serde_json::json;
use wazo_auth_plugins::PluginState;

use crate::{App, call::Call, config::require_top_tenant, errors::Error, reply::Reply};

pub(crate) fn head(app: &App, _: &Call) -> Result<Reply, Error> {
    app.services.plugins()?;
    if !app.services.store().is_reachable() {
        return Err(Error::not_known_now());
    }
    Ok(Reply::empty(StatusCode::OK))
}

/// `GET /status`: an addition of ours.
pub(crate) fn get(app: &App, call: &Call) -> Result<Reply, Error> {
    require_top_tenant(app, call)?;
    let word = |is_well| if is_well { "ok" } else { "fail" };
    let mut plugins = app.services.plugins()?.report();
    plugins.retain(|plugin| plugin.state != PluginState::NotEnabled);
    let is_well = |state| matches!(state, PluginState::Usable);
    let plugins_well = plugins.iter().all(|plugin| is_well(plugin.state));
    Ok(Reply::json(&json!({
        "rest_api": {"status": word(app.services.store().is_reachable())},
        // Logins that need none of those that fail are served.
        "plugins": {"status": word(plugins_well), "items": plugins},
    })))
}
