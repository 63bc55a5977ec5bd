//! A trial of a plugin in a process of its own: whatever the plugin does there,
//! this process says what it was.
//!
//! ```text
//!  watch ── configuration ──▶ stdin of `plugin trial`   (a pair of sockets)
//!    │ ◀── step, case, … verdict ──┘
//!    ▼ verdict, end of the process or deadline of the step, whichever is first
//!  killed in any case, and waited for
//! ```

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    net::Shutdown,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt, process::ExitStatusExt},
    },
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use nix::sys::{prctl, signal::Signal};
use wazo_auth_plugins::{
    Candidate, Extent, Outcome, Step, Trial, TrialOpener, one_line, without_secrets,
};

use crate::stderr_log;

/// The words that a trial says, and what they mean.
const STEPS: [(&str, Step); 5] = [
    ("open", Step::Open),
    ("create", Step::Create),
    ("verify", Step::VerifyPassword),
    ("drop", Step::Drop),
    ("ask", Step::Ask),
];
const OUTCOMES: [(&str, Outcome); 5] = [
    ("opened", Outcome::Opened),
    ("made", Outcome::Made),
    ("answered", Outcome::Answered),
    ("asked", Outcome::Asked),
    ("conforms", Outcome::Conforms),
];
/// Stands before what the conformance kit is about to run.
const CASE: &str = "case ";
/// Stands for the end of a line in what is said about a plugin.
const BREAK: char = '\u{1f}';
/// Stands before the sentence about a plugin that does not fit.
const UNFIT: &str = "unfit ";

/// Least time for opening a library, which comes with the start of a process: a
/// plugin's timeout is made for its calls.
const LEAST_TO_OPEN: Duration = Duration::from_secs(10);
/// Most bytes that are read of what a trial says of itself.
const MOST_SAID: u64 = 4 * 1024 * 1024;
/// Most bytes of an error output that are kept: its end.
const MOST_KEPT: usize = 4 * 1024;
/// Most bytes of it in a sentence.
const LAST_WORDS: usize = 200;
/// The rest of an error output is there at once, unless the plugin left a
/// process of its own behind.
const REST_OF_OUTPUT: Duration = Duration::from_secs(1);

/// Added to the time of a call that the kit watches over itself.
const MORE: Duration = Duration::from_secs(2);

/// The trial itself, in its own process: its configuration comes from the socket
/// that is its standard input, and what it has to say goes there.
pub(crate) fn run(trial: Trial<'_>) -> ExitCode {
    match run_as_told(trial) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("this is run by wazo-auth itself: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_as_told(trial: Trial<'_>) -> io::Result<()> {
    // Who hangs must not outlive a watcher that was interrupted.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let mut watcher = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    nix::unistd::dup2_stdin(File::open("/dev/null")?)?;
    let mut config = String::new();
    watcher.read_to_string(&mut config)?;
    // A plugin's warnings and panics: the last of them may explain its end.
    stderr_log::start("");
    let watcher = Arc::new(watcher);
    let own = Arc::clone(&watcher);
    let say = |line: &str| (&*watcher).write_all(format!("{line}\n").as_bytes());
    let mut told = Ok(());
    let step = |step| {
        let word = STEPS.iter().find(|(_, known)| *known == step).map_or("", |(word, _)| word);
        told = say(word);
    };
    // Nobody watches any more if that fails, and the end of it is near.
    let about_to = move |case: &str| drop((&*own).write_all(format!("{CASE}{case}\n").as_bytes()));
    let result = Trial { config: &config, ..trial }.run(step, about_to);
    told?;
    match result {
        Ok(outcome) => {
            let found = OUTCOMES.iter().find(|(_, known)| *known == outcome);
            say(found.map_or("", |(word, _)| word))
        }
        Err(sentence) => say(&format!("{UNFIT}{}", sentence.replace('\n', &BREAK.to_string()))),
    }
}

/// Has a plugin tried out in a process of its own; gives why it does not fit as
/// a sentence.
///
/// # Errors
/// The trial did not come as far as the plugin: that is not the plugin's fault.
pub(crate) fn watch(
    candidate: &Candidate<'_>,
    extent: Extent,
    config: &str,
) -> io::Result<Result<Outcome, String>> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let timeout = match extent {
        Extent::Open => candidate.timeout.max(LEAST_TO_OPEN),
        Extent::Whole => candidate.timeout,
        Extent::Conformance => candidate.timeout + MORE,
    };
    ours.set_write_timeout(Some(timeout))?;
    ours.set_read_timeout(Some(timeout))?;
    let mut child = spawn(candidate, extent, theirs)?;
    let last_words = follow(child.stderr.take());
    // A process that has ended already is told by its end.
    let _ = ours.write_all(config.as_bytes());
    let _ = ours.shutdown(Shutdown::Write);
    let (step, end) = listen(ours);
    let status = end_of(&mut child)?;
    Ok(match (end, step) {
        (End::Said(verdict), _) => verdict,
        (End::TimedOut, Some(step)) => Err(took_too_long(candidate, timeout, &step)),
        (End::TimedOut, None) => {
            let seconds = timeout.as_secs_f64();
            return Err(io::Error::other(format!("its process did not begin within {seconds} s")));
        }
        (End::Silent, step) => {
            let words = last_words.recv_timeout(REST_OF_OUTPUT).unwrap_or_default();
            let words = one_line(&without_secrets(&words, config), LAST_WORDS);
            match step {
                Some(step) => Err(ended(status, &step, &words)),
                None => return Err(io::Error::other(ended_early(status, &words))),
            }
        }
    })
}

