//! Runs the calls: each within its time, then several at once.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use super::{
    border::{Examination, Failed, Library, Object, Reply},
    calls::{self, Call, Expect},
    findings::{Findings, Wrong},
    judge::{Circumstances, judge, tells_secret},
};
use crate::{
    ErrorKind, Map, Route, Value,
    serde_json::json,
    wire::{self, method},
};

/// How many calls run at once.
const THREADS: usize = 8;
/// How many different calls of each thread.
const CALLS_AT_ONCE: usize = 24;
/// Longest call of those, in bytes.
const SHORT: usize = 4 * 1024;
/// After so many calls that did not return, or that ended the plugin, no more are
/// made.
const MOST_LOST: usize = 3;
/// After so many calls of a method that are wrong, more of them say nothing new.
const ENOUGH: usize = 20;
/// Stands in a configuration where it does not fit.
const VALUE: &str = "kit-value-of-nobody";
/// Where lines about panics come from.
const PANIC: &str = "panic";

/// A plugin that was made; shared with calls that have not returned.
type Made = Arc<Box<dyn Object>>;

/// One plugin, while it is examined.
struct Run<'a> {
    examination: &'a Examination<'a>,
    library: &'a Arc<dyn Library>,
    findings: Findings,
    lost: usize,
    /// Panics that a call or the constructor answered for.
    panics: Vec<String>,
    /// Lines about panics.
    panic_lines: Vec<String>,
}

pub(super) fn examine(examination: &Examination<'_>, library: &Arc<dyn Library>) -> Vec<String> {
    let mut run = Run {
        examination,
        library,
        findings: Findings::default(),
        lost: 0,
        panics: Vec::new(),
        panic_lines: Vec::new(),
    };
    run.whole();
    run.findings.into_sentences()
}

pub(super) fn ask_first(examination: &Examination<'_>, object: &dyn Object) -> Vec<String> {
    let mut findings = Findings::default();
    for call in calls::first(examination.kind) {
        let reply = object.call(call.method, &call.head, &call.body);
        if let Some(wrong) = judge(&call, &reply, Circumstances::default()) {
            findings.add(call.method, &call.with, wrong);
        }
    }
    findings.into_sentences()
}

// === impl Run ===

impl<'a> Run<'a> {
    fn whole(&mut self) {
        let config = self.examination.config.to_string();
        match self.make(&config, "the given configuration") {
            Some(Ok(object)) => {
                self.calls(&object);
                self.close(object, "");
            }
            Some(Err(failed)) => {
                self.findings.add("its constructor", "", made_not(&failed));
                return;
            }
            None => return,
        }
        self.configurations();
        self.read_lines("");
        if self.panic_lines.len() > self.panics.len() {
            let is_answered = |line: &&String| self.panics.iter().any(|text| line.ends_with(text));
            let mut lines = self.panic_lines.iter();
            let line = lines.find(|line| !is_answered(line)).map_or("", String::as_str);
            let wrong = Wrong::saying("a panic that no call answers for", line);
            self.findings.add("one of its threads or destructors", "", wrong);
        }
    }

    fn calls(&mut self, object: &Made) {
        let mut routes = Vec::new();
        for call in calls::first(self.examination.kind) {
            let reply = self.call(object, &call);
            if call.method == method::GET_ROUTES {
                routes = routes_of(&reply);
            }
        }
        let known = calls::granted(self.examination);
        let all = calls::all(self.examination, &routes);
        for call in known.iter().chain(&all) {
            if self.lost >= MOST_LOST {
                return self.findings.add("the rest", "", "it was not tried");
            }
            if self.findings.count(call.method) < ENOUGH {
                self.call(object, call);
            }
        }
        self.at_once(object, known.iter().chain(&all));
        if let Some(call) = &known {
            self.call(object, call);
        }
    }

    /// Makes one call, and judges what comes.
    fn call(&mut self, object: &Made, call: &Call) -> Reply {
        let is_own = call.method == method::VERIFY_AUTH && self.is_own(object, call);
        let reply = self.run(object, call);
        let around = Circumstances {
            password: self.password(),
            asked_in_vain: self.library.asked_in_vain(),
            is_own,
            is_busy: false,
        };
        self.note(call, &reply, around);
        if call.expect == Expect::Same {
            let again = self.run(object, call);
            if !is_same(&reply, &again) {
                let wrong = "another answer comes to the same question";
                self.findings.add(call.method, &call.with, wrong);
            }
        }
        self.read_lines(&call.with);
        reply
    }

