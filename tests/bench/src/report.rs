//! What is printed: a line per figure, beside what it has to be.

use std::fmt::Display;

/// All figures, and how many of them are not what they have to be.
#[derive(Default)]
pub(crate) struct Report {
    missed: u32,
    /// What the rows are in, as long as there is a choice.
    store: &'static str,
}

/// What a figure has to be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// It says something about another figure.
    None,
}

// === impl Report ===

impl Report {
    pub(crate) fn section(&self, title: &str) {
        match self.store {
            "" => println!("\n{title}"),
            store => println!("\n{store}: {title}"),
        }
    }

    /// What the rows of the sections to come are in.
    pub(crate) fn store(&mut self, name: &'static str) {
        self.store = name;
    }

    /// One figure with so many decimals.
    pub(crate) fn figure(
        &mut self,
        what: impl Display,
        value: f64,
        decimals: usize,
        unit: &str,
        target: Target,
    ) {
        let (met, target) = match target {
            Target::AtLeast(least) => (value >= least, format!(">= {least}")),
            Target::AtMost(most) => (value <= most, format!("<= {most}")),
            Target::None => (true, String::new()),
        };
        self.missed += u32::from(!met);
        let verdict = match (met, target.is_empty()) {
            (_, true) => "",
            (true, _) => "ok",
            (false, _) => "MISSED",
        };
        let line = format!(
            "  {:<58}{value:>12.decimals$} {unit:<12}{target:>12}  {verdict}",
            what.to_string()
        );
        println!("{}", line.trim_end());
    }

    pub(crate) fn note(&self, text: impl Display) {
        println!("  {text}");
    }

    pub(crate) fn missed(&self) -> u32 {
        self.missed
    }
}
