//! Frames between the daemon and the process of a plugin.
//!
//! ```text
//!  what (1)  0 (1)  name (2)  code (4)  head (4)  body (4)  id (8)   lengths, little-endian
//!  name ……   head ……   body ……                                       as long as said
//! ```
//!
//! Both ends are the same program, so that nothing here has a version. But what
//! runs beside the other end may have overwritten anything: whatever is read is
//! bounded before memory is taken for it, and what does not fit ends the
//! connection.

use std::{
    io::{self, Read},
    ops::Range,
    os::unix::net::UnixStream,
    time::Instant,
};

use crate::reply::{MAX_BODY, MAX_HEAD};

const HEADER: usize = 24;
/// Most bytes of the name of a method, a service or a log target.
pub(crate) const MAX_NAME: usize = 256;
/// Bytes that there is room for, at least.
const CHUNK: usize = 16 * 1024;
/// Bytes that there stays room for.
const MOST_KEPT: usize = 4 * CHUNK;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// To the plugin: load yourself; the head is a [`crate::worker::Order`].
    Start,
    /// The plugin's process: what it does next; the code is a [`crate::Step`].
    Step,
    /// It was made.
    Made,
    /// Its library is not for this daemon; the head is a sentence.
    Refused,
    /// Its constructor failed, as a failure.
    NotMade,
    /// To the plugin: run the method of that name.
    Call,
    /// The answer of a method.
    Reply,
    /// There is no answer: code and head are the kind and the text of a failure.
    Failure,
    /// The answer is not used: the head says what is wrong with it.
    Unusable,
    /// The plugin asks for the service of that name.
    Ask,
    /// The answer of a service.
    Served,
    /// There is none, as a failure.
    NotServed,
    /// A line for the log: the code is its level, the name its target.
    Log,
}

const ALL: [What; 13] = [
    What::Start,
    What::Step,
    What::Made,
    What::Refused,
    What::NotMade,
    What::Call,
    What::Reply,
    What::Failure,
    What::Unusable,
    What::Ask,
    What::Served,
    What::NotServed,
    What::Log,
];

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) what: What,
    pub(crate) code: u32,
    /// Of the call that it is about.
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it sent what is no frame: {0}")]
    Malformed(&'static str),
    #[error("its connection failed: {0}")]
    Broken(io::Error),
    #[error("it closed its connection")]
    Closed,
}

/// Most bytes that are read of a head and of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) head: usize,
    pub(crate) body: usize,
}

/// Of what a plugin's process says.
pub(crate) const OF_PLUGIN: Bounds = Bounds { head: MAX_HEAD, body: MAX_BODY };
/// Of what the daemon says.
pub(crate) const OF_DAEMON: Bounds = Bounds { head: 64 * 1024 * 1024, body: 64 * 1024 * 1024 };

