//! The border itself: the only types that plugin and daemon share in memory.
//!
//! Frozen as it is in memory. No type here ever changes: what is to grow grows in
//! the JSON of the frames (see [`crate::wire`]), where a new method, field or
//! service disturbs nobody. A number of [`kind`] may be added: who does not know
//! it takes it for [`kind::OTHER`]. `promise/abi.txt` records it, byte by byte, and
//! a test compares.
//!
//! A plugin author has no use for this module; it is public because the daemon's
//! loader reads it. The promise that source which compiles against 1.x compiles
//! against all later ones does not cover it: of what abi_stable makes of these
//! types, another version may make something else.

#![allow(
    missing_docs,
    non_camel_case_types,
    non_local_definitions,
    clippy::all,
    reason = "code made by abi_stable's macros"
)]
#![allow(unsafe_code, reason = "abi_stable's macros implement its unsafe traits")]

use abi_stable::{
    StableAbi,
    library::RootModule,
    package_version_strings, sabi_trait,
    sabi_types::VersionStrings,
    std_types::{RBox, RResult, RSlice, RStr, RString, RVec},
};

/// What an answer is made of: a JSON head and, for few methods, raw bytes.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct Frame {
    /// JSON text.
    pub head: RString,
    /// Raw bytes that go with it, usually none.
    pub body: RVec<u8>,
}

/// Why there is no answer.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct Failure {
    /// One of the numbers of [`kind`]; an unknown number means [`kind::OTHER`].
    pub kind: u32,
    /// A sentence for the person who reads the daemon's log.
    pub text: RString,
}

/// The numbers of [`Failure::kind`].
pub mod kind {
    /// Nothing more precise is known.
    pub const OTHER: u32 = 0;
    /// The code panicked; the text is the panic's.
    pub const PANIC: u32 = 1;
    /// The method, kind or service is not known on the other side.
    pub const UNSUPPORTED: u32 = 2;
    /// The plugin's configuration is wrong.
    pub const CONFIG: u32 = 3;
    /// A frame could not be read.
    pub const MALFORMED: u32 = 4;
    /// The credentials are refused: 401.
    pub const UNAUTHORIZED: u32 = 5;
    /// What was asked for does not exist.
    pub const NOT_FOUND: u32 = 6;
    /// Too much to do at the moment.
    pub const BUSY: u32 = 7;
    /// Something did not answer in time.
    pub const TIMED_OUT: u32 = 8;
    /// The daemon failed while it served the plugin.
    pub const HOST: u32 = 9;
    /// The request is answered with an error of the API, and the text is its JSON:
    /// `{"status": 404, "error_id": "unknown-thing", "message": "…", "resource":
    /// "things", "details": {…}}`, of which `status` (400 to 599) alone must be
    /// there. See [`ApiError`](crate::ApiError).
    pub const API: u32 = 10;
}

/// One plugin, made by the `create` function of a [`PluginModule`].
#[sabi_trait]
pub trait PluginApi: Send + Sync + 'static {
    /// Runs one method.
    #[sabi(last_prefix_field)]
    fn call(
        &self,
        method: RStr<'_>,
        head: RStr<'_>,
        body: RSlice<'_, u8>,
    ) -> RResult<Frame, Failure>;
}

/// The daemon, as one plugin sees it.
#[sabi_trait]
pub trait HostApi: Send + Sync + 'static {
    /// Runs one service of the daemon.
    fn call(
        &self,
        service: RStr<'_>,
        head: RStr<'_>,
        body: RSlice<'_, u8>,
    ) -> RResult<Frame, Failure>;

    /// Writes one line to the daemon's log; `level`: 1 error, 2 warning,
    /// 3 information, 4 debug, 5 trace.
    #[sabi(last_prefix_field)]
    fn log(&self, level: u32, target: RStr<'_>, text: RStr<'_>);
}

/// A plugin object; dropping it runs the plugin's own destructor.
pub type PluginBox = PluginApi_TO<RBox<()>>;

/// A host object, given to one plugin.
pub type HostBox = HostApi_TO<RBox<()>>;

/// What every plugin file exports: one function.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModule_Ref)))]
pub struct PluginModule {
    /// Makes one plugin: kind, name, configuration (JSON), host.
    #[sabi(last_prefix_field)]
    pub create: extern "C" fn(
        kind: RStr<'_>,
        name: RStr<'_>,
        config: RStr<'_>,
        host: HostBox,
    ) -> RResult<PluginBox, Failure>,
}

// === impl PluginModule_Ref ===

impl RootModule for PluginModule_Ref {
    abi_stable::declare_root_module_statics! {PluginModule_Ref}
    const BASE_NAME: &'static str = "wazo_auth_plugin";
    const NAME: &'static str = "wazo_auth_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
