//! Where a link in a mail leads: to the host that the request was sent to (http.md
//! section 6.2, email-flows.md section 6).

use std::borrow::Cow;

use http::header::HOST;
use wazo_auth_service::mails::Origin;

use crate::{
    App,
    call::{Call, forwarded},
};

/// What the client has named: before the proxies, if they tell.
pub(crate) fn of(app: &App, call: &Call) -> Origin {
    let headers = &call.parts.headers;
    let forwarded = forwarded(headers, "x-forwarded-host", app.settings.num_proxies);
    let host = forwarded.map(Cow::Borrowed).or_else(|| call.header(HOST.as_str()));
    let (hostname, port) = host.map_or((None, None), |host| parts(&host));
    let prefix = call.header("x-script-name").filter(|prefix| !prefix.is_empty());
    Origin { hostname, port, prefix: prefix.map(Cow::into_owned) }
}

/// `host`, `host:port`, `[address]` or `[address]:port`.
fn parts(host: &str) -> (Option<String>, Option<u16>) {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':')),
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let name = Some(name.to_lowercase()).filter(|name| !name.is_empty());
    (name, port.and_then(|port| port.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_and_perhaps_a_port() {
        for (host, name, port) in [
            ("Example.COM", Some("example.com"), None),
            ("example.com:8443", Some("example.com"), Some(8443)),
            ("[2001:DB8::1]:9497", Some("2001:db8::1"), Some(9497)),
            ("[::1]", Some("::1"), None),
            ("example.com:", Some("example.com"), None),
            ("example.com:http", Some("example.com"), None),
            ("", None, None),
        ] {
            assert_eq!(parts(host), (name.map(str::to_owned), port), "{host}");
        }
    }
}
