use super::*;

fn line(at: &str, zone: TimeZone, logger: &str, message: fmt::Arguments<'_>) -> String {
    let record = Record { at: at.parse().unwrap(), level: Level::Info, logger, message };
    Line::new(&record, &zone).text
}

fn pid_and_tid() -> String {
    format!("[pid {}] [tid {}]", std::process::id(), nix::unistd::gettid())
}

#[test]
fn a_line_has_exactly_the_documented_form() {
    let line = line(
        "2026-11-21T17:27:05.319999Z",
        TimeZone::UTC,
        "wazo_auth.plugins.http.tokens.http",
        format_args!("Successful login: {}", "alice"),
    );
    assert_eq!(
        line,
        format!(
            "2026-11-21 17:27:05,319 UTC {} (INFO) (wazo_auth.plugins.http.tokens.http): \
             Successful login: alice\n",
            pid_and_tid()
        )
    );
}

#[test]
fn the_time_is_local_and_names_its_zone() {
    let behind = TimeZone::posix("UTC+1").unwrap();
    let text = line("2026-01-01T00:30:00.007Z", behind, "x", format_args!("y"));
    assert!(text.starts_with("2025-12-31 23:30:00,007 UTC [pid "), "{text}");

    let paris = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let text = line("2026-07-01T12:00:00Z", paris, "x", format_args!("y"));
    assert!(text.starts_with("2026-07-01 14:00:00,000 CEST [pid "), "{text}");
}

#[test]
fn another_thread_has_another_number() {
    let of = || line("2026-01-01T00:00:00Z", TimeZone::UTC, "x", format_args!("y"));
    assert_ne!(of(), std::thread::spawn(of).join().unwrap());
}

#[test]
fn a_message_cannot_begin_a_line_of_its_own() {
    let forged =
        "x\n2026-01-01 00:00:00,000 UTC [pid 1] [tid 1] (INFO) (a): b\r\u{1b}[2J\u{2028}\u{85}\0";
    let text = line("2026-01-01T00:00:00Z", TimeZone::UTC, "a\nb", format_args!("{forged}"));
    let (body, end) = text.split_at(text.len() - 1);
    assert_eq!(end, "\n");
    assert!(!body.chars().any(|c| c.is_control() || c == '\u{2028}'), "{text:?}");
    assert!(body.ends_with(r"(a): b\r\u{1b}[2J\u{2028}\u{85}\u{0}"), "{text}");
    assert!(body.contains(r"(a\nb): x\n2026"), "{text}");
}

#[test]
fn ordinary_text_is_left_as_it_is() {
    let message = "tab\there, C:\\path, \"quoted\", 漢字 é 🦀";
    let text = line("2026-01-01T00:00:00Z", TimeZone::UTC, "x", format_args!("{message}"));
    assert!(text.ends_with(&format!("(x): {message}\n")), "{text}");
}
