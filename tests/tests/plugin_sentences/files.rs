//! Files that are no plugin, or not one that fits.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use wazo_auth_plugin_api::manifest::{self, API_VERSION, MAGIC, SECTION, TARGET};
use wazo_auth_tests::{plugin, third_party};

/// A folder of its own for the file of one row, which bears the plugin's name.
pub struct Place {
    pub folder: PathBuf,
    pub name: &'static str,
}

// === impl Place ===

impl Place {
    pub fn new(all: &Path, name: &'static str) -> Self {
        let folder = all.join(name);
        fs::create_dir(&folder).unwrap();
        chmod(&folder, 0o755);
        Self { folder, name }
    }

    /// The file that is looked at.
    pub fn file(&self) -> PathBuf {
        self.folder.join(format!("lib{}.so", self.name))
    }

    pub fn write(&self, bytes: &[u8]) {
        fs::write(self.file(), bytes).unwrap();
        chmod(&self.file(), 0o644);
    }

    /// A stock plugin with some bytes changed.
    pub fn altered(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(plugin("broken_init")).unwrap();
        change(&mut bytes);
        self.write(&bytes);
    }

    /// Compiles C text, with further arguments for the compiler.
    pub fn compile(&self, source: &str, arguments: &[&str]) {
        let source_file = self.folder.join("source.c");
        fs::write(&source_file, source).unwrap();
        run(Command::new("cc").args(arguments).arg("-o").arg(self.file()).arg(&source_file));
        chmod(&self.file(), 0o644);
    }

    /// A library in C with a manifest.
    pub fn library(&self, manifest: &Value, source: &str) {
        self.library_with(&section(1, manifest.to_string().as_bytes()), source);
    }

    /// A library in C with any bytes where the manifest should be.
    pub fn library_with(&self, section: &[u8], source: &str) {
        let bytes = section.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        let section = format!(
            "__attribute__((section(\"{SECTION}\"), used)) \
             static const unsigned char manifest[] = {{{bytes}}};\n"
        );
        self.compile(&(section + source), &["-shared", "-fPIC"]);
    }

    /// A manifest that fits, and offers a backend of the place's name.
    pub fn manifest(&self) -> Value {
        self.manifest_of("backend", self.name)
    }

    pub fn manifest_of(&self, kind: &str, name: &str) -> Value {
        json!({
            "plugin_api": API_VERSION,
            "crate": {"name": "example", "version": "1.0.0"},
            "target": TARGET,
            "panic": "unwind",
            "plugins": [{"kind": kind, "name": name, "version": "1.0.0"}],
        })
    }

    /// The same with one key changed.
    pub fn manifest_with(&self, key: &str, value: &str) -> Value {
        let mut manifest = self.manifest();
        manifest[key] = value.into();
        manifest
    }
}

/// The bytes of a manifest's section.
pub fn section(version: u32, text: &[u8]) -> Vec<u8> {
    let length = 4 + MAGIC.len() + 4 + text.len();
    let mut section = (length as u32).to_le_bytes().to_vec();
    section.extend(MAGIC);
    section.extend(version.to_le_bytes());
    section.extend(text);
    section
}

/// Replaces a part of a manifest by another of the same length.
pub fn replace(bytes: &mut [u8], old: &str, new: &str) {
    assert_eq!(old.len(), new.len());
    let at = bytes.windows(old.len()).position(|window| window == old.as_bytes()).unwrap();
    bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
}

pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// The backend `acts`.
pub fn acts() -> PathBuf {
    third_party("acts", "acts")
}

/// The same, in a build whose panics abort. Only the plugin itself is compiled
/// that way, as its author's profile would: what it uses is there already.
pub fn aborting(to: &Path) {
    let built = acts();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("third-party/acts");
    let target = built.ancestors().nth(2).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--message-format=json"])
        .current_dir(&source)
        .env("CARGO_TARGET_DIR", target)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let artifacts = String::from_utf8(output.stdout).unwrap();
    let artifacts = artifacts.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let api = artifacts.filter(|a| a["target"]["name"] == "wazo_auth_plugin_api");
    let files: Vec<Value> =
        api.flat_map(|a| a["filenames"].as_array().cloned().unwrap_or_default()).collect();
    let files = files.iter().filter_map(Value::as_str);
    let library = files.into_iter().find(|file| file.ends_with(".rlib")).unwrap();
    run(Command::new(Path::new(env!("CARGO")).with_file_name("rustc"))
        .args(["--edition=2024", "--crate-type=cdylib", "--crate-name=acts", "-Cpanic=abort"])
        .arg(format!("--extern=wazo_auth_plugin_api={library}"))
        .arg(format!("-Ldependency={}", target.join("debug/deps").display()))
        .arg("-o")
        .arg(to)
        .arg(source.join("src/lib.rs")));
    chmod(to, 0o644);
    let bytes = fs::read(to).unwrap();
    let says = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(says(r#""panic":"abort""#) && says(manifest::SECTION), "not the build that is meant");
}
