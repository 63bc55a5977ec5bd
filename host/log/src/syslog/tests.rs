use std::os::unix::net::UnixDatagram;
use std::path::Path;

use super::*;

fn to(path: &Path) -> Connect {
    let path = path.to_owned();
    Box::new(move || syslog::unix_custom(Rfc3164::new(), &path))
}

fn listen(path: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

fn receive(socket: &UnixDatagram) -> String {
    let mut buffer = vec![0; 20_000];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

fn entry(level: Level, text: &str) -> Entry {
    let local = civil::date(2026, 11, 5).at(7, 8, 9, 0);
    Entry { level, local, text: text.to_owned() }
}

#[test]
fn a_line_arrives_with_priority_local_time_and_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let daemon = listen(&path);
    let outbox = Outbox::start(to(&path)).unwrap();
    outbox.put(entry(Level::Critical, "it burns\n"));
    outbox.put(entry(Level::Debug, "it does not\n"));
    let pid = std::process::id();
    assert_eq!(receive(&daemon), format!("<26>Nov  5 07:08:09 wazo-auth[{pid}]: it burns"));
    assert_eq!(receive(&daemon), format!("<31>Nov  5 07:08:09 wazo-auth[{pid}]: it does not"));
}

#[test]
fn a_restarted_syslog_gets_the_next_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let first = listen(&path);
    let outbox = Outbox::start(to(&path)).unwrap();
    outbox.put(entry(Level::Info, "one"));
    assert!(receive(&first).ends_with(": one"));

    drop(first);
    std::fs::remove_file(&path).unwrap();
    outbox.put(entry(Level::Info, "lost"));
    outbox.flush();

    let second = listen(&path);
    outbox.put(entry(Level::Info, "two"));
    assert!(receive(&second).ends_with(": two"));
}

#[test]
fn a_restart_between_two_lines_loses_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let first = listen(&path);
    let outbox = Outbox::start(to(&path)).unwrap();
    outbox.put(entry(Level::Info, "one"));
    assert!(receive(&first).ends_with(": one"));

    drop(first);
    std::fs::remove_file(&path).unwrap();
    let second = listen(&path);
    outbox.put(entry(Level::Info, "two"));
    assert!(receive(&second).ends_with(": two"));
}

#[test]
fn a_syslog_that_reads_nothing_does_not_hold_the_caller() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let _deaf = listen(&path);
    let outbox = Outbox::start(to(&path)).unwrap();
    for _ in 0..20 * QUEUE {
        outbox.put(entry(Level::Info, "nobody listens"));
    }
}

#[test]
fn a_long_line_is_cut_between_two_characters() {
    let long = "é".repeat(LONGEST);
    assert_eq!(cut(&long).len(), LONGEST);
    let odd = format!("x{long}");
    assert_eq!(cut(&odd).len(), LONGEST - 1);
    assert_eq!(cut("short\n"), "short");
}