/// The frame as bytes. A name that is too long is cut.
pub(crate) fn encode(
    what: What,
    code: u32,
    id: u64,
    name: &str,
    head: &str,
    body: &[u8],
) -> Vec<u8> {
    let name = crate::text::shortened(name, MAX_NAME);
    let mut bytes = Vec::with_capacity(HEADER + name.len() + head.len() + body.len());
    bytes.extend([what as u8, 0]);
    bytes.extend((name.len() as u16).to_le_bytes());
    bytes.extend(code.to_le_bytes());
    bytes.extend((head.len() as u32).to_le_bytes());
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(id.to_le_bytes());
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// What was received of a connection and not taken yet.
pub(crate) struct Inbox {
    bounds: Bounds,
    room: Vec<u8>,
    /// The part of the room that was received and not taken.
    unread: Range<usize>,
}

// === impl Inbox ===

impl Inbox {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, room: vec![0; CHUNK], unread: 0..0 }
    }

    /// The next frame, if all of it is there.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, Unreadable> {
        let unread = &self.room[self.unread.clone()];
        let Some(header) = unread.first_chunk::<HEADER>() else { return Ok(None) };
        let lengths = self.bounds.lengths(header)?;
        let end = HEADER + lengths.iter().sum::<usize>();
        let Some(frame) = unread.get(HEADER..end) else { return Ok(None) };
        let frame = read(header, lengths, frame)?;
        self.unread.start += end;
        if self.unread.is_empty() {
            self.unread = 0..0;
            // One long frame is no reason to keep its room.
            self.room.truncate(MOST_KEPT);
            self.room.shrink_to(MOST_KEPT);
        }
        Ok(Some(frame))
    }

    /// Waits for more bytes; `false` when the time-out of the socket passed
    /// without any.
    pub(crate) fn fill(&mut self, mut stream: &UnixStream) -> Result<bool, Unreadable> {
        if self.unread.end == self.room.len() {
            self.room.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
            if self.room.len() - self.unread.end < CHUNK {
                // A frame that is longer, within bounds: `next` has seen its length.
                self.room.resize(2 * self.room.len(), 0);
            }
        }
        let result = loop {
            match stream.read(&mut self.room[self.unread.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        match result {
            Ok(0) => Err(Unreadable::Closed),
            Ok(length) => {
                self.unread.end += length;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(Unreadable::Closed),
            Err(error) => Err(Unreadable::Broken(error)),
        }
    }

    /// Waits for the next frame; none when the time-out of the socket passed.
    pub(crate) fn receive(&mut self, stream: &UnixStream) -> Result<Option<Frame>, Unreadable> {
        self.receive_before(None, stream)
    }

    /// The same, and none when it is late either: a frame may come byte by byte.
    pub(crate) fn receive_until(
        &mut self,
        until: Instant,
        stream: &UnixStream,
    ) -> Result<Option<Frame>, Unreadable> {
        self.receive_before(Some(until), stream)
    }

    fn receive_before(
        &mut self,
        until: Option<Instant>,
        stream: &UnixStream,
    ) -> Result<Option<Frame>, Unreadable> {
        loop {
            if let Some(frame) = self.next()? {
                return Ok(Some(frame));
            }
            if !self.fill(stream)? {
                return Ok(None);
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return self.next();
            }
        }
    }
}

// === impl Bounds ===

impl Bounds {
    /// The lengths of name, head and body, which are within bounds.
    fn lengths(self, header: &[u8; HEADER]) -> Result<[usize; 3], Unreadable> {
        let name = usize::from(u16::from_le_bytes([header[2], header[3]]));
        let (head, body) = (number(header, 8) as usize, number(header, 12) as usize);
        match name <= MAX_NAME && self.hold(head, body) {
            true => Ok([name, head, body]),
            false => Err(Unreadable::Malformed("it is too long")),
        }
    }

    /// Whether a head and a body of so many bytes are read.
    pub(crate) fn hold(self, head: usize, body: usize) -> bool {
        head <= self.head && body <= self.body
    }
}

fn number(header: &[u8; HEADER], at: usize) -> u32 {
    u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

fn read(header: &[u8; HEADER], lengths: [usize; 3], bytes: &[u8]) -> Result<Frame, Unreadable> {
    let what = ALL.get(usize::from(header[0])).copied();
    let what = what.ok_or(Unreadable::Malformed("it is of no kind"))?;
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec()).map_err(|_| Unreadable::Malformed("it is not UTF-8"))
    };
    let (name, rest) = bytes.split_at(lengths[0]);
    let (head, body) = rest.split_at(lengths[1]);
    let id = u64::from(number(header, 16)) | u64::from(number(header, 20)) << 32;
    let code = number(header, 4);
    Ok(Frame { what, code, id, name: text(name)?, head: text(head)?, body: body.to_vec() })
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::atomic::{AtomicBool, Ordering},
        time::Duration,
    };

    use super::*;

    fn received(bytes: &[u8]) -> Result<Option<Frame>, Unreadable> {
        let (mut theirs, ours) = UnixStream::pair().unwrap();
        let bytes = bytes.to_vec();
        let writer = std::thread::spawn(move || theirs.write_all(&bytes));
        let frame = Inbox::new(OF_PLUGIN).receive(&ours);
        drop(ours);
        let _ = writer.join().unwrap();
        frame
    }

    #[test]
    fn what_is_sent_is_received() {
        for what in ALL {
            let head = "h".repeat(MAX_HEAD);
            let bytes = encode(what, 7, u64::MAX - 1, "naïve", &head, b"\0body");
            let frame = received(&bytes).unwrap().unwrap();
            assert_eq!((frame.what, frame.code, frame.id), (what, 7, u64::MAX - 1));
            assert_eq!(
                (&*frame.name, frame.head == head, &*frame.body),
                ("naïve", true, &b"\0body"[..])
            );
        }
    }

    #[test]
    fn frames_come_in_any_pieces() {
        let (mut theirs, ours) = UnixStream::pair().unwrap();
        let mut inbox = Inbox::new(OF_PLUGIN);
        let two = [encode(What::Log, 1, 2, "a", "b", b""), encode(What::Ask, 3, 4, "c", "d", b"e")];
        let mut frames = Vec::new();
        for byte in two.concat() {
            assert_eq!(inbox.next().unwrap(), None);
            theirs.write_all(&[byte]).unwrap();
            assert!(inbox.fill(&ours).unwrap());
            frames.extend(inbox.next().unwrap());
        }
        assert_eq!(
            frames.iter().map(|frame| frame.what).collect::<Vec<_>>(),
            [What::Log, What::Ask]
        );
        assert_eq!((&*frames[1].name, &*frames[1].body), ("c", &b"e"[..]));
    }

    #[test]
    fn who_sends_byte_by_byte_is_not_waited_for_longer() {
        let (mut theirs, ours) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut frame = encode(What::Log, 1, 2, "", &"x".repeat(MAX_HEAD), b"").into_iter();
                while !stop.load(Ordering::Relaxed) {
                    theirs.write_all(&[frame.next().unwrap()]).unwrap();
                    std::thread::park_timeout(Duration::from_millis(1));
                }
            });
            let until = Instant::now() + Duration::from_millis(50);
            assert_eq!(Inbox::new(OF_PLUGIN).receive_until(until, &ours).unwrap(), None);
            stop.store(true, Ordering::Relaxed);
            writer.join().unwrap();
        });
    }

    #[test]
    fn what_is_no_frame_is_refused_before_memory_is_taken() {
        let mut bytes = encode(What::Reply, 0, 0, "", "", b"");
        bytes[0] = 200;
        assert!(matches!(received(&bytes), Err(Unreadable::Malformed("it is of no kind"))));
        for at in [2, 8, 12] {
            let mut bytes = encode(What::Reply, 0, 0, "", "", b"");
            bytes[at..at + 2].fill(0xff);
            bytes[at + 2] = if at == 2 { 0 } else { 0xff };
            assert!(
                matches!(received(&bytes), Err(Unreadable::Malformed("it is too long"))),
                "{at}"
            );
        }
        let mut bytes = encode(What::Reply, 0, 0, "", "é", b"");
        *bytes.last_mut().unwrap() = b'x';
        assert!(matches!(received(&bytes), Err(Unreadable::Malformed("it is not UTF-8"))));
        assert!(matches!(received(b""), Err(Unreadable::Closed)));
    }
}
