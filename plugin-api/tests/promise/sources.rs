//! Reads the public items out of the sources of the crate, so that any compiler
//! will do.
//!
//! An item of a private module counts when some `pub use` names it. `export` is
//! left out: it belongs to the macro, which is always of the same version. So are
//! the types of `abi` and `wire`, but not the names and numbers there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use quote::ToTokens;
use syn::{
    Attribute, Fields, File, ImplItem, Item, ItemImpl, ItemTrait, TraitItem, Type, UseTree,
    Visibility,
};

/// One source file, or a module within one.
struct Module {
    /// `wire::tenants`, say.
    path: String,
    is_public: bool,
    items: Vec<Item>,
}

/// Every public item, one line each.
pub fn public_items() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules = Vec::new();
    read(&root.join("lib.rs"), &root, "", true, &mut modules);
    let mut named = BTreeSet::new();
    for item in modules.iter().flat_map(|module| &module.items) {
        if let Item::Use(item) = item
            && is_public(&item.vis)
        {
            leaves(&item.tree, &mut named);
        }
    }
    let mut lines = BTreeSet::new();
    for module in &modules {
        for item in &module.items {
            describe(module, item, &named, &mut lines);
        }
    }
    lines
}

/// The constants of a module, with their values: name and text.
pub fn text_constants(path: &str) -> Vec<String> {
    let prefix = format!("const {path}::");
    let lines = public_items().into_iter().filter(|line| line.starts_with(&prefix));
    lines.map(|line| line.split('"').nth(1).unwrap().to_owned()).collect()
}

fn read(file: &Path, folder: &Path, path: &str, is_public: bool, modules: &mut Vec<Module>) {
    let text = fs::read_to_string(file).unwrap();
    let File { items, .. } = syn::parse_file(&text).unwrap();
    descend(items, folder, path, is_public, modules);
}

/// Goes through the modules within one.
fn descend(
    items: Vec<Item>,
    folder: &Path,
    path: &str,
    is_public_module: bool,
    modules: &mut Vec<Module>,
) {
    for item in &items {
        let Item::Mod(module) = item else { continue };
        if is_hidden(&module.attrs) {
            continue;
        }
        let name = module.ident.to_string();
        let below = if path.is_empty() { name.clone() } else { format!("{path}::{name}") };
        let is_public_module = is_public_module && is_public(&module.vis);
        let inner: PathBuf = folder.join(&name);
        match &module.content {
            Some((_, items)) => descend(items.clone(), &inner, &below, is_public_module, modules),
            None => {
                let file = inner.with_extension("rs");
                read(&file, &inner, &below, is_public_module, modules);
            }
        }
    }
    modules.push(Module { path: path.to_owned(), is_public: is_public_module, items });
}

fn describe(module: &Module, item: &Item, named: &BTreeSet<String>, lines: &mut BTreeSet<String>) {
    // Of these, the layout and the JSON are promised, not the Rust.
    let is_border = module.path == "abi" || module.path.starts_with("wire");
    if is_border && !matches!(item, Item::Const(_)) {
        return;
    }
    // Where it is found; who moves it between private modules changes nothing.
    let place = |name: &str| match (module.is_public, module.path.as_str()) {
        (true, path) if !path.is_empty() => format!("{path}::{name}"),
        _ => name.to_owned(),
    };
    let counts = |vis: &Visibility, attrs: &[Attribute], name: &str| {
        is_public(vis) && !is_hidden(attrs) && (module.is_public || named.contains(name))
    };
    match item {
        Item::Const(item) if counts(&item.vis, &item.attrs, &item.ident.to_string()) => {
            let (ty, value) = (text(&item.ty), text(&item.expr));
            // The versions of the crate and of the compiler are to change.
            let value = if value.contains("env!") { String::new() } else { format!(" = {value}") };
            lines.insert(format!("const {}: {ty}{value}", place(&item.ident.to_string())));
        }
        Item::Type(item) if counts(&item.vis, &item.attrs, &item.ident.to_string()) => {
            let (generics, ty) = (text(&item.generics), text(&item.ty));
            lines.insert(format!("type {}{generics} = {ty}", place(&item.ident.to_string())));
        }
        Item::Fn(item) if counts(&item.vis, &item.attrs, &item.sig.ident.to_string()) => {
            let of = if module.is_public { module.path.as_str() } else { "" };
            lines.insert(format!("fn of {of}: {}", text(&item.sig)));
        }
        Item::Struct(item) if counts(&item.vis, &item.attrs, &item.ident.to_string()) => {
            let name = place(&item.ident.to_string());
            lines.insert(format!("struct {name}{}", text(&item.generics)));
            derives(&name, &item.attrs, lines);
            fields(&name, &item.fields, &item.attrs, lines);
        }
        Item::Enum(item) if counts(&item.vis, &item.attrs, &item.ident.to_string()) => {
            let name = place(&item.ident.to_string());
            derives(&name, &item.attrs, lines);
            if !has(&item.attrs, "non_exhaustive") {
                let all = item.variants.iter().map(|variant| variant.ident.to_string());
                let all = all.collect::<Vec<_>>().join(", ");
                lines.insert(format!("enum {name} is one of {all}"));
            }
            for variant in &item.variants {
                let fields = text(&variant.fields);
                lines.insert(format!("enum {name}::{} {fields}", variant.ident));
            }
        }
        Item::Trait(item) if counts(&item.vis, &item.attrs, &item.ident.to_string()) => {
            of_trait(&place(&item.ident.to_string()), item, lines);
        }
        Item::Impl(item) => of_impl(module, item, named, lines),
        Item::Use(item) if is_public(&item.vis) && module.is_public && !is_hidden(&item.attrs) => {
            let mut leaves_of = BTreeSet::new();
            leaves(&item.tree, &mut leaves_of);
            lines.extend(leaves_of.iter().map(|name| format!("use {}", place(name))));
        }
        Item::Macro(item) if has(&item.attrs, "macro_export") && !is_hidden(&item.attrs) => {
            lines.insert(format!("macro {}!", item.ident.as_ref().unwrap()));
        }
        _ => {}
    }
}

