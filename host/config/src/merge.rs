//! The merge rules (contract: config.md section 1).

use serde_json::{Map, Value};

use crate::layer::{Layer, Origin};

/// Merges sources, the highest first, into one tree.
///
/// Mappings are merged key by key, the keys of the highest source first. Any
/// other value, null included, hides what lower sources say. Lists of files
/// are joined, those of the highest source first, and replace a default list.
#[must_use]
pub fn merge(layers: &[Layer]) -> Map<String, Value> {
    let trees: Vec<_> =
        layers.iter().map(|layer| (layer.origin == Origin::Defaults, &layer.tree)).collect();
    merge_maps(&trees)
}

/// A value with whether it is a default.
type Sourced<T> = (bool, T);

fn merge_maps(maps: &[Sourced<&Map<String, Value>>]) -> Map<String, Value> {
    let mut merged = Map::new();
    for key in maps.iter().flat_map(|(_, map)| map.keys()) {
        if merged.contains_key(key) {
            continue;
        }
        let values: Vec<_> =
            maps.iter().filter_map(|&(default, map)| Some((default, map.get(key)?))).collect();
        if let Some(value) = merge_values(&values) {
            merged.insert(key.clone(), value);
        }
    }
    merged
}

/// A value of another type ends the run: it and all below it are hidden.
fn merge_values(values: &[Sourced<&Value>]) -> Option<Value> {
    let &(highest_is_default, highest) = values.first()?;
    Some(match highest {
        Value::Object(_) => {
            let maps: Vec<_> =
                values.iter().map_while(|&(default, v)| Some((default, v.as_object()?))).collect();
            Value::Object(merge_maps(&maps))
        }
        Value::Array(_) => values
            .iter()
            .map_while(|&(default, v)| Some((default, v.as_array()?)))
            .filter(|&(default, _)| default == highest_is_default)
            .flat_map(|(_, items)| items.iter().cloned())
            .collect(),
        scalar => scalar.clone(),
    })
}

#[cfg(test)]
mod tests;
