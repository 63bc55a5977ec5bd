//! Plugins with tables of C: `plugin-api/include/wazo_auth_plugin.h`, which
//! says who frees what and which thread runs what.
//!
//! The table is turned into the object that a plugin in Rust gives, so that
//! nothing else of the daemon knows of it. The other place of this crate with
//! `unsafe` code: whatever C can get wrong and we can see becomes a sentence.

use std::{borrow::Cow, ffi::c_void, mem, ptr, slice};

use abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice, RStr, RString, RVec},
};
use wazo_auth_plugin_api::abi::{
    Failure, Frame, HostBox, PluginApi, PluginApi_TO, PluginBox, kind,
};

use crate::reply::{MAX_BODY, MAX_HEAD};

/// The name of the table in a file.
pub(super) const SYMBOL: &str = "wazo_auth_plugin_table";
/// The version of the tables.
const VERSION: u32 = 1;
/// Most bytes that are read of the text of a failure.
const MAX_TEXT: usize = 64 * 1024;

/// `wazo_auth_bytes`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Bytes {
    data: *const u8,
    length: usize,
}

/// `wazo_auth_reply`.
#[repr(C)]
struct Reply {
    failed: u32,
    kind: u32,
    head: Bytes,
    body: Bytes,
    owner: *mut c_void,
}

/// `wazo_auth_host`.
#[repr(C)]
struct HostTable {
    version: u32,
    size: u32,
    call: extern "C" fn(*const Host, Bytes, Bytes, Bytes, *mut Reply),
    free_reply: extern "C" fn(*const Host, *mut Reply),
    log: extern "C" fn(*const Host, u32, Bytes, Bytes),
}

/// What a plugin has for its host: the table, and behind it what is ours.
#[repr(C)]
struct Host {
    table: HostTable,
    object: HostBox,
}

type Create = unsafe extern "C" fn(Bytes, Bytes, Bytes, *const Host, *mut Reply) -> *mut c_void;
type Call = unsafe extern "C" fn(*mut c_void, Bytes, Bytes, Bytes, *mut Reply);
type Destroy = unsafe extern "C" fn(*mut c_void);
type FreeReply = unsafe extern "C" fn(*mut Reply);

/// `wazo_auth_plugin_table_v1`, as a file has it.
#[repr(C)]
struct Exported {
    version: u32,
    size: u32,
    create: Option<Create>,
    call: Option<Call>,
    destroy: Option<Destroy>,
    free_reply: Option<FreeReply>,
}

/// A table in which nothing is missing.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    create: Create,
    call: Call,
    destroy: Destroy,
    free_reply: FreeReply,
}

/// A plugin that a table made.
struct Plugin {
    table: Table,
    plugin: *mut c_void,
}

// === impl Bytes ===

impl Bytes {
    const NONE: Self = Self { data: ptr::null(), length: 0 };

    fn of(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr(), length: bytes.len() }
    }

    /// The bytes, if there are no more than `most`.
    ///
    /// # Safety
    /// Unless `data` is null, it must lead to `length` bytes that nobody
    /// changes during `'a`.
    #[allow(unsafe_code, reason = "trusts the length that C gives")]
    unsafe fn get<'a>(self, what: &str, most: usize) -> Result<&'a [u8], Failure> {
        let Self { data, length } = self;
        match (length, data.is_null()) {
            (0, _) => Ok(&[]),
            (_, true) => Err(malformed(format!("{what} has {length} bytes, but leads nowhere"))),
            (_, false) if length > most => {
                Err(malformed(format!("{what} has {length} bytes, at most {most} are read")))
            }
            // SAFETY: not null and short; for the rest the caller answers.
            (_, false) => Ok(unsafe { slice::from_raw_parts(data, length) }),
        }
    }

    /// The same as text.
    ///
    /// # Safety
    /// As of [`Bytes::get`].
    #[allow(unsafe_code, reason = "trusts the length that C gives")]
    unsafe fn text<'a>(self, what: &str, most: usize) -> Result<&'a str, Failure> {
        // SAFETY: the caller's.
        let bytes = unsafe { self.get(what, most) }?;
        std::str::from_utf8(bytes).map_err(|_| malformed(format!("{what} is not valid UTF-8")))
    }

    /// As much of it as can be shown.
    ///
    /// # Safety
    /// As of [`Bytes::get`].
    #[allow(unsafe_code, reason = "trusts the length that C gives")]
    unsafe fn words<'a>(self, most: usize) -> Cow<'a, str> {
        let shortened = Self { length: self.length.min(most), ..self };
        // SAFETY: the caller's; it is no longer than it was.
        let bytes = unsafe { shortened.get("a text", most) };
        String::from_utf8_lossy(bytes.unwrap_or_default())
    }
}

