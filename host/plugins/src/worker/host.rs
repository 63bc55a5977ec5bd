//! The daemon as the plugin sees it, in a process of its own.

use std::{sync::Arc, time::Instant};

use abi_stable::std_types::{RResult, RSlice, RStr};
use parking_lot::Mutex;
use wazo_auth_plugin_api::{
    ErrorKind,
    abi::{Failure, Frame, HostApi, kind},
};

use super::{CURRENT, Desk};
use crate::{
    frame::What,
    host::{LOST_LINES, MAX_LINE},
    noise::Noise,
    reply::check_request,
    text::shortened,
};

/// Where services are and the log is.
pub(super) struct Daemon {
    desk: Arc<Desk>,
    /// What is too much never leaves the process.
    noise: Mutex<Noise>,
}

// === impl Daemon ===

impl Daemon {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self { desk, noise: Mutex::new(Noise::new(Instant::now())) }
    }

    fn ask(&self, service: &str, head: &str, body: &[u8]) -> Result<Frame, Failure> {
        check_request(service, head, body).map_err(|text| {
            let kind = ErrorKind::Malformed.number();
            Failure { kind, text: text.into() }
        })?;
        // In a call it is served by the thread that made the call.
        let answer = match CURRENT.get() {
            0 => self.desk.side.ask(self.desk.side.number(), service, head, body),
            call => self.desk.calls.ask(call, service, head, body),
        };
        match answer {
            Some(frame) if frame.what == What::Served => {
                Ok(Frame { head: frame.head.into(), body: frame.body.into() })
            }
            Some(frame) => Err(Failure { kind: frame.code, text: frame.head.into() }),
            None => Err(Failure { kind: kind::HOST, text: "the daemon is gone".into() }),
        }
    }

    fn say(&self, level: u32, target: &str, text: &str) {
        let (connection, id) = match CURRENT.get() {
            0 => (&self.desk.side, 0),
            call => (&self.desk.calls, call),
        };
        connection.send(What::Log, level, id, target, shortened(text, 4 * MAX_LINE), &[]);
    }
}

impl HostApi for Daemon {
    fn call(
        &self,
        service: RStr<'_>,
        head: RStr<'_>,
        body: RSlice<'_, u8>,
    ) -> RResult<Frame, Failure> {
        self.ask(service.as_str(), head.as_str(), body.as_slice()).into()
    }

    fn log(&self, level: u32, target: RStr<'_>, text: RStr<'_>) {
        let Some(lost) = self.noise.lock().admit(Instant::now()) else { return };
        if lost > 0 {
            self.say(log::Level::Warn as u32, LOST_LINES, &format!("{lost} lines are lost"));
        }
        self.say(level, target.as_str(), text.as_str());
    }
}
