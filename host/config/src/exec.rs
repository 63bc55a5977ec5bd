//! `!exec`: a value that a command prints.

use std::io;
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;

/// Why a command gave no value. Its arguments stay out of the sentence: they may hold a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecError {
    #[error("!exec takes a mapping with the key `command`, a text: `!exec {{command: …}}`")]
    NoCommand,
    #[error("the !exec command `{program}` cannot be started: {source}")]
    Start { program: String, source: io::Error },
    #[error("the !exec command `{program}` failed: {status}")]
    Failed { program: String, status: ExitStatus },
    #[error("the !exec command `{program}` printed no UTF-8 text")]
    NotUtf8 { program: String },
    #[error("the output of the !exec command `{program}` is not valid YAML: {source}")]
    Yaml { program: String, source: serde_yaml::Error },
}

/// Runs `content["command"]`, split on single spaces and without a shell, and
/// reads its standard output as YAML.
pub(crate) fn run(content: &Value) -> Result<Value, ExecError> {
    let command = content.get("command").and_then(Value::as_str).ok_or(ExecError::NoCommand)?;
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default().to_owned();
    let output = Command::new(&program)
        .args(words)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| ExecError::Start { program: program.clone(), source })?;
    if !output.status.success() {
        return Err(ExecError::Failed { program, status: output.status });
    }
    let Ok(text) = String::from_utf8(output.stdout) else {
        return Err(ExecError::NotUtf8 { program });
    };
    crate::yaml::parse_output(&text).map_err(|source| ExecError::Yaml { program, source })
}