    fn note(&mut self, call: &Call, reply: &Reply, around: Circumstances<'_>) {
        let is_panic = |failed: &Failed| ErrorKind::from_number(failed.kind) == ErrorKind::Panic;
        match reply {
            Reply::TimedOut | Reply::Lost(_) => self.lost += 1,
            Reply::Failure(failed) if is_panic(failed) => self.panics.push(failed.text.clone()),
            _ => {}
        }
        if let Some(wrong) = judge(call, reply, around) {
            let what = match call.expect {
                Expect::Unsupported => "an unknown method",
                _ => call.method,
            };
            self.findings.add(what, &call.with, wrong);
        }
    }

    fn run(&self, object: &Made, call: &Call) -> Reply {
        self.library.about_to(&format!("{} with {}", call.method, call.with));
        let (object, call) = (Arc::clone(object), call.clone());
        // The object is given back before the answer is.
        let run = move || object.call(call.method, &call.head, &call.body);
        within(self.timeout(), run).unwrap_or(Reply::TimedOut)
    }

    /// Whether an identity provider says that the request of a call is its own.
    fn is_own(&self, object: &Made, call: &Call) -> bool {
        let call = Call { method: method::CAN_AUTHENTICATE, ..call.clone() };
        let Reply::Answer { head, .. } = self.run(object, &call) else { return false };
        let answer = serde_json::from_slice(&head);
        answer.is_ok_and(|answer: wire::CanAuthenticate| answer.can_authenticate)
    }

    /// The same calls again, several at a time.
    fn at_once<'c>(&mut self, object: &Made, calls: impl Iterator<Item = &'c Call>) {
        // Whose request it is matters to it; and nobody asks that many at once.
        let is_apt = |call: &&Call| call.method != method::VERIFY_AUTH && call.length() < SHORT;
        let mut calls: Vec<_> = calls.filter(is_apt).cloned().collect();
        let step = calls.len().div_ceil(CALLS_AT_ONCE).max(1);
        calls = calls.into_iter().step_by(step).collect();
        let now = format!("{THREADS} calls at a time");
        self.library.about_to(&now);
        let calls: Arc<[Call]> = calls.into();
        let (tell, told) = mpsc::channel();
        let mut threads = Vec::new();
        for number in 0..THREADS {
            let (object, calls, tell) = (Arc::clone(object), Arc::clone(&calls), tell.clone());
            let work = move || {
                let first = number * calls.len() / THREADS;
                for position in (first..calls.len()).chain(0..first) {
                    let Call { method, head, body, .. } = &calls[position];
                    if tell.send((position, object.call(method, head, body))).is_err() {
                        return;
                    }
                }
            };
            match thread::Builder::new().spawn(work) {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    let wrong = format!("no thread can be started: {error}");
                    return self.findings.add("several calls", "", wrong);
                }
            }
        }
        drop(tell);
        let around =
            Circumstances { asked_in_vain: true, is_busy: true, ..Circumstances::default() };
        for _ in 0..THREADS * calls.len() {
            let Ok((position, reply)) = told.recv_timeout(self.timeout()) else {
                let wrong = "none of those that run returned in time";
                self.lost += 1;
                return self.findings.add("several calls", &format!("{THREADS} at a time"), wrong);
            };
            self.library.about_to(&now);
            let call = &calls[position];
            let with = format!("{}, with {} others at a time", call.with, THREADS - 1);
            let call = Call { with, ..call.clone() };
            self.note(&call, &reply, Circumstances { password: self.password(), ..around });
            if self.lost >= MOST_LOST {
                return;
            }
        }
        // They have nothing left to do but to give the object back.
        threads.into_iter().for_each(|thread| drop(thread.join()));
        self.read_lines("several calls at a time");
    }

    /// Lines tell no secret; those about panics are counted.
    fn read_lines(&mut self, with: &str) {
        // Mails hold a secret for whoever gets them: one plugin is there to log it.
        let is_told = self.examination.kind == "email_notification";
        for line in self.library.lines() {
            if line.target == PANIC {
                self.panic_lines.push(line.text);
            } else if !is_told && tells_secret(&line.text, self.password()) {
                let wrong = Wrong::saying("it tells a password", &line.text);
                self.findings.add("a line of the log", with, wrong);
            }
        }
    }

    /// Makes the plugin; none when its constructor does not return.
    fn make(&mut self, config: &str, with: &str) -> Option<Result<Made, Failed>> {
        self.library.about_to(&format!("its constructor with {with}"));
        let (library, config) = (Arc::clone(self.library), config.to_owned());
        let made = within(self.examination.to_make, move || library.make(&config).map(Arc::new));
        if made.is_none() {
            self.lost += 1;
            self.findings.add("its constructor", with, "it did not return in time");
        }
        made
    }

    fn close(&mut self, object: Made, with: &str) {
        // Who hangs in it still has it.
        let Some(object) = Arc::into_inner(object) else { return };
        self.library.about_to("its destructor");
        let wrong = match within(self.timeout(), move || object.close()) {
            Some(None) => return,
            Some(Some(wrong)) => {
                self.panics.push(String::new());
                wrong
            }
            None => "it did not return in time".to_owned(),
        };
        self.findings.add("its destructor", with, wrong);
    }

    /// Configurations that do not fit are refused as such, without their values;
    /// those that happen to fit are none of our business.
    fn configurations(&mut self) {
        for (with, config) in wrong_configurations(self.examination.config) {
            if self.lost >= MOST_LOST {
                return;
            }
            let with = format!("{with} in its configuration");
            let failed = match self.make(&config.to_string(), &with) {
                Some(Err(failed)) => failed,
                Some(Ok(object)) => {
                    self.close(object, &with);
                    continue;
                }
                None => continue,
            };
            let kind = ErrorKind::from_number(failed.kind);
            if kind == ErrorKind::Panic {
                self.panics.push(failed.text.clone());
            }
            if kind != ErrorKind::Config {
                let wrong = Wrong::saying("it fails, but not as Config", &failed.text);
                self.findings.add("its constructor", &with, wrong);
            } else if failed.text.contains(VALUE) {
                let wrong = Wrong::saying("its failure tells what is configured", &failed.text);
                self.findings.add("its constructor", &with, wrong);
            }
        }
    }

    fn password(&self) -> &'a str {
        let login = self.examination.login.as_ref();
        login.map_or("", |(_, password)| password)
    }

    fn timeout(&self) -> Duration {
        self.examination.timeout
    }
}

