//! Records what this crate is compiled by and for, as text for the manifest.

use std::process::Command;

#[allow(clippy::disallowed_methods, reason = "cargo tells a build script everything this way")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUSTC");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();

    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().ok();
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.as_deref().map_or("an unknown compiler", str::trim);
    println!("cargo:rustc-env=WAZO_AUTH_PLUGIN_BUILD={version}");

    let parts = ["CARGO_CFG_TARGET_ARCH", "CARGO_CFG_TARGET_OS", "CARGO_CFG_TARGET_ENV"];
    let target = parts.map(variable).join("-");
    println!("cargo:rustc-env=WAZO_AUTH_PLUGIN_TARGET={}", target.trim_end_matches('-'));
}