fn spawn(candidate: &Candidate<'_>, extent: Extent, socket: UnixStream) -> io::Result<Child> {
    let how_far = match extent {
        Extent::Open => Some("--open-only".to_owned()),
        Extent::Whole => None,
        Extent::Conformance => Some(format!("--conformance={}", candidate.timeout.as_secs_f64())),
    };
    // This very program, even if the file of it was replaced meanwhile.
    Command::new("/proc/self/exe")
        .arg0("wazo-auth")
        .args(["plugin", "trial"])
        .args(how_far)
        .args(["--", candidate.kind, candidate.name])
        .arg(candidate.file)
        .stdin(OwnedFd::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
}

/// Opens the libraries of the daemon's start in processes of their own.
pub(crate) struct Trials;

impl TrialOpener for Trials {
    fn try_open(&self, candidate: &Candidate<'_>) -> Result<(), String> {
        watch(candidate, Extent::Open, "").map_or_else(
            |error| {
                log::warn!(
                    target: "wazo_auth.plugins",
                    "{} is opened without a trial, which could not be run: {error}",
                    candidate.file.display()
                );
                Ok(())
            },
            |outcome| outcome.map(drop),
        )
    }
}

/// Reads an error output so that its writer never waits; gives its last line.
fn follow(output: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (tell, told) = mpsc::channel();
    let Some(mut output) = output else { return told };
    let read = move || {
        let (mut kept, mut block) = (Vec::new(), [0; 1024]);
        while let Ok(length @ 1..) = output.read(&mut block) {
            kept.extend_from_slice(&block[..length]);
            let excess = kept.len().saturating_sub(MOST_KEPT);
            kept.drain(..excess);
        }
        let text = String::from_utf8_lossy(&kept);
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        let _ = tell.send(last.unwrap_or_default().to_owned());
    };
    // Without a thread the pipe is closed, and the trial goes on without it.
    let _ = thread::Builder::new().name("trial-output".to_owned()).spawn(read);
    told
}

/// How a trial came to its end.
enum End {
    Said(Result<Outcome, String>),
    /// It ended without a verdict.
    Silent,
    /// A step took too long.
    TimedOut,
}

/// What ran last.
enum At {
    Step(Step),
    /// In the words of the kit.
    Case(String),
}

/// Listens to a trial: until its verdict, its end or the deadline of a step.
/// Gives the last step that it told of; none if nothing of the plugin ran.
fn listen(socket: UnixStream) -> (Option<At>, End) {
    let mut step = None;
    let mut lines = BufReader::new(socket.take(MOST_SAID)).lines();
    loop {
        let line = match lines.next() {
            Some(Ok(line)) => line,
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return (step, End::TimedOut);
            }
            Some(Err(_)) | None => return (step, End::Silent),
        };
        if let Some(sentence) = line.strip_prefix(UNFIT) {
            return (step, End::Said(Err(sentence.replace(BREAK, "\n"))));
        }
        if let Some((_, outcome)) = OUTCOMES.iter().find(|(word, _)| *word == line) {
            return (step, End::Said(Ok(*outcome)));
        }
        if let Some(case) = line.strip_prefix(CASE) {
            step = Some(At::Case(case.to_owned()));
        } else if let Some((_, next)) = STEPS.iter().find(|(word, _)| *word == line) {
            step = Some(At::Step(*next));
        }
    }
}

/// Ends the process, if it has not ended, and says how it did. (One that is
/// ending closes its socket when its exit status is settled: a signal does not
/// change that any more.)
fn end_of(child: &mut Child) -> io::Result<ExitStatus> {
    child.kill()?;
    child.wait()
}

fn ended(status: ExitStatus, step: &At, last_words: &str) -> String {
    let (how, when, words) = (how(status), during(step), quoted(last_words));
    format!(
        "it ended the process {how} {when}, and would end the daemon too{words}; tell its author"
    )
}

/// The end of a trial before it came to the plugin.
fn ended_early(status: ExitStatus, last_words: &str) -> String {
    format!("its process ended {} before it opened the file{}", how(status), quoted(last_words))
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("with exit code {code}"),
        (None, number) => {
            let number = number.unwrap_or_default();
            let name = Signal::try_from(number).map_or("unknown", Signal::as_str);
            format!("by signal {number} ({name})")
        }
    }
}

fn quoted(last_words: &str) -> String {
    match last_words {
        "" => String::new(),
        words => format!(" (its last words: {words})"),
    }
}

fn took_too_long(candidate: &Candidate<'_>, timeout: Duration, step: &At) -> String {
    let (seconds, when) = (timeout.as_secs_f64(), during(step));
    format!(
        "it took longer than {seconds} s {when}; raise plugins.{}.timeout if that is too short for \
         it, otherwise tell its author",
        candidate.name
    )
}

fn during(step: &At) -> String {
    let step = match step {
        At::Case(case) => return format!("in {case}"),
        At::Step(Step::Open) => "when it was opened",
        At::Step(Step::Create) => "in its constructor",
        At::Step(Step::VerifyPassword) => "when it verified a trial login",
        At::Step(Step::Drop) => "in its destructor",
        At::Step(Step::Ask) => "when it was asked what the daemon asks at its start",
    };
    step.to_owned()
}
