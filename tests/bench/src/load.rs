//! The load: so many connections, each with one request under way at a time.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::Outcome;

/// Writes the next request of a connection into the buffer; what it is given
/// counts the requests of all connections.
pub(crate) type Request<'a> = dyn Fn(u64, &mut Vec<u8>) + Send + Sync + 'a;

/// How hard, and when to stop.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) until: Until,
    /// Between two requests of a connection; none: the next one at once.
    pub(crate) pause: Option<Duration>,
}

/// What ends a load.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Passed(Duration),
    Answered(u64),
}

/// What came back.
#[derive(Default)]
pub(crate) struct Answers {
    pub(crate) seconds: f64,
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// In microseconds, sorted.
    latencies: Vec<u32>,
}

// === impl Load ===

impl Load {
    pub(crate) fn new(address: SocketAddr, connections: usize, duration: Duration) -> Self {
        Self { address, connections, until: Until::Passed(duration), pause: None }
    }

    /// Connections that ask some hundred times a second each: a load that
    /// leaves room, so that the times of its answers are the server's.
    pub(crate) fn paced(address: SocketAddr, connections: usize, duration: Duration) -> Self {
        let pause = Some(Duration::from_millis(2));
        Self { pause, ..Self::new(address, connections, duration) }
    }

    /// Loads from one thread, the calling one.
    pub(crate) fn run(
        self,
        request: impl Fn(u64, &mut Vec<u8>) + Send + Sync + 'static,
    ) -> Outcome<Answers> {
        let request: &'static Request<'static> = Box::leak(Box::new(request));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.all_connections(request))
    }

    async fn all_connections(self, request: &'static Request<'static>) -> Outcome<Answers> {
        let started = Instant::now();
        let mut connections = JoinSet::new();
        for number in 0..self.connections as u64 {
            connections.spawn(self.one_connection(number, started, request));
        }
        let mut all = Answers::default();
        while let Some(answers) = connections.join_next().await {
            all.merge(answers??);
        }
        all.seconds = started.elapsed().as_secs_f64();
        all.latencies.sort_unstable();
        Ok(all)
    }

    async fn one_connection(
        self,
        first: u64,
        started: Instant,
        request: &'static Request<'static>,
    ) -> Outcome<Answers> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut answers, mut sent, mut received) = (Answers::default(), Vec::new(), Vec::new());
        let step = self.connections as u64;
        for number in (first..).step_by(self.connections) {
            let asked = Instant::now();
            let done = match self.until {
                Until::Passed(duration) => asked.duration_since(started) >= duration,
                Until::Answered(count) => number >= count.max(step),
            };
            if done {
                break;
            }
            sent.clear();
            request(number, &mut sent);
            stream.write_all(&sent).await?;
            let status = read_answer(&mut stream, sent.starts_with(b"HEAD"), &mut received).await?;
            let micros = u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX);
            answers.latencies.push(micros);
            *answers.statuses.entry(status).or_default() += 1;
            if let Some(pause) = self.pause {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(answers)
    }
}

/// Reads one answer to its end; gives its status.
async fn read_answer(
    stream: &mut TcpStream,
    head_only: bool,
    buffer: &mut Vec<u8>,
) -> Outcome<u16> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(buffer.get(..end).unwrap_or_default())?;
        let status = head.get(9..12).unwrap_or_default().parse()?;
        let length = if head_only { 0 } else { content_length(head) };
        while buffer.len() < end + 4 + length {
            if stream.read_buf(buffer).await? == 0 {
                return Err("the server closed the connection within an answer".into());
            }
        }
        return Ok(status);
    }
}

fn content_length(head: &str) -> usize {
    let value = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    head.lines().find_map(value).unwrap_or_default()
}

// === impl Answers ===

impl Answers {
    pub(crate) fn count(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// Per second.
    pub(crate) fn rate(&self) -> f64 {
        self.count() as f64 / self.seconds
    }

    /// The time within which this part of the answers came, in milliseconds.
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let position = (last as f64 * part).round() as usize;
        self.latencies.get(position).map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
    }

    /// Complains unless every answer had this status.
    pub(crate) fn expect(&self, status: u16) -> Outcome {
        if self.statuses.keys().all(|found| *found == status) {
            return Ok(());
        }
        Err(format!("expected status {status} only, got {:?}", self.statuses).into())
    }

    fn merge(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
    }
}
