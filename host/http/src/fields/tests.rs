use super::*;

fn integer_of(value: Value) -> Result<Option<i64>, FieldError> {
    Fields(&Map::from_iter([("n".to_owned(), value)])).integer("n", 1, 315_360_000)
}

#[test]
fn an_integer_may_be_a_numeric_string_or_a_fraction() {
    assert_eq!(integer_of(json!("600")).unwrap(), Some(600));
    assert_eq!(integer_of(json!(1.9)).unwrap(), Some(1));
}

#[test]
fn an_integer_beyond_the_machine_is_out_of_range() {
    let error = integer_of(serde_json::from_str("123456789012345678901234567890").unwrap());
    assert_eq!(error.unwrap_err().descriptor["constraint_id"], "range");
    let error = integer_of(json!("123456789012345678901234567890"));
    assert_eq!(error.unwrap_err().descriptor["constraint_id"], "range");
}

#[test]
fn a_boolean_or_a_word_is_no_integer() {
    for value in [json!(true), json!("x"), json!("6x"), json!([])] {
        assert_eq!(integer_of(value).unwrap_err().descriptor["constraint"], "integer");
    }
    assert_eq!(integer_of(Value::Null).unwrap_err().descriptor["constraint_id"], "not_null");
}

#[test]
fn booleans_have_many_spellings() {
    assert_eq!(boolean_word("True"), Some(true));
    assert_eq!(boolean_word("OFF"), Some(false));
    assert_eq!(boolean_word("tRue"), None);
    assert_eq!(boolean(&json!(1)), Some(true));
    assert_eq!(boolean(&json!(2)), None);
}

#[test]
fn email_addresses() {
    for good in
        ["a@b.cd", "a.b+c@x-y.example", "a@localhost", "a@[127.0.0.1]", "\"a\"@b.cd", "é@é.fr"]
    {
        assert!(is_email(good), "{good}");
    }
    for bad in
        ["", "a", "a@b", "a@b.c", " a@b.cd", "a@b.cd ", "a..b@c.de", "a@-b.cd", "a@b..cd", "@b.cd"]
    {
        assert!(!is_email(bad), "{bad}");
    }
}
