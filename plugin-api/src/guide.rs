#![doc = include_str!("../guide.md")]

#[allow(unused_imports, reason = "the text links to them")]
use crate::{
    ApiError, Error, ErrorKind, Host, HttpRequest,
    testing::{self, MockHost},
};
