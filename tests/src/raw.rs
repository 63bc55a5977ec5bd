//! Requests and answers byte by byte, for what no proper client would send.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::Daemon;

const PATIENCE: Duration = Duration::from_secs(60);

impl Daemon {
    /// Sends `bytes` over a connection of their own and reads until the daemon
    /// closes it (which `Connection: close` asks for): head and body as they
    /// came, one Latin-1 character per byte.
    ///
    /// # Panics
    /// When the daemon cannot be reached.
    #[must_use]
    pub fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.url().trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A daemon that has seen enough may answer and close before the end.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer.into_iter().map(char::from).collect()
    }

    /// Sends `bytes`, says that no more will come, and reads what the daemon
    /// answers, if it does.
    ///
    /// # Panics
    /// When the daemon cannot be reached.
    pub fn cut_off(&self, bytes: &[u8]) -> String {
        let address = self.url().split("//").nth(1).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer.into_iter().map(char::from).collect()
    }

    /// Like [`raw`](Self::raw), for a request line, header lines and a body;
    /// length and end of the connection are added.
    #[must_use]
    pub fn raw_request(&self, line: &str, headers: &[&[u8]], body: &[u8]) -> String {
        let mut bytes =
            format!("{line} HTTP/1.1\r\nHost: auth\r\nConnection: close\r\n").into_bytes();
        for header in headers {
            bytes.extend_from_slice(header);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
        self.raw(&bytes)
    }
}
