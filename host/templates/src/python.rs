//! Where Jinja in Rust writes other texts than Jinja in Python does, for which the
//! administrators' files were written.

use minijinja::{Environment, Error, Output, State, Value, escape_formatter};
use minijinja_contrib::pycompat::unknown_method_callback;

/// Has templates write `None`, `True` and `False`, and call methods of texts, such
/// as `username.upper()`.
pub(crate) fn speak(environment: &mut Environment<'_>) {
    environment.set_formatter(write);
    environment.set_unknown_method_callback(unknown_method_callback);
}

fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let word = match (value.is_none(), bool::try_from(value.clone())) {
        (true, _) => "None",
        (_, Ok(true)) => "True",
        (_, Ok(false)) => "False",
        _ => return escape_formatter(out, state, value),
    };
    out.write_str(word).map_err(Error::from)
}
