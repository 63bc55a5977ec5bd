use super::*;

const VALUES: [(&str, &str); 3] =
    [("username", "al*ce"), ("user_login_attribute", "uid"), ("user_email_attribute", "mail")];

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
fn filters_are_taken_as_administrators_write_them() {
    for filter in [
        "a=1",
        r"a=\2a\28",
        "a=x=y",
        "a=",
        "a=é",
        "a=*",
        "(a=x*y*z)",
        r"(a=*\2a*)",
        "(&(a>=1)(b<=2)(c~=3))",
        "(!(a=1))",
        "(&)",
        "(a=b & c | d !)",
        // Members of groups inside groups, as Active Directory finds them.
        "(memberOf:1.2.3:=cn=x)",
        "o:dn:=x",
        "(:1.2:=x)",
    ] {
        assert_eq!(checked(filter).as_deref(), Ok(filter));
    }
    let spaces = " ( | ( a=1 2)\n ( ! (b=& 2) ) ) ";
    assert_eq!(checked(spaces).as_deref(), Ok("(|(a=1 2)(!(b=& 2)))"));
}

#[test]
fn what_is_no_filter_is_refused() {
    let deep = format!("{}(a=1){}", "(!".repeat(100_000), ")".repeat(100_000));
    let open = "(!".repeat(100_000);
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
        &open,
    ] {
        assert!(checked(filter).is_err(), "{filter}");
    }
}
