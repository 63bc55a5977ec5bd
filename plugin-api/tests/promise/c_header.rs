//! The header for plugins in C: each declaration and each macro of it.

use std::{collections::BTreeSet, fs, path::Path};

use crate::record::Record;

const RECORD: Record = Record {
    file: "c-header.txt",
    about: "The declarations and macros of include/wazo_auth_plugin.h, one a line: made by\n\
            tests/promise/c_header.rs. Macros and numbers of failures may come; nothing else does.",
    refuses: |line, _| {
        let may_come = line.starts_with('#') || line.starts_with("number ");
        (!may_come).then(|| format!("{line} (the tables of C never grow: use the frames instead)"))
    },
};

#[test]
fn the_header_is_the_recorded_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/wazo_auth_plugin.h");
    let lines = declarations(&fs::read_to_string(file).unwrap());
    assert!(lines.len() > 30, "{lines:?}");
    RECORD.check(&lines);
}

fn declarations(header: &str) -> BTreeSet<String> {
    let code = without_comments(&header.replace("\\\n", " "));
    let (macros, rest): (Vec<&str>, Vec<&str>) =
        code.lines().partition(|line| line.starts_with('#'));
    let mut lines = BTreeSet::new();
    // It rises with the version of the API.
    let risen = |line: &&&str| !line.contains("define WAZO_AUTH_PLUGIN_API");
    lines.extend(macros.iter().filter(risen).map(|line| one_line(line)));
    let (mut depth, mut declaration) = (0_i32, String::new());
    // What C++ has around it.
    for letter in rest.join("\n").replace("extern \"C\" {", "").chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        declaration.push(letter);
        if letter == ';' && depth == 0 {
            keep(&declaration, &mut lines);
            declaration.clear();
        }
    }
    lines
}

/// A declaration as one line; numbers of failures one by one, as more may come.
fn keep(declaration: &str, lines: &mut BTreeSet<String>) {
    let line = one_line(declaration);
    match line.strip_prefix("enum {").and_then(|numbers| numbers.strip_suffix("};")) {
        Some(numbers) => {
            let numbers = numbers.split(',').map(str::trim).filter(|number| !number.is_empty());
            lines.extend(numbers.map(|number| format!("number {number}")));
        }
        None => drop(lines.insert(line)),
    }
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once("*/").unwrap().1)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
