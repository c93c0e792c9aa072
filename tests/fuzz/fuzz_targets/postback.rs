#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| hopline_tests::fuzz::postback(data));
