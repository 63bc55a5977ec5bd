//! Grants and questions made to hurt.

use std::time::{Duration, Instant};

use wazo_auth_acl::Acl;

/// Far above what any of these needs, far below what a matcher that tries everything would take.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn many_wildcards_do_not_explode() {
    let start = Instant::now();
    let acl = Acl::compile([
        format!("{}b", "#a".repeat(60)),
        format!("{}b", "*a".repeat(60)),
        format!("{}b", "me.#.".repeat(60)),
    ]);
    for length in [120, 127, 128, 1000, 20_000] {
        assert!(!acl.allows(&"a".repeat(length), "a", "a"));
        assert!(!acl.allows(&"me.".repeat(length / 3), "me.me", "a"));
        assert!(acl.allows(&format!("{}b", "a".repeat(length)), "a", "a"));
    }
    assert!(start.elapsed() < SOON);
}

#[test]
fn deep_grants_do_not_exhaust_the_stack() {
    let deep = "*a".repeat(200_000);
    assert!(!Acl::compile([&deep, "x"]).allows(&"a".repeat(1000), "u", "s"));
    // Each grant branches off the one before, and both branches lead on.
    let branching: Vec<String> = (0..300).map(|n| format!("{}*b*x", "*a".repeat(n))).collect();
    let acl = Acl::compile(&branching);
    let small_stack = std::thread::Builder::new().stack_size(128 * 1024);
    let asked = small_stack.spawn(move || acl.allows(&"ab".repeat(350), "u", "s")).expect("thread");
    assert!(!asked.join().expect("no overflow"));
}

#[test]
fn grants_below_the_merging_depth_still_count() {
    let stem: String = (0..60).map(|n| format!("{n}*")).collect();
    let grants: Vec<String> = (0..60)
        .map(|n| (0..n).map(|n| format!("{n}*")).collect::<String>() + "end")
        .chain([format!("{stem}x"), format!("{stem}yz"), format!("{stem}ya")])
        .collect();
    let acl = Acl::compile(&grants);
    let base: String = (0..60).map(|n| n.to_string()).collect();
    for end in ["x", "yz", "ya"] {
        assert!(acl.allows(&format!("{base}{end}"), "u", "s"));
    }
    assert!(!acl.allows(&format!("{base}y"), "u", "s"));
    for depth in 0..60 {
        let stem: String = (0..depth).map(|n| n.to_string()).collect();
        assert!(acl.allows(&format!("{stem}end"), "u", "s"), "depth {depth}");
        assert!(!acl.allows(&format!("{stem}enx"), "u", "s"), "depth {depth}");
    }
}

#[test]
fn a_thousand_grants_stay_small() {
    let grants: Vec<String> =
        (0..1000).map(|n| format!("service{}.resource{n}.*.read", n % 20)).collect();
    let acl = Acl::compile(&grants);
    let text: usize = grants.iter().map(String::len).sum();
    assert!(acl.heap_bytes() > 0);
    assert!(acl.heap_bytes() < 2 * text, "{} bytes for {text} of text", acl.heap_bytes());
}
