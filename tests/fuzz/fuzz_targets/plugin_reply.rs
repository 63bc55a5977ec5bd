#![no_main]

use wazo_auth_tests::fuzz::{built_libraries, plugin_reply};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| plugin_reply::run(bytes, built_libraries));
