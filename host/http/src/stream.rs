//! A client's stream that does not wait for ever.

use std::{
    future::Future,
    io::{self, ErrorKind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use crate::connections::Seat;

/// A client has the time of `rest_api.timeouts.answer` for so much of one.
const CHUNK: usize = 64 * 1024;
/// How long, and how much, is read after the end from a client that still
/// sends: closed at once, its system would throw away the answer that it has
/// not read yet. Who sends nothing for a while has ended.
const LINGER: Duration = Duration::from_secs(2);
const QUIET: Duration = Duration::from_millis(200);
const MOST_LINGERING: usize = 1024 * 1024;

/// A stream whose writes fail once the other side has taken too little for too
/// long, and whose end waits a little for a client that still sends.
pub(crate) struct Patient<S> {
    stream: S,
    seat: Arc<Seat>,
    patience: Duration,
    stall: Option<Stall>,
    linger: Option<Linger>,
}

/// The client does not take what is written.
struct Stall {
    until: Pin<Box<Sleep>>,
    /// Taken since this time began.
    taken: usize,
}

struct Linger {
    quiet: Pin<Box<Sleep>>,
    end: Instant,
    left: usize,
}

// === impl Patient ===

impl<S> Patient<S> {
    /// Writes to `stream` fail after `patience` without progress; `seat` is
    /// told while the client does not take what is there for it.
    pub(crate) fn new(stream: S, seat: Arc<Seat>, patience: Duration) -> Self {
        Self { stream, seat, patience, stall: None, linger: None }
    }

    /// Passes on what came of a write of `taken` bytes.
    fn wrote(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => return self.wait(context).map(Err),
            Poll::Ready(Ok(taken)) => self.took(*taken),
            Poll::Ready(Err(_)) => {}
        }
        written
    }

    /// Ready with an error once the client has had its time.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let stall = self.stall.get_or_insert_with(|| {
            self.seat.stalled(true);
            Stall { until: timer(self.patience), taken: 0 }
        });
        ready!(stall.until.as_mut().poll(context));
        let text = "the client did not take its answer in time (rest_api.timeouts.answer)";
        Poll::Ready(io::Error::new(ErrorKind::TimedOut, text))
    }

    fn took(&mut self, bytes: usize) {
        let Some(stall) = &mut self.stall else { return };
        stall.taken += bytes;
        if stall.taken >= CHUNK {
            *stall = Stall { until: timer(self.patience), taken: 0 };
        }
    }

    /// Everything that was written is on its way.
    fn flushed(&mut self) {
        if self.stall.take().is_some() {
            self.seat.stalled(false);
        }
    }
}

impl<S: AsyncRead + Unpin> Patient<S> {
    /// Reads for nothing what the client still sends, until it ends or is quiet.
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Linger {
            quiet: timer(QUIET),
            end: Instant::now() + LINGER,
            left: MOST_LINGERING,
        });
        let mut space = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return linger.quiet.as_mut().poll(context),
            }
            linger.left = linger.left.saturating_sub(buffer.filled().len());
            let now = Instant::now();
            if linger.left == 0 || now >= linger.end {
                return Poll::Ready(());
            }
            linger.quiet.as_mut().reset(linger.end.min(now + QUIET));
        }
    }
}

fn timer(time: Duration) -> Pin<Box<Sleep>> {
    // Beyond what the clock can tell, it is never.
    let now = Instant::now();
    let never = || now + Duration::from_secs(86_400 * 365);
    Box::pin(sleep_until(now.checked_add(time).unwrap_or_else(never)))
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Pending => self.wait(context).map(Err),
            Poll::Ready(flushed) => {
                self.flushed();
                Poll::Ready(flushed)
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            match Pin::new(&mut self.stream).poll_shutdown(context) {
                Poll::Pending => return self.wait(context).map(Err),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) => self.flushed(),
            }
        }
        self.linger(context).map(Ok)
    }
}
