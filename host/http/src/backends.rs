//! `GET /backends` (status.md section 2).

use serde_json::json;

use crate::{App, call::Call, errors::Error, reply::Reply};

pub(crate) fn list(app: &App, _: &Call) -> Result<Reply, Error> {
    let names: Vec<&str> = app.services.plugins()?.backend_names().collect();
    Ok(Reply::json(&json!({"data": names})))
}
