//! The answer of a plugin: read within limits.

use serde::de::DeserializeOwned;
pub use wazo_auth_plugin_api::testing::conformance::border::{MAX_BODY, MAX_DEPTH, MAX_HEAD};

/// Reads the JSON head of an answer.
///
/// # Errors
/// What is wrong with it, without a word of the answer itself: it may hold a
/// secret.
pub fn read<A: DeserializeOwned>(head: &str) -> Result<A, String> {
    let head = bounded(head.as_bytes())?;
    if is_deeper_than(head.as_bytes(), MAX_DEPTH) {
        return Err(format!("nested deeper than {MAX_DEPTH} levels"));
    }
    serde_json::from_str(head).map_err(|error| {
        // Not the error's own text: it may quote the answer.
        let (line, column) = (error.line(), error.column());
        format!("not of the expected form (line {line}, column {column})")
    })
}

/// The head of an answer, if it is short enough, and text: what a plugin calls
/// a text may hold anything.
pub(crate) fn bounded(head: &[u8]) -> Result<&str, String> {
    if head.len() > MAX_HEAD {
        return Err(format!("{} bytes, at most {MAX_HEAD} are read", head.len()));
    }
    std::str::from_utf8(head).map_err(|_| "not valid UTF-8".to_owned())
}

/// Whether what a plugin asks the host for is short enough to be served, wherever
/// the plugin runs.
pub(crate) fn check_request(service: &str, head: &str, body: &[u8]) -> Result<(), String> {
    if head.len() > MAX_HEAD || body.len() > MAX_BODY {
        return Err(format!("what is asked of `{service}` has more than {MAX_HEAD} bytes"));
    }
    Ok(())
}

/// Whether objects and lists are nested deeper than `max`.
fn is_deeper_than(json: &[u8], max: usize) -> bool {
    if json.len() <= max {
        return false;
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json {
        if in_text {
            in_text = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > max {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_deeper_than;

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn depth_is_that_of_open_brackets() {
        assert!(!is_deeper_than(nested(64).as_bytes(), 64));
        assert!(is_deeper_than(nested(65).as_bytes(), 64));
        assert!(!is_deeper_than("[],".repeat(100).as_bytes(), 64));
        assert!(is_deeper_than(format!(r#"{{"a": {}}}"#, nested(64)).as_bytes(), 64));
    }

    #[test]
    fn brackets_in_a_text_do_not_count() {
        let text = format!(r#"["{}", "\"{}\\"]"#, "[".repeat(100), "[".repeat(100));
        assert!(!is_deeper_than(text.as_bytes(), 64));
        let text = format!(r#"["\\", {}]"#, nested(64));
        assert!(is_deeper_than(text.as_bytes(), 64));
    }
}
