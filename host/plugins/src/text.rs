//! Words of others, fit for a sentence.

/// At most `max` bytes of a text, cut between characters.
pub(crate) fn shortened(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// A text on one line: white space becomes single spaces, other control
/// characters their escapes, and what is beyond `max` bytes becomes `…`.
#[must_use]
pub fn one_line(text: &str, max: usize) -> String {
    let kept = shortened(text, max);
    let words = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line = String::with_capacity(words.len());
    for letter in words.chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    if kept.len() < text.trim_end().len() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn lines_and_escapes_cannot_leave_the_sentence() {
        assert_eq!(one_line(" a\n\tb  \u{1b}[31mc\r\n", 80), "a b \\u{1b}[31mc");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!(one_line("ééé", 3), "é…");
        assert_eq!(one_line("ééé\n", 6), "ééé");
    }
}
