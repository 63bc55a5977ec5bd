//! What an HTTP answer looks like on the wire (RFC 9112), strictly.

use serde_json::Value;

/// # Panics
/// When the bytes are no sequence of whole answers, or one of them says that
/// the daemon failed.
pub(super) fn check(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let end = super::http::find(bytes, b"\r\n\r\n").expect("a whole head");
        let head = std::str::from_utf8(&bytes[..end]).expect("a head of ASCII");
        let (status, headers) = parse(head);
        assert!(status < 500, "{}", String::from_utf8_lossy(bytes));
        let header = |name: &str| {
            let mut found = headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
            let value = found.next().map(|(_, value)| *value);
            assert!(found.next().is_none(), "{name} twice: {head}");
            value
        };
        assert_eq!(header("transfer-encoding"), None, "{head}");
        let length = match header("content-length") {
            Some(length) => length.parse().expect("a length"),
            None => {
                assert!(status < 200 || status == 204, "no length: {head}");
                0
            }
        };
        let rest = &bytes[end + 4..];
        assert!(rest.len() >= length, "cut off: {head}");
        let (body, next) = rest.split_at(length);
        if header("content-type") == Some("application/json") && !body.is_empty() {
            serde_json::from_slice::<Value>(body).expect("JSON");
            assert!(body.is_ascii() && body.ends_with(b"\n"), "{head}");
        }
        bytes = next;
    }
}

/// Status and headers of a head.
fn parse(head: &str) -> (u16, Vec<(&str, &str)>) {
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let rest = ["HTTP/1.1 ", "HTTP/1.0 "].iter().find_map(|version| line.strip_prefix(version));
    let (status, _) = rest.and_then(|rest| rest.split_once(' ')).expect("a status line");
    assert_eq!(status.len(), 3, "{line}");
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").expect("a header");
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert!(!name.is_empty() && name.bytes().all(is_token), "{line:?}");
        assert!(!value.contains(|c: char| c.is_ascii_control()), "{line:?}");
        (name, value)
    });
    (status.parse().expect("a status"), headers.collect())
}