fn malformed(text: String) -> Failure {
    Failure { kind: kind::MALFORMED, text: text.into() }
}

// === impl Reply ===

impl Reply {
    const EMPTY: Self =
        Self { failed: 0, kind: 0, head: Bytes::NONE, body: Bytes::NONE, owner: ptr::null_mut() };

    /// What a plugin filled in.
    ///
    /// # Safety
    /// Its bytes must be there, and must not change meanwhile.
    #[allow(unsafe_code, reason = "trusts the lengths that C gives")]
    unsafe fn read(&self) -> Result<Frame, Failure> {
        if self.failed != 0 {
            // SAFETY: the caller's.
            return Err(unsafe { self.failure() });
        }
        // SAFETY: the caller's.
        let head = unsafe { self.head.text("the head of its answer", MAX_HEAD) }?;
        // SAFETY: the caller's.
        let body = unsafe { self.body.get("the body of its answer", MAX_BODY) }?;
        Ok(Frame { head: head.into(), body: RVec::from(body) })
    }

    /// # Safety
    /// As of [`Reply::read`].
    #[allow(unsafe_code, reason = "trusts the lengths that C gives")]
    unsafe fn failure(&self) -> Failure {
        // SAFETY: the caller's.
        let text = unsafe { self.head.words(MAX_TEXT) };
        let text = if text.is_empty() { "it gives no reason" } else { &text };
        Failure { kind: self.kind, text: text.into() }
    }
}

// === impl Table ===

impl Table {
    /// The table at the address of a symbol, if it is whole.
    ///
    /// # Safety
    /// There must be a table, or something of another version and size, and it
    /// must stay for ever.
    #[allow(unsafe_code, reason = "trusts the type of a symbol")]
    pub(super) unsafe fn read(symbol: *const u8) -> Result<Self, String> {
        // A table never moves, but may stand anywhere when it is not C's.
        // SAFETY: two numbers stand in front, whatever the version.
        let [version, size] = unsafe { symbol.cast::<[u32; 2]>().read_unaligned() };
        if (version, size) != (VERSION, size_of::<Exported>() as u32) {
            return Err(format!(
                "exports a plugin table of version {version} and {size} bytes, this daemon reads \
                 version {VERSION} of {} bytes",
                size_of::<Exported>()
            ));
        }
        // SAFETY: version and size say that it is one of these.
        let exported = unsafe { symbol.cast::<Exported>().read_unaligned() };
        let missing = |name| format!("exports a plugin table without the function `{name}`");
        Ok(Self {
            create: exported.create.ok_or_else(|| missing("create"))?,
            call: exported.call.ok_or_else(|| missing("call"))?,
            destroy: exported.destroy.ok_or_else(|| missing("destroy"))?,
            free_reply: exported.free_reply.ok_or_else(|| missing("free_reply"))?,
        })
    }

    /// Makes one plugin.
    #[allow(unsafe_code, reason = "calls C")]
    pub(super) fn create(
        self,
        kind: &str,
        name: &str,
        config: &str,
        host: HostBox,
    ) -> Result<PluginBox, Failure> {
        // For ever: threads of the plugin's own may use it whenever they like.
        let host: *const Host = Box::leak(Box::new(Host { table: HOST, object: host }));
        let [kind, name, config] = [kind, name, config].map(|text| Bytes::of(text.as_bytes()));
        let mut reply = Reply::EMPTY;
        // SAFETY: as the header says: all of it is there until the call returns.
        let plugin = unsafe { (self.create)(kind, name, config, host, &raw mut reply) };
        let made = if plugin.is_null() {
            // SAFETY: the plugin has filled it in.
            Err(unsafe { reply.failure() })
        } else {
            Ok(PluginApi_TO::from_value(Plugin { table: self, plugin }, TD_Opaque))
        };
        // SAFETY: once, and nothing of it is used any more.
        unsafe { (self.free_reply)(&raw mut reply) };
        made
    }
}

// === impl Plugin ===

// SAFETY: the header says that any thread may call, and several at a time.
#[allow(unsafe_code, reason = "the header demands it of the plugin")]
unsafe impl Send for Plugin {}
// SAFETY: as above.
#[allow(unsafe_code, reason = "the header demands it of the plugin")]
unsafe impl Sync for Plugin {}

