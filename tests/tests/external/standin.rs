//! Stands for the public relay and for the providers (external-auth.md section 7):
//! real sockets on a free port, and a record of what came.

use std::{
    collections::{HashMap, VecDeque},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        mpsc::{Sender, channel},
    },
    time::Duration,
};

use serde_json::{Map, Value, json};
use tungstenite::{Message, protocol::frame::coding::CloseCode};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Standin {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    record: Mutex<Record>,
    changed: Condvar,
}

/// What came so far.
#[derive(Default)]
pub struct Record {
    /// Who waits, by state.
    waiting: HashMap<String, Sender<Say>>,
    /// With which code the daemon has closed its connections.
    pub closed: Vec<Option<CloseCode>>,
    /// Requests for tokens.
    pub asked: Vec<Asked>,
    /// How many tokens were given.
    given: u32,
    /// Answers to come instead of tokens: the status, and the body.
    answers: VecDeque<(u16, String)>,
    /// Whether requests for tokens are not answered.
    hangs: bool,
}

/// A request for tokens.
#[derive(Clone)]
pub struct Asked {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub form: HashMap<String, String>,
}

enum Say {
    Text(String),
    Goodbye,
}

// === impl Standin ===

impl Standin {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let there = Arc::clone(&shared);
        // Ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let there = Arc::clone(&there);
                std::thread::spawn(move || there.serve(stream));
            }
        });
        Self { port, shared }
    }

    /// The address, with this scheme.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// What came so far.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.shared.record.lock().unwrap()
    }

    /// The next request for tokens is answered so.
    pub fn answer(&self, status: u16, body: impl ToString) {
        self.record().answers.push_back((status, body.to_string()));
    }

    /// Requests for tokens are not answered until this says so.
    pub fn hang(&self, hangs: bool) {
        self.shared.changed(|record| record.hangs = hangs);
    }

    /// Waits until what came so far is as it should be.
    #[track_caller]
    pub fn wait(&self, what: &str, is_so: impl Fn(&Record) -> bool) {
        let record = self.record();
        let waited =
            self.shared.changed.wait_timeout_while(record, PATIENCE, |record| !is_so(record));
        assert!(!waited.unwrap().1.timed_out(), "{what}");
    }

    /// Whether somebody waits for a state.
    pub fn is_awaited(&self, state: &str) -> bool {
        self.record().waiting.contains_key(state)
    }

    /// Consents, as a browser would: the status.
    pub fn consent(&self, provider: &str, state: &str, query: &str) -> u16 {
        let path = format!("/{provider}/authorize/{state}?{query}");
        self.get(&path)
    }

    fn get(&self, path: &str) -> u16 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: standin\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Sends any text to who waits for a state.
    pub fn say(&self, state: &str, text: &str) {
        self.record().waiting[state].send(Say::Text(text.to_owned())).unwrap();
    }

    /// Ends the connection of who waits for a state.
    pub fn hang_up(&self, state: &str) {
        self.record().waiting[state].send(Say::Goodbye).unwrap();
    }
}

// === impl Shared ===

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let Some(head) = peeked(&stream) else { return };
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        if let Some(state) = path.strip_prefix("/ws/") {
            return self.relay(stream, state);
        }
        let (headers, body) = read(&mut stream, head.len());
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let (status, body) = match *segments {
            [_, "token"] => self.tokens(path, headers, &body),
            [_, "authorize", state] => (self.consent(state, query), String::new()),
            _ => (404, String::new()),
        };
        let _ = write!(
            stream,
            "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
    }

    fn changed<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        let result = change(&mut self.record.lock().unwrap());
        self.changed.notify_all();
        result
    }

    fn relay(&self, stream: TcpStream, state: &str) {
        // Before the daemon is told that it is connected: it may tell others at once.
        let (say, said) = channel();
        self.changed(|record| record.waiting.insert(state.to_owned(), say));
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        socket.get_ref().set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let code = loop {
            match said.try_recv() {
                Ok(Say::Text(text)) => socket.send(Message::text(text)).unwrap(),
                Ok(Say::Goodbye) => socket.close(None).unwrap(),
                Err(_) => {}
            }
            match socket.read() {
                Ok(Message::Close(frame)) => break frame.map(|frame| frame.code),
                Err(tungstenite::Error::Io(error)) if is_timeout(&error) => {}
                Err(_) => break None,
                Ok(_) => {}
            }
        };
        // The answer to the closing.
        while socket.flush().is_ok() && socket.read().is_ok() {}
        self.changed(|record| {
            record.waiting.remove(state);
            record.closed.push(code);
        });
    }

    fn consent(&self, state: &str, query: &str) -> u16 {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut message: Map<String, Value> =
            pairs.map(|(key, value)| (key.to_owned(), value.into())).collect();
        message.insert("code".to_owned(), "a-code".into());
        let text = Value::Object(message).to_string();
        let record = self.record.lock().unwrap();
        let said = record.waiting.get(state).map(|say| say.send(Say::Text(text)));
        if matches!(said, Some(Ok(()))) { 204 } else { 404 }
    }

    fn tokens(&self, path: &str, headers: HashMap<String, String>, body: &str) -> (u16, String) {
        let form = body.split('&').filter_map(|pair| pair.split_once('='));
        let form = form.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        self.changed(|record| record.asked.push(Asked { path: path.to_owned(), headers, form }));
        let record = self.record.lock().unwrap();
        drop(self.changed.wait_while(record, |record| record.hangs).unwrap());
        self.changed(|record| {
            if let Some(answer) = record.answers.pop_front() {
                return answer;
            }
            record.given += 1;
            let tokens = json!({
                "access_token": "access_token", "expires_in": record.given + 1,
                "refresh_token": "refresh_token", "scope": "scope",
            });
            (200, tokens.to_string())
        })
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// The head of a request, which is left where it is.
fn peeked(stream: &TcpStream) -> Option<String> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = stream.peek(&mut buffer).ok().filter(|length| *length > 0)?;
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            return Some(text[..end + 4].to_owned());
        }
    }
}

/// The headers, and the body that they announce.
fn read(stream: &mut TcpStream, head: usize) -> (HashMap<String, String>, String) {
    let mut bytes = vec![0; head];
    stream.read_exact(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let lines = text.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers: HashMap<_, _> =
        lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (headers, String::from_utf8(body).unwrap())
}
