//! Stock plugin `logger`: writes what a mail would be about to the log, and sends
//! none. For trying out, and for programs that read the log: whoever can do so can
//! follow the links.

mod python;

use python::Python;
use wazo_auth_plugin_api::prelude::*;

struct Logger;

impl EmailNotification for Logger {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self)
    }

    fn send_confirmation(&self, context: &EmailContext) -> Result<()> {
        write("send_confirmation", context);
        Ok(())
    }

    fn send_password_reset(&self, context: &EmailContext) -> Result<()> {
        write("send_password_reset", context);
        Ok(())
    }
}

fn write(method: &str, context: &EmailContext) {
    log::info!("email_notification_logger,{method},{}", Python(context));
}

export_plugins! { email_notification "logger" => Logger }

#[cfg(test)]
mod tests {
    use wazo_auth_plugin_api::testing::conformance;

    use super::*;

    #[test]
    fn it_conforms() {
        let host = MockHost::new();
        let options = conformance::Options::new(json!({}), host.clone());
        conformance::email_notification::<Logger>(options);
        let lines = host.logs();
        assert!(lines.len() > 100);
        assert!(lines.iter().all(|line| !line.text.contains(char::is_control)), "not one line");
    }

    #[test]
    fn a_line_is_a_dictionary_of_python() {
        let host = MockHost::new();
        let plugin = testing::email_notification::<Logger>(json!({}), host.clone()).unwrap();
        let mut context = EmailContext::new("t0ken", "o'neill@example.com");
        context.email_uuid = Some("e1".to_owned());
        context.hostname = Some("example.com".to_owned());
        plugin.send_confirmation(&context).unwrap();
        let mut context = EmailContext::new("t0ken", "a@example.com");
        context.username = Some("Ann \"\\'\n\u{7}\u{85}\u{2028}é\u{1f600}".to_owned());
        context.user_uuid = Some("u1".to_owned());
        (context.port, context.prefix) = (Some(443), Some("/api/auth".to_owned()));
        plugin.send_password_reset(&context).unwrap();
        let lines: Vec<String> = host.logs().into_iter().map(|line| line.text).collect();
        let expected = [
            "email_notification_logger,send_confirmation,{'token': 't0ken', 'username': None, \
             'email_uuid': 'e1', 'email_address': \"o'neill@example.com\", \
             'hostname': 'example.com'}",
            "email_notification_logger,send_password_reset,{'token': 't0ken', \
             'username': 'Ann \"\\\\\\'\\n\\x07\\x85\\u2028é😀', 'user_uuid': 'u1', \
             'email_address': 'a@example.com', 'port': 443, 'prefix': '/api/auth'}",
        ];
        assert_eq!(lines, expected);
    }
}
