//! `HEAD /status` (status.md section 1): the socket opens when everything is
//! ready, so whoever gets an answer gets this one.

use http::StatusCode;

use crate::{App, call::Call, errors::Error, reply::Reply};

pub(crate) fn head(app: &App, _: &Call) -> Result<Reply, Error> {
    app.services.plugins()?;
    Ok(Reply::empty(StatusCode::OK))
}
