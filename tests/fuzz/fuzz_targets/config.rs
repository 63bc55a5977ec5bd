#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wazo_auth_tests::fuzz::config::run(bytes));
