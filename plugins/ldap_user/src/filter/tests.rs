use super::*;

const VALUES: [(&str, &str); 3] =
    [("username", "al*ce"), ("user_login_attribute", "uid"), ("user_email_attribute", "mail")];

fn of(attribute: &str, text: &str) -> Vec<u8> {
    let texts = [attribute, text].map(|text| element(OCTET_STRING, text.as_bytes()));
    constructed(EQUALITY, &texts)
}

#[test]
fn values_stand_for_themselves_in_a_template() {
    for (template, expected) in [
        ("{user_login_attribute}={username}", r"uid=al\2ace"),
        ("(&(uid={username})(x={{}}))", r"(&(uid=al\2ace)(x={}))"),
        ("(|(mail={username})({user_email_attribute}=*))", r"(|(mail=al\2ace)(mail=*))"),
        ("", ""),
    ] {
        assert_eq!(filled_in(template, &VALUES).as_deref(), Ok(expected));
    }
}

#[test]
fn a_wrong_template_is_told() {
    let reason = |template: &str| filled_in(template, &VALUES).unwrap_err();
    let known = "{username}, {user_login_attribute}, {user_email_attribute}";
    assert_eq!(reason("(uid={login})"), format!("it holds {{login}}; there are {known}"));
    assert_eq!(reason("(uid={username!r})"), format!("it holds {{username!r}}; there are {known}"));
    assert_eq!(reason("(uid={username)"), "it has a `{` without a `}`");
    assert_eq!(reason("(uid=username})"), "it has a `}` without a `{`");
}

#[test]
fn conditions_are_encoded() {
    let (a, b) = (of("a", "1"), of("b", "2"));
    for (filter, expected) in [
        ("a=1", a.clone()),
        (" (a=1) ", a.clone()),
        (r"a=\2a\28", of("a", "*(")),
        ("a=x=y", of("a", "x=y")),
        ("a=", of("a", "")),
        ("a=é", of("a", "é")),
        ("(&(a=1)(b=2))", constructed(AND, &[a.clone(), b.clone()])),
        ("( | ( a=1) (b=2) )", constructed(OR, &[a.clone(), b.clone()])),
        ("(!(a=1))", element(NOT, &a)),
        ("(&)", element(AND, &[])),
        ("a=*", element(PRESENT, b"a")),
    ] {
        assert_eq!(encoded(filter), Ok(expected), "{filter}");
    }
    let tag_of = |filter| encoded(filter).unwrap()[0];
    assert_eq!(["a>=1", "a<=1", "a~=1"].map(tag_of), [GREATER, LESS, APPROXIMATE]);
}

#[test]
fn pieces_of_values_are_encoded() {
    let sequence = [&[0x80, 1, b'x'][..], &[0x81, 1, b'y'], &[0x82, 1, b'z']].concat();
    let name = element(OCTET_STRING, b"a");
    let whole = constructed(SUBSTRINGS, &[name.clone(), element(SEQUENCE, &sequence)]);
    assert_eq!(encoded("(a=x*y*z)"), Ok(whole));
    let middle = constructed(SUBSTRINGS, &[name, element(SEQUENCE, &[0x81, 1, b'*'])]);
    assert_eq!(encoded(r"(a=*\2a*)"), Ok(middle));
}

#[test]
fn rules_of_comparison_are_encoded() {
    // Members of groups inside groups, as Active Directory finds them.
    let chain = encoded("(memberOf:1.2.3:=cn=x)").unwrap();
    let expected = [&[0x81, 5][..], b"1.2.3", &[0x82, 8], b"memberOf", &[0x83, 4], b"cn=x"];
    assert_eq!(chain, element(EXTENSIBLE, &expected.concat()));
    let in_dn = [&[0x82, 1][..], b"o", &[0x83, 1], b"x", &[0x84, 1, 0xFF]];
    assert_eq!(encoded("o:dn:=x"), Ok(element(EXTENSIBLE, &in_dn.concat())));
    assert_eq!(encoded("(:1.2:=x)").unwrap()[0], EXTENSIBLE);
}

#[test]
fn what_is_no_filter_is_refused() {
    let deep = format!("{}(a=1){}", "(!".repeat(40), ")".repeat(40));
    for filter in [
        "",
        "(",
        "()",
        "(a)",
        "(a=1",
        "a=1)(b=2",
        "(a=1)(b=2)",
        "(&(a=1)",
        "(!a=1)",
        "(=x)",
        r"(a=\2)",
        r"(a=\zz)",
        "(a=(b=1))",
        "(:=x)",
        "(a:b:c:d:=x)",
        "(a b=1)",
        &deep,
    ] {
        assert!(encoded(filter).is_err(), "{filter}");
    }
}
