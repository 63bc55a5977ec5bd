//! Every row of the table in acl.md, section 4, and the delegation rules of section 6.

use wazo_auth_acl::Acl;

const U: &str = "8ad9c1a0-6b4e-4f60-9c3c-2f6a5b1d0e77";
const V: &str = "1f0e4f39-51c8-4a7a-8f0c-6f3f6a9f7b10";
const S: &str = "c3a2e8d4-0c1b-4a55-b1de-90f5b6b7a6c2";

/// Writes the user's and the session's identifier where the table says `U`, `V` and `S`.
fn fill(text: &str) -> String {
    let fill = |segment| match segment {
        "U" => U,
        "V" => V,
        "S" => S,
        other => other,
    };
    text.split('.').map(fill).collect::<Vec<_>>().join(".")
}

fn check(grants: &[&str], yes: &[&str], no: &[&str]) {
    let acl = Acl::compile(grants.iter().map(|grant| fill(grant)));
    for (required, expected) in yes.iter().map(|r| (r, true)).chain(no.iter().map(|r| (r, false))) {
        let required = fill(required);
        assert_eq!(acl.allows(&required, U, S), expected, "{grants:?} asked for {required:?}");
    }
}

#[test]
fn a_literal_grants_itself_only() {
    check(
        &["calld.calls.read"],
        &["calld.calls.read"],
        &["calld.calls.read.x", "calld.calls", "Calld.calls.read", "xcalld.calls.read"],
    );
    check(&["a+b.(c)", "x|y"], &["a+b.(c)", "x|y"], &["aab.c", "x", "y"]);
}

#[test]
fn a_star_stays_within_a_segment() {
    check(
        &["calld.calls.*.read"],
        &["calld.calls.42.read", "calld.calls.*.read", "calld.calls..read"],
        &["calld.calls.read", "calld.calls.4.2.read", "calld.calls.#.read", "calld.calls.4#2.read"],
    );
    check(
        &["calld.*"],
        &["calld.calls", "calld.*", "calld."],
        &["calld", "calld.calls.read", "calld.#"],
    );
    check(&["*"], &["anything", ""], &["a.b", "#"]);
    check(
        &["confd.line*.read"],
        &["confd.lines.read", "confd.line.read"],
        &["confd.lin.read", "confd.lines.7.read"],
    );
}

#[test]
fn a_hash_crosses_segments() {
    check(
        &["calld.#"],
        &["calld.calls.read", "calld.#", "calld.*.read", "calld."],
        &["calld", "calldx"],
    );
    check(
        &["calld.#.read"],
        &["calld.calls.read", "calld.calls.42.participants.read", "calld..read"],
        &["calld.read", "calld.calls.create"],
    );
    check(&["#"], &["", "!a", "a.b.c", "#", "*", "é"], &[]);
    check(&["confd#"], &["confd", "confdx", "confd.users.read"], &["conf"]);
}

#[test]
fn me_is_the_user_of_the_token() {
    check(
        &["dird.personal.me.read"],
        &["dird.personal.me.read", "dird.personal.U.read"],
        &["dird.personal.V.read", &format!("dird.personal.{}.read", U.to_uppercase())],
    );
    check(&["dird.personal.U.read"], &["dird.personal.U.read"], &["dird.personal.me.read"]);
    check(
        &["dird.personal.*.read"],
        &["dird.personal.me.read", "dird.personal.U.read", "dird.personal.V.read"],
        &[],
    );
    check(&["confd.home.read"], &["confd.home.read"], &[&format!("confd.ho{U}.read")]);
}

#[test]
fn my_session_is_the_session_of_the_token() {
    check(
        &["auth.sessions.my_session.delete"],
        &["auth.sessions.S.delete", "auth.sessions.my_session.delete"],
        &["auth.sessions.V.delete", "auth.sessions.U.delete"],
    );
}

#[test]
fn edit_covers_update_but_not_the_reverse() {
    check(&["confd.users.9.edit"], &["confd.users.9.edit", "confd.users.9.update"], &[]);
    check(&["confd.users.9.update"], &["confd.users.9.update"], &["confd.users.9.edit"]);
}

#[test]
fn negative_grants_win() {
    check(
        &["confd.#", "!confd.users.#", "confd.users.3.read"],
        &["confd.lines.read", "confd.users"],
        &["confd.users.3.read", "confd.users."],
    );
    check(
        &["!confd.users.me.delete", "confd.#"],
        &["confd.users.V.delete"],
        &["confd.users.U.delete", "confd.users.me.delete"],
    );
    check(&["!#"], &[], &["", "a", "a.b", "!a"]);
    check(&[], &[], &["", "a", "a.b"]);
    check(&["!!a", "#"], &["a"], &["!a"]);
}

#[test]
fn who_asks_is_compared_as_plain_text() {
    let acl = Acl::compile(["a.me.b", "s.my_session"]);
    assert!(acl.allows("a.x*.#.b", "x*.#", S), "wildcards and dots of an identifier are text");
    assert!(!acl.allows("a.xyz.b", "x*", S));
    assert!(acl.allows("a.méé.b", "méé", S));
    assert!(!acl.allows("a..b", "", ""), "an empty identifier is nobody");
    assert!(!acl.allows("s.", "", ""));
    assert!(acl.allows("a.me.b", "", ""));
}

#[test]
fn only_what_is_held_may_be_added() {
    let may_add = |held: &str, access: &str| Acl::compile([held]).may_add(access, U, S);
    for access in ["foo.*", "foo.bar"] {
        assert!(may_add("foo.*", access), "{access}");
    }
    assert!(!may_add("foo.*", "foo.#"));
    for access in ["foo.*", "foo.bar", "foo.#"] {
        assert!(may_add("foo.#", access), "{access}");
    }
    assert!(may_add("foo.me", "foo.me"));
    assert!(may_add("nothing", "!foo.#"), "everybody may add a negative grant");
    let but_users = Acl::compile(["foo.#", "!foo.users.#"]);
    assert!(!but_users.may_add("foo.users.read", U, S));
}

#[test]
fn only_what_is_held_may_be_removed() {
    let may_remove = |held: &str, access: &str| Acl::compile([held]).may_remove(access, U, S);
    assert!(may_remove("foo.*", "foo.bar"));
    assert!(may_remove("foo.*", "!foo.bar"), "a negative grant needs the positive one");
    assert!(!may_remove("foo.*", "!foo.#"));
    assert!(!may_remove("other", "!foo.bar"));
    assert!(may_remove("#", "!!a"), "only the first ! is special");
    assert!(!may_remove("a", "!!a"));
}

#[test]
fn only_grants_with_reserved_words_depend_on_who_asks() {
    for (grants, personal) in [
        (&["auth.users.#", "!auth.*.me2", "edit.x"][..], false),
        (&["auth.users.me.read"], true),
        (&["a", "!auth.sessions.my_session"], true),
        (&[], false),
    ] {
        assert_eq!(Acl::compile(grants).is_personal(), personal, "{grants:?}");
    }
}
