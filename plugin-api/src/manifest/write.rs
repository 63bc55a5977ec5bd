//! Builds a manifest while the plugin is compiled.

use super::{API_VERSION, BUILD, HEADER, MAGIC, TARGET, VERSION};

/// What the export macro knows of the plugin's crate.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Name of the crate.
    pub package: &'static str,
    /// Version of the crate.
    pub version: &'static str,
    /// Whether a panic unwinds.
    pub unwinds: bool,
    /// Kind and name of each plugin.
    pub plugins: &'static [(&'static str, &'static str)],
}

/// The number of bytes that [`bytes`] needs.
#[doc(hidden)]
#[must_use]
pub const fn length(source: &Source) -> usize {
    write::<0>(source).at
}

/// The manifest; `N` must be its [`length`].
#[doc(hidden)]
#[must_use]
pub const fn bytes<const N: usize>(source: &Source) -> [u8; N] {
    write::<N>(source).bytes
}

/// Counts everything, keeps what fits.
struct Writer<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

#[allow(clippy::cast_possible_truncation, reason = "a manifest has some hundred bytes")]
const fn write<const N: usize>(source: &Source) -> Writer<N> {
    let mut out = Writer { bytes: [0; N], at: 0 };
    out.raw(&(N as u32).to_le_bytes());
    out.raw(&MAGIC);
    out.raw(&VERSION.to_le_bytes());
    debug_assert!(out.at == HEADER);

    out.raw(b"{\"plugin_api\":");
    out.text(API_VERSION);
    out.raw(b",\"crate\":{\"name\":");
    out.text(source.package);
    out.raw(b",\"version\":");
    out.text(source.version);
    out.raw(b"},\"target\":");
    out.text(TARGET);
    out.raw(b",\"panic\":");
    out.text(if source.unwinds { "unwind" } else { "abort" });
    out.raw(b",\"build\":");
    out.text(BUILD);
    out.raw(b",\"plugins\":[");
    let mut index = 0;
    while index < source.plugins.len() {
        let (kind, name) = source.plugins[index];
        check_name(name);
        check_single(source.plugins, index);
        out.raw(if index == 0 { b"{\"kind\":" } else { b",{\"kind\":" });
        out.text(kind);
        out.raw(b",\"name\":");
        out.text(name);
        out.raw(b",\"version\":");
        out.text(source.version);
        out.raw(b"}");
        index += 1;
    }
    out.raw(b"]}");
    out
}

/// Stops the compilation of a plugin whose name cannot be written in YAML and
/// URLs as it is.
#[allow(clippy::panic, reason = "runs in the compiler: the panic is the error message")]
const fn check_name(name: &str) {
    let name = name.as_bytes();
    assert!(!name.is_empty(), "a plugin's name is empty");
    let mut index = 0;
    while index < name.len() {
        assert!(
            matches!(name[index], b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-'),
            "a plugin's name holds letters a-z, digits, `_` and `-` only"
        );
        index += 1;
    }
}

/// Stops the compilation of a file that offers two plugins of the same kind and
/// name: nobody could have the second one.
#[allow(clippy::panic, reason = "runs in the compiler: the panic is the error message")]
const fn check_single(plugins: &[(&str, &str)], index: usize) {
    let mut before = 0;
    while before < index {
        assert!(
            !(is_same(plugins[before].0, plugins[index].0)
                && is_same(plugins[before].1, plugins[index].1)),
            "two plugins of the same kind have the same name"
        );
        before += 1;
    }
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

// === impl Writer ===

impl<const N: usize> Writer<N> {
    const fn push(&mut self, byte: u8) {
        if self.at < N {
            self.bytes[self.at] = byte;
        }
        self.at += 1;
    }

    const fn raw(&mut self, bytes: &[u8]) {
        let mut index = 0;
        while index < bytes.len() {
            self.push(bytes[index]);
            index += 1;
        }
    }

    /// A JSON text, with quotes.
    const fn text(&mut self, text: &str) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let text = text.as_bytes();
        self.push(b'"');
        let mut index = 0;
        while index < text.len() {
            match text[index] {
                byte @ (b'"' | b'\\') => self.raw(&[b'\\', byte]),
                byte @ 0..0x20 => {
                    self.raw(b"\\u00");
                    self.push(HEX[(byte >> 4) as usize]);
                    self.push(HEX[(byte & 15) as usize]);
                }
                byte => self.push(byte),
            }
            index += 1;
        }
        self.push(b'"');
    }
}
