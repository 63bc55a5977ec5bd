//! Routing keys: escaped, and never too long (`contract/bus.md` sections 2, 6).

/// The most that AMQP allows, in bytes.
const LONGEST: usize = 255;

/// `before`, the escaped `value`, `after`. Of a value that is too long the end is
/// left out.
pub(crate) fn routing_key(before: &str, value: &str, after: &str) -> String {
    let room = LONGEST.saturating_sub(before.len() + after.len());
    let mut key = String::with_capacity(before.len() + value.len() + after.len());
    key.push_str(before);
    let mut character = [0; 4];
    for c in value.chars() {
        let escaped = match c {
            '.' => "__DOT__",
            '#' => "__HASH__",
            '*' => "__STAR__",
            c => c.encode_utf8(&mut character),
        };
        if key.len() - before.len() + escaped.len() > room {
            break;
        }
        key.push_str(escaped);
    }
    key.push_str(after);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_binding_would_take_for_its_own_is_escaped() {
        let key = routing_key("a.", "x.y#z*/ é_", ".created");
        assert_eq!(key, "a.x__DOT__y__HASH__z__STAR__/ é_.created");
    }

    #[test]
    fn a_value_is_cut_where_the_key_would_be_too_long() {
        let room = LONGEST - "a.".len() - ".z".len();
        let longest = "x".repeat(room);
        assert_eq!(routing_key("a.", &longest, ".z"), format!("a.{longest}.z"));
        assert_eq!(routing_key("a.", &format!("{longest}y"), ".z"), format!("a.{longest}.z"));
        for c in ['é', '.', '€', '𝄞', '*'] {
            let key = routing_key("a.", &c.to_string().repeat(1024), ".z");
            assert!(key.len() <= LONGEST && key.len() > LONGEST - 8, "{}", key.len());
            let value = key.strip_prefix("a.").and_then(|key| key.strip_suffix(".z")).unwrap();
            let escaped = routing_key("", &c.to_string(), "");
            assert!(value.replace(&escaped, "").is_empty(), "no half of an escape: {value}");
        }
    }
}
