//! A mail server.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// Python with Debian's packages, of which `python3-aiosmtpd` is one.
const PYTHON: &str = "/usr/bin/python3";
const PROGRAM: &str = include_str!("smtp.py");
const PATIENCE: Duration = Duration::from_secs(30);
/// Ends what was accepted up to a certain moment.
const SO_FAR: &str = "so far";

/// A running server; it ends when dropped.
pub struct Smtp {
    port: u16,
    process: Mutex<Child>,
    lines: Receiver<Value>,
}

/// A mail that it has accepted.
#[derive(Debug, Clone)]
pub struct Received {
    /// Who the envelope is from.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// What stood behind `MAIL FROM`.
    pub options: Vec<String>,
    /// What the client called itself.
    pub hello: String,
    /// Whether the connection was encrypted.
    pub encrypted: bool,
    /// Who was logged in.
    pub login: Option<String>,
    /// The whole message as it came, in Latin-1.
    pub data: String,
}

// === impl Smtp ===

impl Smtp {
    /// A server that takes every mail, in clear.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&json!({}))
    }

    /// A server with the options that `smtp.py` has.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_with(options: &Value) -> Self {
        let mut process = Command::new(PYTHON)
            .args(["-c", PROGRAM, &options.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (tell, said) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = tell.send(serde_json::from_str(&line).unwrap());
            }
        });
        let first: Value = said.recv_timeout(PATIENCE).expect("python3-aiosmtpd is installed");
        let port = first.as_u64().and_then(|port| port.try_into().ok()).unwrap();
        Self { port, process: Mutex::new(process), lines: said }
    }

    /// Where it listens on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next mail, which may still be on its way.
    ///
    /// # Panics
    /// When none comes.
    #[must_use]
    #[track_caller]
    pub fn mail(&self) -> Received {
        received(&self.lines.recv_timeout(PATIENCE).expect("no mail came"))
    }

    /// The next mail, if it was accepted already.
    ///
    /// # Panics
    /// When the server has ended, or there are two.
    #[must_use]
    #[track_caller]
    pub fn mail_now(&self) -> Option<Received> {
        let mut process = self.process.lock().unwrap();
        process.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        let line = self.lines.recv_timeout(PATIENCE).unwrap();
        if line == SO_FAR {
            return None;
        }
        assert_eq!(self.lines.recv_timeout(PATIENCE).unwrap(), SO_FAR);
        Some(received(&line))
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap();
        let _ = process.kill();
        let _ = process.wait();
    }
}

fn received(line: &Value) -> Received {
    let text = |key: &str| line[key].as_str().unwrap().to_owned();
    let list = |key: &str| {
        let texts = line[key].as_array().unwrap().iter();
        texts.map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    let data = STANDARD.decode(text("data")).unwrap();
    Received {
        from: text("from"),
        to: list("to"),
        options: list("options"),
        hello: text("hello"),
        encrypted: line["encrypted"].as_bool().unwrap(),
        login: line["login"].as_str().map(str::to_owned),
        data: data.into_iter().map(char::from).collect(),
    }
}

// === impl Received ===

impl Received {
    /// The headers, without the line end of the last one.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn headers(&self) -> &str {
        self.data.split_once("\r\n\r\n").unwrap().0
    }

    /// The text, its lines ended as in any file.
    ///
    /// # Panics
    /// When there is none, or it is not what it is said to be.
    #[must_use]
    pub fn body(&self) -> String {
        let (headers, body) = self.data.split_once("\r\n\r\n").unwrap();
        if !headers.contains("\r\nContent-Transfer-Encoding: base64\r\n") {
            return body.replace("\r\n", "\n");
        }
        let bytes = STANDARD.decode(body.replace("\r\n", "")).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// The link in it: a line of its own.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn link(&self) -> String {
        let body = self.body();
        body.lines().find(|line| line.starts_with("https://")).expect("no link").to_owned()
    }
}
