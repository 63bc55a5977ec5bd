//! The e-mail plugin `my_plugin`: hands each mail to a program, which may ask the
//! service of some provider to send it.
//!
//! The program reads one line of JSON from its standard input: `to`, `subject` and
//! `body`. Any exit code but 0 says that the mail is not sent.

#![forbid(unsafe_code)]

use std::{
    io::Write,
    process::{Command, Stdio},
};

use wazo_auth_plugin_api::prelude::*;

/// `plugins.my_plugin.config` of the daemon's configuration.
#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
struct Config {
    /// The program and its arguments.
    command: Vec<String>,
}

struct Plugin {
    program: String,
    arguments: Vec<String>,
    host: Host,
}

impl EmailNotification for Plugin {
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Self> {
        let mut command = config.command.into_iter();
        let program = command
            .next()
            .ok_or_else(|| Error::config("command: no program is named"))?;
        Ok(Self {
            program,
            arguments: command.collect(),
            host,
        })
    }

    fn send_confirmation(&self, context: &EmailContext) -> Result<()> {
        self.send(EmailTemplate::Confirmation, context)
    }

    fn send_password_reset(&self, context: &EmailContext) -> Result<()> {
        self.send(EmailTemplate::PasswordReset, context)
    }
}

impl Plugin {
    fn send(&self, template: EmailTemplate, context: &EmailContext) -> Result<()> {
        let mail = self.host.format_email(template, context)?;
        let to = &context.email_address;
        let line = json!({"to": to, "subject": mail.subject, "body": mail.body});
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut program = command
            .spawn()
            .map_err(|error| Error::other(format!("cannot run {}: {error}", self.program)))?;
        // What the program reads ends when this has been written.
        let written = program
            .stdin
            .take()
            .map(|mut input| writeln!(input, "{line}"));
        let status = program.wait()?;
        if !status.success() {
            return Err(Error::other(format!(
                "{} has failed ({status})",
                self.program
            )));
        }
        Ok(written.transpose().map(|_| ())?)
    }
}

export_plugins! {
    email_notification "my_plugin" => Plugin,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a mail about a hat through a command.
    fn send(command: Value) -> Result<()> {
        let mail = json!({"subject": "Hat", "body": "It's yours."});
        let host = MockHost::new().answer("emails.format", mail);
        let plugin = testing::email_notification::<Plugin>(json!({"command": command}), host)?;
        plugin.send_confirmation(&EmailContext::new("t0ken", "wile@acme.example"))
    }

    #[test]
    fn the_program_gets_the_mail() {
        let line = r#"{"body":"It's yours.","subject":"Hat","to":"wile@acme.example"}"#;
        assert_eq!(
            send(json!(["grep", "--fixed-strings", "--line-regexp", line])),
            Ok(())
        );
    }

    #[test]
    fn what_prevents_a_mail_is_told() {
        let error = |command| send(command).unwrap_err().text().to_owned();
        assert_eq!(error(json!(["false"])), "false has failed (exit status: 1)");
        assert!(error(json!(["/nowhere/send"])).starts_with("cannot run /nowhere/send: "));
        assert_eq!(error(json!([])), "config: command: no program is named");
    }

    #[test]
    fn it_keeps_its_promises_whatever_it_is_sent() {
        use testing::conformance::{self, Options};
        let mail = json!({"subject": "Hat", "body": "It's yours."});
        let host = MockHost::new().answer("emails.format", mail);
        let options = Options::new(json!({"command": ["true"]}), host);
        conformance::email_notification::<Plugin>(options);
    }
}
