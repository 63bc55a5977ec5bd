//! `wazo-auth-wait`.

use std::{
    fs,
    net::TcpListener,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use wazo_auth_tests::Setup;

use crate::support::{site, until};

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn it_ends_when_the_daemon_listens() {
    let port = free_port();
    let config = format!("rest_api: {{port: {port}}}");
    let (setup, _folder, programs) = site(Setup::default().config(&config));
    let (waits, trace) = (programs.command("wazo-auth-wait", &[]), programs.path("trace"));
    let mut traced = Command::new("strace");
    traced.args(["-qq", "-yy", "-e", "trace=connect", "-o"]).arg(&trace);
    traced.arg(waits.get_program()).args(waits.get_args());
    let mut waits = traced.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let attempts = || {
        let calls = fs::read_to_string(&trace).unwrap_or_default();
        let to_port = format!("sin_port=htons({port})");
        calls.lines().filter(|call| call.contains("<TCP:") && call.contains(&to_port)).count()
    };
    until("it tries again", || attempts() > 1);
    assert!(waits.try_wait().unwrap().is_none(), "nobody listens yet");
    programs.upgrade_db();
    let _daemon = setup.start();
    assert_eq!(waits.wait().unwrap().code(), Some(0));
    assert_eq!(programs.run("wazo-auth-wait", &["--timeout", "0"]).succeeded(), "");
}

#[test]
fn it_gives_up_with_the_port_it_tried() {
    let port = free_port();
    let config = format!("rest_api: {{port: {port}}}");
    let (_setup, _folder, programs) = site(Setup::default().config(&config));
    let began = Instant::now();
    let ran = programs.run("wazo-auth-wait", &["--timeout", "1"]);
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!((ran.code, ran.said.as_str()), (1, ""), "{ran:?}");
    let sentence = format!("Could not connect to wazo-auth on localhost:{port}\n");
    assert_eq!(ran.complaint, sentence);
}

#[test]
fn a_configuration_that_is_wrong_is_not_waited_for() {
    let (_setup, folder, programs) = site(Setup::default());
    fs::write(folder.join("config.yml"), "rest_api: [").unwrap();
    let ran = programs.run("wazo-auth-wait", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.complaint.contains("config.yml"), "{ran:?}");
}
