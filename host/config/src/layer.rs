//! Where values come from.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Map, Value};

/// One source of values. Sources are kept in a list, the highest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Where the values stand.
    pub origin: Origin,
    /// The values, as this source alone gives them.
    pub tree: Map<String, Value>,
}

/// The place a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flags,
    /// A configuration file.
    File(PathBuf),
    /// Built in.
    Defaults,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flags => f.write_str("the command line"),
            Self::File(path) => path.display().fmt(f),
            Self::Defaults => f.write_str("the built-in defaults"),
        }
    }
}

/// The layer that decides the value at `path` of the merged tree, and the path
/// there (items of lists are counted anew in each layer): the highest source
/// that sets it or, by a value that is no mapping, one of those around it. Of a
/// mapping or a list, the highest source that adds to it.
pub(crate) fn locate<'a>(layers: &'a [Layer], path: &[String]) -> Option<(&'a Layer, Vec<String>)> {
    let (first, rest) = path.split_first()?;
    let at_top = layers.iter().filter_map(|layer| Some((layer, layer.tree.get(first)?)));
    let mut values: Vec<_> = at_top.collect();
    let mut local = vec![first.clone()];
    for step in rest {
        let &(highest, value) = values.first()?;
        match value {
            Value::Object(_) => {
                let maps = values.iter().map_while(|(layer, v)| Some((*layer, v.as_object()?)));
                let next: Vec<_> =
                    maps.filter_map(|(layer, map)| Some((layer, map.get(step)?))).collect();
                if next.is_empty() {
                    // A lower value that is no mapping hides what is below it.
                    let end = values.iter().find(|(_, value)| !value.is_object());
                    return end.map(|(layer, _)| (*layer, local));
                }
                values = next;
                local.push(step.clone());
            }
            Value::Array(_) => {
                let (layer, index) = locate_item(&values, step.parse().ok()?)?;
                let item = values.iter().find(|(of, _)| std::ptr::eq(*of, layer))?.1.get(index)?;
                values = vec![(layer, item)];
                local.push(index.to_string());
            }
            _ => return Some((highest, local)),
        }
    }
    values.first().map(|(layer, _)| (*layer, local))
}

/// The layer that gives an item of a joined list, and its index there.
fn locate_item<'a>(values: &[(&'a Layer, &Value)], index: usize) -> Option<(&'a Layer, usize)> {
    let is_default = |layer: &Layer| layer.origin == Origin::Defaults;
    let (highest, _) = values.first()?;
    let lists = values.iter().map_while(|(layer, value)| Some((*layer, value.as_array()?)));
    let mut left = index;
    for (layer, items) in lists.filter(|(layer, _)| is_default(layer) == is_default(highest)) {
        if left < items.len() {
            return Some((layer, left));
        }
        left -= items.len();
    }
    None
}

/// The value at `path`; items of lists are named by their index.
pub(crate) fn lookup<'a>(tree: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(tree.get(first)?, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn layer(name: &str, tree: Value) -> Layer {
        let origin = if name == "defaults" { Origin::Defaults } else { Origin::File(name.into()) };
        Layer { origin, tree: tree.as_object().cloned().unwrap() }
    }

    #[test]
    fn each_value_and_item_leads_to_its_source() {
        let layers = [
            layer("a", json!({"m": {"x": 1}, "l": [1, 2], "n": null, "h": {"p": 1}})),
            layer("b", json!({"m": {"y": 1}, "l": [3], "n": {"z": 1}, "h": null})),
            layer("defaults", json!({"m": {"w": 1}, "l": [9], "h": {"q": 1}, "d": [1]})),
        ];
        for (path, expected) in [
            ("m.x", Some(("a", "m.x"))),
            ("m.y", Some(("b", "m.y"))),
            ("m.w", Some(("the built-in defaults", "m.w"))),
            ("m", Some(("a", "m"))),
            ("l.1", Some(("a", "l.1"))),
            ("l.2", Some(("b", "l.0"))),
            ("l.3", None),
            ("d.0", Some(("the built-in defaults", "d.0"))),
            ("n.z", Some(("a", "n"))),
            ("h.q", Some(("b", "h"))),
            ("m.unset", None),
            ("unset.x", None),
        ] {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            let found = locate(&layers, &path);
            let found = found.map(|(layer, local)| (layer.origin.to_string(), local.join(".")));
            let expected = expected.map(|(name, local)| (name.to_owned(), local.to_owned()));
            assert_eq!(found, expected, "{path:?}");
        }
    }
}
