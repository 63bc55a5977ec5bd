//! The daemon with the plugins of `tests/third-party/diagnostic`.

use wazo_auth_tests::{Setup, third_party};

/// The daemon with these settings and the diagnostic plugins at hand.
pub fn setup(config: &str) -> Setup {
    Setup::default().plugin(third_party("diagnostic", "diagnostic")).config(config)
}

/// The daemon with these identity providers: name and priority.
pub fn providers(enabled: &[(&str, u8)]) -> Setup {
    let entry =
        |(name, priority): &(&str, u8)| format!("{name}: {{enabled: true, priority: {priority}}}");
    let entries: Vec<String> = enabled.iter().map(entry).collect();
    setup(&format!("idp_plugins: {{{}}}", entries.join(", ")))
}