/// What `f` gives, unless that takes too long: then it is left alone.
fn within<T: Send + 'static>(
    timeout: Duration,
    f: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (tell, told) = mpsc::channel();
    let started = thread::Builder::new().spawn(move || {
        // Nobody listens any more if it was late.
        let _ = tell.send(f());
    });
    started.ok()?;
    told.recv_timeout(timeout).ok()
}

fn made_not(failed: &Failed) -> Wrong {
    Wrong::saying("it cannot be made with the given configuration", &failed.text)
}

fn routes_of(reply: &Reply) -> Vec<Route> {
    let Reply::Answer { head, .. } = reply else { return Vec::new() };
    let routes = serde_json::from_slice(head);
    routes.map(|routes: wire::Items<Route>| routes.items).unwrap_or_default()
}

fn is_same(one: &Reply, other: &Reply) -> bool {
    let value = |head: &[u8]| serde_json::from_slice::<Value>(head).ok();
    match (one, other) {
        (Reply::Answer { head, .. }, Reply::Answer { head: other, .. }) => {
            value(head) == value(other)
        }
        // What is wrong with a failure is told already.
        (Reply::Answer { .. }, _) | (_, Reply::Answer { .. }) => false,
        _ => true,
    }
}

fn wrong_configurations(config: &Value) -> Vec<(String, Value)> {
    let empty = Map::new();
    let config = config.as_object().unwrap_or(&empty);
    let mut wrong = vec![
        ("a text".to_owned(), json!(VALUE)),
        ("a list of texts".to_owned(), json!([VALUE, VALUE])),
    ];
    let changed = |key: &str, value: Value| {
        let mut config = config.clone();
        config.insert(key.to_owned(), value);
        Value::Object(config)
    };
    wrong.push(("an unknown key".to_owned(), changed("key_of_the_future", json!(VALUE))));
    for (key, value) in config {
        let other = if value.is_string() { json!([VALUE]) } else { json!(VALUE) };
        wrong.push((format!("another type of `{key}`"), changed(key, other)));
    }
    wrong
}
