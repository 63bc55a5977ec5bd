//! Backends that do harm, each in its own way, when they verify a password; two
//! do it earlier. `docs/isolation.md` says what becomes of the daemon.

mod acts;
mod raw;

use wazo_auth_plugin_api::{
    abi::PluginBox,
    export::{Header, Library, backend, header, no_such},
    manifest::{self, Source},
    prelude::*,
};

/// One backend per number: what it does is in [`ACTS`].
struct Harms<const NUMBER: usize>(Host);

type Act = fn(&Host) -> Result<bool>;

impl<const NUMBER: usize> Backend for Harms<NUMBER> {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        if ACTS[NUMBER].0 == "aborts_in_constructor" {
            std::process::abort();
        }
        Ok(Self(host))
    }

    fn verify_password(&self, _login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
        (ACTS[NUMBER].1)(&self.0)
    }

    fn get_acl(&self, _login: &str, _args: &mut Args) -> Result<Vec<String>> {
        panic!("a panic in get_acl")
    }

    fn get_metadata(&self, _login: &str, _args: &mut Args) -> Result<Map> {
        panic!("a panic in get_metadata")
    }

    fn get_persistent_metadata(&self, _login: &str, _args: &mut Args) -> Result<Map> {
        panic!("a panic in get_persistent_metadata")
    }
}

/// What `export_plugins!` writes, for one type with many names and for answers
/// that are not of the SDK.
macro_rules! harms {
    ($($number:literal $name:literal => $act:expr,)+ ; $($raw:literal => $answer:expr,)+) => {
        static ACTS: &[(&str, Act)] = &[$(($name, $act)),+];

        const SOURCE: Source = Source {
            package: "harms",
            version: "0.0.1",
            unwinds: cfg!(panic = "unwind"),
            plugins: &[$(("backend", $name),)+ $(("backend", $raw),)+],
        };

        struct Harm;

        impl Library for Harm {
            fn create(kind: &str, name: &str, config: &str, host: Host) -> Result<PluginBox> {
                std::hint::black_box(&MANIFEST);
                match name {
                    $($name => backend::<Harms<$number>>(config, host),)+
                    $($raw => Ok(raw::object($answer)),)+
                    _ => Err(no_such(kind, name)),
                }
            }
        }
    };
}

harms! {
    0 "panics_everywhere" => |_| panic!("a panic in verify_password"),
    1 "panics_in_drop" => acts::panic_in_drop,
    2 "aborts_in_constructor" => |_| Ok(true),
    3 "segfaults" => acts::segfault,
    4 "loops" => acts::loop_for_ever,
    5 "sleeps" => acts::sleep_for_ever,
    6 "thread_panics" => acts::panic_in_a_thread,
    7 "leaks_threads" => acts::leak_threads,
    8 "exits" => |_| std::process::exit(0),
    9 "closes_files" => acts::close_files,
    10 "changes_folder" => acts::change_folder,
    11 "replaces_signals" => acts::replace_signals,
    12 "recurses" => |_| Ok(acts::recurse(0) == 0),
    13 "floods_log" => acts::flood_the_log,
    14 "floods_output" => acts::flood_the_output,
    15 "asks_for_ever" => acts::ask_for_ever,
    16 "aborts_when_opened" => |_| Ok(true),
    ;
    "answers_1_gb" => raw::gigabyte,
    "invalid_json" => || raw::text("{\"verified\": tru"),
    "invalid_utf8" => raw::invalid_utf8,
    "wrong_types" => || raw::text("{\"verified\": \"perhaps\", \"args\": 7}"),
    "deep_nesting" => raw::deep,
}

const LENGTH: usize = manifest::length(&SOURCE);

#[used]
#[unsafe(link_section = ".wazo_auth_plugin")]
static MANIFEST: [u8; LENGTH] = manifest::bytes(&SOURCE);

#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
static HEADER: Header = header::<Harm>();

/// Runs when the library is opened; does harm in the file of that name only.
#[used]
#[unsafe(link_section = ".init_array")]
static OPENED: extern "C" fn() = opened;

extern "C" fn opened() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    if maps.contains("libaborts_when_opened.so") {
        std::process::abort();
    }
}
