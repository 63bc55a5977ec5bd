#![no_main]

use wazo_auth_tests::fuzz::{built_libraries, http};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http::run(bytes, built_libraries));
