use super::{API_VERSION, BUILD, MAGIC, ManifestError, Source, TARGET, bytes, length, parse};

const SOURCE: Source = Source {
    package: "acme-\"auth\"\\",
    version: "2.3.4",
    unwinds: true,
    plugins: &[("backend", "acme"), ("metadata", "department")],
};
const LENGTH: usize = length(&SOURCE);
static SECTION: [u8; LENGTH] = bytes(&SOURCE);

#[test]
fn what_the_compiler_wrote_is_read_back() {
    let manifest = parse(&SECTION).unwrap();
    assert_eq!(manifest.plugin_api, API_VERSION);
    assert_eq!(manifest.package.name, "acme-\"auth\"\\");
    assert_eq!(manifest.package.version, "2.3.4");
    assert_eq!(manifest.target, TARGET);
    assert_eq!(manifest.panic, "unwind");
    assert_eq!(manifest.build, BUILD);
    assert!(BUILD.starts_with("rustc "));
    let offers: Vec<_> =
        manifest.plugins.iter().map(|o| (&*o.kind, &*o.name, &*o.version)).collect();
    assert_eq!(offers, [("backend", "acme", "2.3.4"), ("metadata", "department", "2.3.4")]);
}

#[test]
fn padding_after_it_is_ignored() {
    let mut section = SECTION.to_vec();
    section.extend([0; 40]);
    assert!(parse(&section).is_ok());
}

#[test]
fn every_cut_is_noticed() {
    for end in 0..SECTION.len() {
        let error = parse(&SECTION[..end]).unwrap_err();
        assert!(matches!(error, ManifestError::CutOff { found, .. } if found == end), "{end}");
    }
}

#[test]
fn a_later_form_is_refused_by_its_number() {
    let mut section = SECTION.to_vec();
    section[4 + MAGIC.len()] = 2;
    let error = parse(&section).unwrap_err();
    assert_eq!(error.to_string(), "the manifest has version 2, this daemon reads version 1");
}

#[test]
fn an_announced_length_shorter_than_the_header_is_no_panic() {
    let mut section = SECTION.to_vec();
    section[..4].copy_from_slice(&3_u32.to_le_bytes());
    assert!(matches!(parse(&section), Err(ManifestError::CutOff { .. })));
}

#[test]
fn fields_of_a_newer_plugin_are_ignored() {
    let text = r#"{"plugin_api":"1.9.0","crate":{"name":"a","version":"1"},"target":"t",
        "panic":"unwind","new":[1],"plugins":[{"kind":"backend","name":"a","also":"new"}]}"#;
    let mut section = ((24 + text.len()) as u32).to_le_bytes().to_vec();
    section.extend(MAGIC);
    section.extend(1_u32.to_le_bytes());
    section.extend(text.as_bytes());
    assert_eq!(parse(&section).unwrap().plugin_api, "1.9.0");
}
