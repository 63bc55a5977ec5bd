//! Size, alignment, fields and functions of every type that crosses the border,
//! as abi_stable compares them when a plugin is loaded.

use std::{collections::BTreeSet, mem::offset_of};

use abi_stable::{StableAbi, type_layout::TypeLayout};
use wazo_auth_plugin_api::abi::{Failure, Frame, HostBox, PluginBox, PluginModule_Ref};

use crate::record::Record;

const RECORD: Record = Record {
    file: "abi.txt",
    about: "The types that plugin and daemon share in memory, on a machine of 64 bits: made by\n\
            tests/promise/abi.rs. Nothing here is ever added, removed or changed.",
    refuses: |line, _| Some(format!("{line} (the border never grows: use the frames instead)")),
};

#[test]
#[cfg(target_pointer_width = "64")]
fn the_border_is_the_recorded_one() {
    let (mut seen, mut lines) = (BTreeSet::new(), BTreeSet::new());
    for root in [
        <PluginModule_Ref as StableAbi>::LAYOUT,
        <PluginBox as StableAbi>::LAYOUT,
        <HostBox as StableAbi>::LAYOUT,
        <Frame as StableAbi>::LAYOUT,
        <Failure as StableAbi>::LAYOUT,
    ] {
        walk(root, &mut seen, &mut lines);
    }
    for (field, offset) in [
        ("Frame.head", offset_of!(Frame, head)),
        ("Frame.body", offset_of!(Frame, body)),
        ("Failure.kind", offset_of!(Failure, kind)),
        ("Failure.text", offset_of!(Failure, text)),
    ] {
        lines.insert(format!("{field}: at {offset}"));
    }
    assert!(lines.len() > 50, "{lines:?}");
    RECORD.check(&lines);
}

/// Describes a type and all that it is made of. Those of one name (results of
/// this and that) are described together.
fn walk(
    layout: &'static TypeLayout,
    seen: &mut BTreeSet<*const TypeLayout>,
    lines: &mut BTreeSet<String>,
) {
    if !seen.insert(layout) {
        return;
    }
    let name = name(layout);
    let what = if layout.is_prefix_kind() { ", a prefix of what may be longer" } else { "" };
    let (size, alignment) = (layout.size(), layout.alignment());
    lines.insert(format!("{name}: {size} bytes, aligned to {alignment}{what}"));
    let fields = layout.get_fields().into_iter().flat_map(|fields| fields.iter());
    // What a pointer points to is among those that take no room.
    let phantoms = layout.phantom_fields().iter();
    for (number, field) in fields.chain(phantoms).enumerate() {
        let of = self::name(field.layout());
        lines.insert(format!("{name}, {number}: {}: {of}", field.name()));
        walk(field.layout(), seen, lines);
        for function in field.function_range().iter() {
            let text = function.to_string();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            lines.insert(format!("{name}, {number}: {text}"));
            for parameter in function.param_type_layouts.iter() {
                walk(parameter(), seen, lines);
            }
            if let Some(returned) = function.return_type_layout() {
                walk(returned(), seen, lines);
            }
        }
    }
}

/// A type of ours with its module: each trait has a table of the same name.
fn name(layout: &TypeLayout) -> String {
    let name = layout.full_type().to_string();
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let phantoms = layout.phantom_fields();
    let ours = phantoms.iter().map(|field| field.layout()).chain([layout]);
    let ours = ours.filter(|layout| layout.package().as_str() == "wazo-auth-plugin-api");
    let module = ours.map(|layout| layout.mod_path().to_string()).next();
    module.map_or(name.clone(), |module| format!("{name} of {module}"))
}
