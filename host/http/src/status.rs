//! `HEAD /status` (status.md section 1): the socket opens when everything is
//! ready, so whoever gets an answer gets this one, but while a database server
//! cannot be reached.

use http::StatusCode;

use crate::{App, call::Call, errors::Error, reply::Reply};

pub(crate) fn head(app: &App, _: &Call) -> Result<Reply, Error> {
    app.services.plugins()?;
    if !app.services.store().is_reachable() {
        return Err(Error::not_known_now());
    }
    Ok(Reply::empty(StatusCode::OK))
}