impl PluginApi for Plugin {
    #[allow(unsafe_code, reason = "calls C")]
    fn call(
        &self,
        method: RStr<'_>,
        head: RStr<'_>,
        body: RSlice<'_, u8>,
    ) -> RResult<Frame, Failure> {
        let [method, head] = [method, head].map(|text| Bytes::of(text.as_str().as_bytes()));
        let body = Bytes::of(body.as_slice());
        let mut reply = Reply::EMPTY;
        // SAFETY: the plugin is made and not destroyed; the rest is there until
        // the call returns.
        unsafe { (self.table.call)(self.plugin, method, head, body, &raw mut reply) };
        // SAFETY: the plugin has filled it in.
        let answer = unsafe { reply.read() };
        // SAFETY: once, and nothing of it is used any more.
        unsafe { (self.table.free_reply)(&raw mut reply) };
        answer.into()
    }
}

impl Drop for Plugin {
    #[allow(unsafe_code, reason = "calls C")]
    fn drop(&mut self) {
        // SAFETY: once; who drops it has no call under way.
        unsafe { (self.table.destroy)(self.plugin) };
    }
}

// === impl Host ===

/// What holds the bytes of an answer of ours.
type Owner = (RString, RVec<u8>);

/// What plugins call.
const HOST: HostTable = HostTable {
    version: VERSION,
    size: size_of::<HostTable>() as u32,
    call: host_call,
    free_reply: host_free_reply,
    log: host_log,
};

#[allow(unsafe_code, reason = "called by C")]
extern "C" fn host_call(
    host: *const Host,
    service: Bytes,
    head: Bytes,
    body: Bytes,
    reply: *mut Reply,
) {
    // SAFETY: it is the one that `create` was given, which stays for ever.
    let host = unsafe { host.as_ref() };
    // SAFETY: the plugin's own, which nobody else uses meanwhile.
    let reply = unsafe { reply.as_mut() };
    let (Some(host), Some(reply)) = (host, reply) else { return };
    // SAFETY: there until this call returns, as the header demands.
    let answer = unsafe { ask(host, service, head, body) };
    let (failed, kind, head, body) = match answer {
        Ok(Frame { head, body }) => (0, 0, head, body),
        Err(failure) => (1, failure.kind, failure.text, RVec::new()),
    };
    let owner: Box<Owner> = Box::new((head, body));
    let (head, body) = (Bytes::of(owner.0.as_bytes()), Bytes::of(&owner.1));
    *reply = Reply { failed, kind, head, body, owner: Box::into_raw(owner).cast() };
}

/// # Safety
/// The bytes must be there.
#[allow(unsafe_code, reason = "trusts the lengths that C gives")]
unsafe fn ask(host: &Host, service: Bytes, head: Bytes, body: Bytes) -> Result<Frame, Failure> {
    // SAFETY: the caller's, three times.
    let service = unsafe { service.text("the name of the service", MAX_HEAD) }?;
    // SAFETY: as above.
    let head = unsafe { head.text("the head of what is asked", MAX_HEAD) }?;
    // SAFETY: as above.
    let body = unsafe { body.get("the body of what is asked", MAX_BODY) }?;
    let answer = host.object.call(RStr::from(service), RStr::from(head), RSlice::from(body));
    answer.into_result()
}

#[allow(unsafe_code, reason = "called by C")]
extern "C" fn host_free_reply(_host: *const Host, reply: *mut Reply) {
    // SAFETY: the plugin's own, which nobody else uses meanwhile.
    let Some(reply) = (unsafe { reply.as_mut() }) else { return };
    let owner = mem::replace(reply, Reply::EMPTY).owner;
    if !owner.is_null() {
        // SAFETY: `host_call` made it, and it was in this one reply only.
        drop(unsafe { Box::from_raw(owner.cast::<Owner>()) });
    }
}

#[allow(unsafe_code, reason = "called by C")]
extern "C" fn host_log(host: *const Host, level: u32, target: Bytes, text: Bytes) {
    // SAFETY: it is the one that `create` was given, which stays for ever.
    let Some(host) = (unsafe { host.as_ref() }) else { return };
    // SAFETY: there until this call returns, as the header demands.
    let (target, text) = unsafe { (target.words(MAX_TEXT), text.words(MAX_TEXT)) };
    host.object.log(level, RStr::from(&*target), RStr::from(&*text));
}
