use proptest::prelude::*;
use serde_json::json;

use super::*;

fn layer(origin: Origin, tree: Value) -> Layer {
    let Value::Object(tree) = tree else { panic!("a layer is a mapping") };
    Layer { origin, tree }
}

fn file(name: &str, tree: Value) -> Layer {
    layer(Origin::File(name.into()), tree)
}

fn defaults(tree: Value) -> Layer {
    layer(Origin::Defaults, tree)
}

fn merged<const N: usize>(layers: [Layer; N]) -> Value {
    Value::Object(merge(&layers))
}

#[test]
fn mappings_are_merged_and_the_first_value_wins() {
    assert_eq!(
        merged([
            file("10-x.yml", json!({"rest_api": {"port": 1}})),
            file("50-y.yml", json!({"rest_api": {"port": 2, "listen": "0.0.0.0"}})),
            defaults(json!({"rest_api": {"port": 3, "listen": "::1", "max_threads": 25}})),
        ]),
        json!({"rest_api": {"port": 1, "listen": "0.0.0.0", "max_threads": 25}})
    );
}

#[test]
fn null_hides_a_whole_default_section() {
    assert_eq!(
        merged([file("a", json!({"smtp": null})), defaults(json!({"smtp": {"port": 25}}))]),
        json!({"smtp": null})
    );
}

#[test]
fn what_null_hides_does_not_come_back() {
    assert_eq!(
        merged([
            file("a", json!({"smtp": {"hostname": "x"}})),
            file("b", json!({"smtp": null})),
            defaults(json!({"smtp": {"port": 25}})),
        ]),
        json!({"smtp": {"hostname": "x"}})
    );
}

#[test]
fn lists_of_files_are_joined_and_replace_the_default() {
    assert_eq!(
        merged([
            file("a", json!({"cors": {"headers": ["A", "B"]}})),
            file("b", json!({"cors": {"headers": ["B", "C"]}})),
            defaults(json!({"cors": {"headers": ["D"]}})),
        ]),
        json!({"cors": {"headers": ["A", "B", "B", "C"]}})
    );
    assert_eq!(
        merged([file("a", json!({"dirs": []})), defaults(json!({"dirs": ["x"]}))]),
        json!({"dirs": []})
    );
}

#[test]
fn keys_of_the_highest_source_come_first() {
    let tree = merge(&[
        file("a", json!({"plugins": {"z": true}})),
        defaults(json!({"plugins": {"a": true, "z": false, "b": true}})),
    ]);
    let names: Vec<_> = tree["plugins"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["z", "a", "b"]);
}

/// The rules as a fold of two sources at a time, from the lowest up: a second
/// way to the same result.
fn over(high: &Value, low: &Value) -> Value {
    match (high, low) {
        (Value::Object(high), Value::Object(low)) => {
            let mut both = high.clone();
            for (key, value) in low {
                let merged = high.get(key).map_or_else(|| value.clone(), |high| over(high, value));
                both.insert(key.clone(), merged);
            }
            Value::Object(both)
        }
        (Value::Array(high), Value::Array(low)) => high.iter().chain(low).cloned().collect(),
        (high, _) => high.clone(),
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4i64).prop_map(Value::from),
        "[xy]".prop_map(Value::from),
        prop::collection::vec(0..4i64, 0..3).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop::collection::btree_map("[a-d]", inner, 0..4)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    })
}

fn tree() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-d]", value(), 0..5)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// Every path to a value that is no mapping.
fn leaves<'a>(value: &'a Value, path: String, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                leaves(value, format!("{path}/{key}"), found);
            }
        }
        leaf => found.push((path, leaf)),
    }
}

proptest! {
    #[test]
    fn files_merge_as_if_two_at_a_time(trees in prop::collection::vec(tree(), 1..5)) {
        let layers: Vec<_> = trees.iter().map(|tree| file("f", tree.clone())).collect();
        let folded = trees.iter().rev().cloned().reduce(|low, high| over(&high, &low)).unwrap();
        prop_assert_eq!(Value::Object(merge(&layers)), folded);
    }

    #[test]
    fn merging_the_lower_files_first_changes_nothing(a in tree(), b in tree(), c in tree()) {
        let lower = merged([file("b", b.clone()), file("c", c.clone())]);
        prop_assert_eq!(
            merged([file("a", a.clone()), file("b+c", lower)]),
            merged([file("a", a), file("b", b), file("c", c)])
        );
    }

    #[test]
    fn the_first_file_wins_every_value_it_sets(first in tree(), second in tree()) {
        let both = merged([file("1", first.clone()), file("2", second.clone())]);
        let mut set = Vec::new();
        leaves(&first, String::new(), &mut set);
        for (path, value) in set {
            match (value, both.pointer(&path)) {
                (Value::Array(items), Some(Value::Array(joined))) => {
                    prop_assert_eq!(items.as_slice(), &joined[..items.len()]);
                }
                (value, kept) => prop_assert_eq!(Some(value), kept),
            }
        }
    }

    #[test]
    fn no_list_of_a_file_has_items_of_a_default(high in tree(), low in tree()) {
        let both = merged([file("1", high.clone()), defaults(low)]);
        let mut set = Vec::new();
        leaves(&high, String::new(), &mut set);
        for (path, value) in set {
            prop_assert_eq!(Some(value), both.pointer(&path));
        }
    }

    #[test]
    fn a_source_alone_is_left_as_it_is(only in tree()) {
        prop_assert_eq!(merged([defaults(only.clone())]), only.clone());
        prop_assert_eq!(merged([file("f", only.clone()), file("g", json!({}))]), only);
    }
}
