//! The log (config.md section 6).

use std::{fs, net::TcpListener, os::unix::net::UnixDatagram, path::Path, time::Duration};

use wazo_auth_tests::Setup;

use crate::is_root;

#[test]
fn every_line_has_the_format_and_goes_where_it_belongs() {
    let folder = tempfile::tempdir().unwrap();
    let (log, errors) = (folder.path().join("log"), folder.path().join("stderr"));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    // A start that says much and then fails; the kit hears standard output only.
    let (code, stdout) = Setup::default()
        .config(&format!("log_filename: {}\nlog_level: debug", log.display()))
        .argument(&format!("--listen-port={port}"))
        .environment("TZ", "Europe/Paris")
        .wrapper(&["sh", "-c", "exec \"$@\" 2>\"$0\"", errors.to_str().unwrap()])
        .fail();
    assert_eq!(code, 1);
    let stderr = fs::read_to_string(errors).unwrap();
    let file = fs::read_to_string(log).unwrap();
    for line in file.lines() {
        let (level, zone) = parse(line).unwrap_or_else(|| panic!("another format: {line}"));
        assert!(zone == "CET" || zone == "CEST", "{line}");
        let serious = matches!(level, "ERROR" | "CRITICAL");
        assert_eq!(stderr.lines().any(|other| other == line), serious, "{line}");
        assert_eq!(stdout.lines().any(|other| other == line), !serious, "{line}");
    }
    let counts = [&file, &stdout, &stderr].map(|text| text.lines().count());
    assert_eq!(counts[0], counts[1] + counts[2], "{counts:?}");
    assert!(counts[1] > 3 && counts[2] == 1, "{counts:?}:\n{file}");
}

/// Level and time zone of `YYYY-MM-DD HH:MM:SS,mmm TZ [pid N] [tid N] (LEVEL) (logger.name): message`.
fn parse(line: &str) -> Option<(&str, &str)> {
    let (time, rest) = line.split_at_checked(23)?;
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let (zone, rest) = rest.strip_prefix(' ')?.split_once(" [pid ")?;
    let (pid, rest) = rest.split_once("] [tid ")?;
    let (tid, rest) = rest.split_once("] (")?;
    let (level, rest) = rest.split_once(") (")?;
    let (logger, message) = rest.split_once("): ")?;
    let number = |text: &str| text.parse::<u32>().is_ok_and(|number| number > 0);
    let fits = shape == "0000-00-00 00:00:00,000"
        && number(pid)
        && number(tid)
        && ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"].contains(&level)
        && !logger.is_empty()
        && !logger.contains(' ')
        && !message.is_empty();
    fits.then_some((level, zone))
}

/// Takes the socket away again, whatever happens.
struct Syslog(UnixDatagram);

const SYSLOG: &str = "/dev/log";

impl Drop for Syslog {
    fn drop(&mut self) {
        let _ = fs::remove_file(SYSLOG);
    }
}

#[test]
fn syslog_gets_every_line_as_well() {
    if !is_root("syslog") {
        return;
    }
    if Path::new(SYSLOG).exists() {
        println!("left out, because this machine has a syslog of its own: {SYSLOG}");
        return;
    }
    let syslog = Syslog(UnixDatagram::bind(SYSLOG).unwrap());
    syslog.0.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let daemon = Setup::default().config("syslog_enabled: true").start();
    let mut buffer = [0; 10_000];
    let text = loop {
        let length = syslog.0.recv(&mut buffer).expect("a line for syslog");
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.contains("Listening on ") {
            break text;
        }
    };
    // Facility daemon (3), severity informational (6).
    assert!(text.starts_with("<30>"), "{text}");
    let tag = format!(" wazo-auth[{}]: ", daemon.pid());
    let (_, line) = text.split_once(&tag).expect("the program and its number");
    assert_eq!(parse(line).map(|(level, _)| level), Some("INFO"), "{text}");
}
