//! What the backends do that are written as backends are.

use std::{hint::black_box, thread};

use wazo_auth_plugin_api::prelude::*;

unsafe extern "C" {
    fn close(file: i32) -> i32;
    fn signal(number: i32, handler: usize) -> usize;
}

/// `SIG_IGN`
const IGNORE: usize = 1;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a panic in a destructor");
    }
}

/// What is done is done; the login fails.
fn done() -> Result<bool> {
    Err(Error::other("the harm is done"))
}

pub fn panic_in_drop(_: &Host) -> Result<bool> {
    drop(Bomb);
    done()
}

pub fn segfault(_: &Host) -> Result<bool> {
    let nowhere = black_box(8_usize) as *mut u8;
    unsafe { nowhere.write_volatile(1) };
    done()
}

pub fn loop_for_ever(_: &Host) -> Result<bool> {
    loop {
        black_box(());
    }
}

pub fn sleep_for_ever(_: &Host) -> Result<bool> {
    loop {
        thread::park();
    }
}

pub fn panic_in_a_thread(_: &Host) -> Result<bool> {
    let panicked = thread::spawn(|| panic!("a panic in a thread")).join().is_err();
    if panicked { done() } else { Ok(true) }
}

pub fn leak_threads(_: &Host) -> Result<bool> {
    for _ in 0..200 {
        let builder = thread::Builder::new().stack_size(64 * 1024);
        builder.spawn(|| loop {
            thread::park();
        })?;
    }
    done()
}

pub fn close_files(_: &Host) -> Result<bool> {
    for file in 0..4096 {
        unsafe { close(file) };
    }
    done()
}

pub fn change_folder(_: &Host) -> Result<bool> {
    std::env::set_current_dir("/proc")?;
    done()
}

pub fn replace_signals(_: &Host) -> Result<bool> {
    for number in 1..32 {
        unsafe { signal(number, IGNORE) };
    }
    done()
}

#[allow(unconditional_recursion)]
pub fn recurse(depth: u64) -> u64 {
    let here = black_box([depth; 64]);
    recurse(here[7] + 1) + here[9]
}

pub fn flood_the_log(_: &Host) -> Result<bool> {
    loop {
        log::error!("a line that says nothing");
    }
}

pub fn flood_the_output(_: &Host) -> Result<bool> {
    use std::io::Write;
    let mut line = [b'x'; 1024];
    line[1023] = b'\n';
    for _ in 0..32 * 1024 {
        std::io::stderr().write_all(&line)?;
    }
    done()
}

pub fn ask_for_ever(host: &Host) -> Result<bool> {
    loop {
        // Whatever the answer is.
        let _ = black_box(host.verify_user_password("nobody", "x"));
    }
}