fn derives(name: &str, attrs: &[Attribute], lines: &mut BTreeSet<String>) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("derive")) {
        let _ = attr.parse_nested_meta(|meta| {
            lines.insert(format!("impl {} for {name}", text(&meta.path)));
            Ok(())
        });
    }
}

/// Each field, and that there are no more where an author may name all of them.
fn fields(name: &str, fields: &Fields, attrs: &[Attribute], lines: &mut BTreeSet<String>) {
    let mut all = Vec::new();
    for (number, field) in fields.iter().enumerate() {
        let own = field.ident.as_ref().map_or(number.to_string(), ToString::to_string);
        if is_public(&field.vis) {
            lines.insert(format!("field {name}.{own}: {}", text(&field.ty)));
        }
        all.push((own, is_public(&field.vis)));
    }
    if !has(attrs, "non_exhaustive") && all.iter().all(|(_, public)| *public) {
        let all = all.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
        lines.insert(format!("struct {name} is made of {all}"));
    }
}

fn of_trait(name: &str, item: &ItemTrait, lines: &mut BTreeSet<String>) {
    let (generics, bounds) = (text(&item.generics), text(&item.supertraits));
    lines.insert(format!("trait {name}{generics}: {bounds}"));
    for member in &item.items {
        let (member, has_default) = match member {
            TraitItem::Fn(member) => (text(&member.sig), member.default.is_some()),
            TraitItem::Type(member) => (text(member), member.default.is_some()),
            TraitItem::Const(member) => (text(member), member.default.is_some()),
            _ => continue,
        };
        let member = member.trim_end_matches(';').trim_end();
        let end = if has_default { " { .. }" } else { ";" };
        lines.insert(format!("trait {name}: {}{end}", without_docs(member)));
    }
}

fn of_impl(
    module: &Module,
    item: &ItemImpl,
    named: &BTreeSet<String>,
    lines: &mut BTreeSet<String>,
) {
    let Type::Path(path) = &*item.self_ty else { return };
    let name = path.path.segments.last().unwrap().ident.to_string();
    let is_known = module.is_public || named.contains(&name);
    if !is_known || is_hidden(&item.attrs) {
        return;
    }
    if let Some((of, _)) = &item.trait_ {
        lines.insert(format!("impl {} for {}", text(of), text(&item.self_ty)));
        return;
    }
    for member in &item.items {
        match member {
            ImplItem::Fn(member) if is_public(&member.vis) && !is_hidden(&member.attrs) => {
                lines.insert(format!("impl {}: {}", text(&item.self_ty), text(&member.sig)));
            }
            ImplItem::Const(member) if is_public(&member.vis) && !is_hidden(&member.attrs) => {
                let ty = text(&member.ty);
                lines.insert(format!("impl {}: const {}: {ty}", text(&item.self_ty), member.ident));
            }
            _ => {}
        }
    }
}

/// The names that a `use` brings.
fn leaves(tree: &UseTree, names: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, names),
        UseTree::Name(name) => drop(names.insert(name.ident.to_string())),
        UseTree::Rename(name) => drop(names.insert(name.rename.to_string())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
        UseTree::Glob(_) => panic!("name what is public: a `pub use …::*` cannot be followed"),
    }
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

/// Of no concern to authors: hidden in the documentation, or not compiled for
/// them.
fn is_hidden(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        let text = text(attr);
        ["doc(hidden)", "cfg(test)", "cfg(doctest)"].iter().any(|hidden| text.contains(hidden))
    })
}

fn has(attrs: &[Attribute], name: &str) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident(name))
}

/// A member without its attributes.
fn without_docs(member: &str) -> &str {
    member.rfind("]").map_or(member, |end| match member.starts_with('#') {
        true => member[end + 1..].trim_start(),
        false => member,
    })
}

/// Source text on one line, spaced alike whoever prints it.
fn text(tokens: &impl ToTokens) -> String {
    let text = tokens.to_token_stream().to_string();
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for mark in ["::", "<", ">", "(", ")", "[", "]", "&", "'", "!", ";", ",", ":", ".", "?"] {
        text = text.replace(&format!(" {mark}"), mark).replace(&format!("{mark} "), mark);
    }
    text.replace("->", " -> ").replace('=', " = ").replace('+', " + ").replace("  ", " ")
}
