//! A terminal: blocks of shell, one after the other, in one bash.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::support::as_from_outside;

/// Says that a block has ended.
const DONE: &str = "== done ==";

pub struct Terminal {
    bash: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    block: PathBuf,
}

impl Terminal {
    /// In a folder, with these lines to begin with.
    pub fn open(folder: &Path, profile: &str) -> Self {
        let mut bash = as_from_outside(&mut Command::new("bash"))
            .args(["--norc", "-e", "-o", "pipefail"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = bash.stdin.take().unwrap();
        let output = BufReader::new(bash.stdout.take().unwrap());
        let mut terminal = Self { bash, input, output, block: folder.join("block.sh") };
        let _ = terminal.run(&format!("exec 2>&1\n{profile}"));
        terminal
    }

    /// Runs a block; gives what it printed.
    pub fn run(&mut self, block: &str) -> String {
        fs::write(&self.block, block).unwrap();
        // From a file: what a command reads must not be the next command.
        let file = self.block.display();
        writeln!(self.input, ". '{file}' </dev/null; echo; echo '{DONE}'").unwrap();
        let mut said = String::new();
        loop {
            let start = said.len();
            let length = self.output.read_line(&mut said).unwrap();
            assert!(length > 0, "this has failed:\n{block}\nIt said:\n{said}");
            if said[start..].trim_end() == DONE {
                said.truncate(start);
                return said;
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.bash.kill();
        let _ = self.bash.wait();
    }
}
