//! Whether the write-ahead log that the last process left is whole.
//!
//! SQLite takes a log up to the first frame that does not add up and throws the
//! rest away without a word. That is right after a kill, where the rest is no
//! whole transaction, and after a power cut, where it was never acknowledged; it
//! is a loss when the file was damaged. Nobody can tell the
//! two apart for sure, so the daemon starts, says so, and keeps a copy.
//! (Format: <https://www.sqlite.org/fileformat2.html#walformat>.)

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use wazo_auth_context::Context;

use crate::sqlite::lock_file::beside;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The last bit says in which order the words of checksums were read.
const MAGIC: u32 = 0x377f_0682;

/// Warns of a log that is going to be recovered in part only. To be called
/// before SQLite opens the database.
pub(crate) fn warn_of_damage(database: &Path, context: &Context) {
    let log = beside(database, "-wal");
    let Ok(Some(good)) = File::open(&log).and_then(|file| damage(BufReader::new(file))) else {
        // What cannot be read at all, SQLite says.
        return;
    };
    let time = context.now().strftime("%Y%m%dT%H%M%S%.3fZ");
    let copy = beside(database, &format!(".{time}.damaged-wal"));
    let kept = match keep(&log, &copy) {
        Ok(()) => format!("it is kept as {}", copy.display()),
        Err(error) => format!("it could not be kept as {}: {error}", copy.display()),
    };
    log::warn!(
        target: "wazo_auth.store",
        "the write-ahead log {} is not whole after its frame {good}: what was written later is \
         lost. After a power cut nobody was told that it was written; else compare with a backup \
         ({kept})", log.display()
    );
}

fn keep(log: &Path, copy: &Path) -> io::Result<()> {
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(copy)?;
    io::copy(&mut File::open(log)?, &mut to)?;
    to.sync_all()
}

/// The number of good frames in front of one that is not, where a whole commit
/// follows: it was on the disk, and will not be read. Nothing when all of the log
/// that matters is good. A last commit that is not whole itself is as a kill
/// leaves it between the two writes of a frame.
fn damage(mut log: impl Read) -> io::Result<Option<u64>> {
    let mut header = [0; HEADER];
    if !read(&mut log, &mut header)? || header == [0; HEADER] {
        return Ok(None);
    }
    let magic = word(&header, 0);
    let mut sum = Sum { big_endian: magic & 1 == 1, value: (0, 0) };
    sum.add(&header[..24]);
    let page = word(&header, 8) as usize;
    if magic & !1 != MAGIC || !sum.is(&header[24..]) || !(512..=65536).contains(&page) {
        return Ok(Some(0));
    }
    let salts = &header[16..24];
    let mut frame = vec![0; FRAME_HEADER + page];
    let (mut good, mut broken) = (0, false);
    while read(&mut log, &mut frame)? {
        let (head, content) = frame.split_at(FRAME_HEADER);
        // The sum runs on from the one that the frame before says, which is its
        // own as long as all is good.
        sum.add(&head[..8]);
        sum.add(content);
        let is_right = head[8..16] == *salts && sum.is(&head[16..]);
        sum.value = (word(head, 16), word(head, 20));
        broken |= !is_right;
        good += u64::from(!broken);
        // Frames of an older log may follow, with other salts; and the frames of
        // a transaction whose process was killed, of which the last one is wrong.
        if broken && is_right && word(head, 4) != 0 {
            return Ok(Some(good));
        }
    }
    Ok(None)
}

/// Fills `buffer`; false at the end of the log, also within a frame.
fn read(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |word, &byte| word << 8 | u32::from(byte))
}

/// The checksum that runs through a log.
struct Sum {
    big_endian: bool,
    value: (u32, u32),
}

// === impl Sum ===

impl Sum {
    /// Adds a multiple of eight bytes.
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let read = |at| {
                let word = word(pair, at);
                if self.big_endian { word } else { word.swap_bytes() }
            };
            let (first, second) = (read(0), read(4));
            self.value.0 = self.value.0.wrapping_add(first).wrapping_add(self.value.1);
            self.value.1 = self.value.1.wrapping_add(second).wrapping_add(self.value.0);
        }
    }

    fn is(&self, bytes: &[u8]) -> bool {
        self.value == (word(bytes, 0), word(bytes, 4))
    }
}

#[cfg(test)]
mod tests;
