#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| palco_fuzz::offer(data));
