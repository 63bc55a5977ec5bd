//! The backend against a real server.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use wazo_auth_plugin_api::{
    host::LdapConfig,
    prelude::*,
    testing::conformance::{self, Options},
};
use wazo_auth_servers::slapd::{PEOPLE, Person, SERVICE, SUFFIX, Slapd};

use super::{Ldap, LdapUser};
use crate::connection::TIMEOUT;

const TENANT: &str = "7b1f0c6e-3f39-4d5c-8d4e-8b3cf0f1a001";
const PASSWORD: &str = "p4ss-of-everybody";

/// What is different of somebody who is called `uid=<uid>,ou=people`.
fn person<'a>(uid: &'a str, mail: &'a [&'a str]) -> Person<'a> {
    let rdn = format!("uid={uid}").leak();
    Person { rdn, place: "ou=people", uid, mail, password: PASSWORD }
}

/// The server that most tests share. It ends with this process.
static SLAPD: LazyLock<Slapd> = LazyLock::new(|| {
    Slapd::start(&[
        person("alice", &["Alice@Example.ORG", "second@example.org"]),
        person("mailless", &[]),
        Person { rdn: r"uid=co\,mma", uid: "co,mma", ..person("", &["comma@example.org"]) },
        Person { rdn: r"uid=st*r (x)\\", uid: r"st*r (x)\", ..person("", &["star@example.org"]) },
        Person { rdn: r"uid=\#1\+1\=2\ ", uid: "#1+1=2 ", ..person("", &["sum@example.org"]) },
        person("twin", &["twin-1@example.org"]),
        Person { place: "ou=others", ..person("twin", &["twin-2@example.org"]) },
        Person { place: "ou=shy", ..person("shy", &["shy@example.org"]) },
        Person { place: "ou=mute", ..person("mute", &["mute@example.org"]) },
        person("elsewhere", &["elsewhere@example.org"]),
    ])
});

/// A tenant's server, in clear, with a service account.
fn with_service(port: u16) -> Value {
    let (bind_dn, bind_password) = SERVICE;
    json!({"tenant_uuid": TENANT, "host": "127.0.0.1", "port": port, "bind_dn": bind_dn,
           "bind_password": bind_password, "user_base_dn": SUFFIX, "user_login_attribute": "uid",
           "user_email_attribute": "mail"})
}

/// The same without one.
fn without_service(port: u16) -> Value {
    changed(with_service(port), json!({"bind_dn": null, "user_base_dn": PEOPLE}))
}

fn changed(mut config: Value, by: Value) -> Value {
    config.as_object_mut().unwrap().extend(by.as_object().unwrap().clone());
    config
}

/// A daemon in which everybody whom the server knows is a user of the tenant.
fn host(config: Value) -> MockHost {
    let of_tenant = |request: &Value| {
        let login = request["login"].as_str().unwrap();
        let is_known = request["tenant_uuid"] == TENANT && login != "elsewhere@example.org";
        let mut user = User::new("u1", TENANT);
        user.username = Some(login.to_owned());
        Ok(json!({"user": is_known.then_some(user)}))
    };
    MockHost::new()
        .on("tenants.get_by_domain_name", |request| {
            let is_known = request["domain_name"] == "example.org";
            Ok(json!({"tenant": is_known.then(|| json!({"uuid": TENANT}))}))
        })
        .on("tenants.get_by_uuid_or_slug", |request| {
            let is_known = request["id"] == "acme";
            Ok(json!({"tenant": is_known.then(|| json!({"uuid": TENANT}))}))
        })
        .on("ldap.get", move |request| {
            assert_eq!(request["tenant_uuid"], TENANT);
            Ok(json!({"config": config}))
        })
        .on("users.get_of_tenant", of_tenant)
}

/// Logs in; gives the address that the server has for the login, and what was
/// logged.
fn log_in(config: Value, login: &str, password: &str) -> (Option<String>, String) {
    log_in_with(json!({}), config, login, password)
}

fn log_in_with(
    plugin: Value,
    config: Value,
    login: &str,
    password: &str,
) -> (Option<String>, String) {
    let host = host(config);
    let backend = testing::backend::<LdapUser>(plugin, host.clone()).unwrap();
    let mut args = Args::from_value(json!({"domain_name": "example.org"}));
    let verified = backend.verify_password(login, password, &mut args).unwrap();
    let email = args.str("user_email").map(str::to_owned);
    assert_eq!(verified, email.is_some());
    let all: Vec<_> = host.logs().iter().map(|line| line.text.clone()).collect();
    for secret in [PASSWORD, SERVICE.1] {
        assert!(!all.join("\n").contains(secret), "{all:?}");
    }
    // What is said of each connection at the levels below interests nobody here.
    let log = host.logs().into_iter().filter(|line| line.level <= log::Level::Info as u32);
    let log: Vec<_> = log.map(|line| line.text).collect();
    (email, log.join("\n"))
}

#[track_caller]
fn email(config: Value, login: &str) -> Option<String> {
    log_in(config, login, PASSWORD).0
}

/// The reason in the log for which nobody can log in.
#[track_caller]
fn reason(config: Value) -> String {
    let (email, log) = log_in(config, "alice", PASSWORD);
    assert_eq!(email, None);
    let reason = log.split(&format!("of tenant {TENANT}: ")).nth(1);
    reason.unwrap_or_else(|| panic!("no reason in {log:?}")).to_owned()
}

#[test]
fn both_conform() {
    for config in [with_service, without_service] {
        let host = host(config(SLAPD.port())).answer("backends.get", json!({"usable": true}));
        let options = Options::new(json!({}), host).args(json!({"domain_name": "example.org"}));
        conformance::backend::<LdapUser>(options.clone().login("alice", PASSWORD));
        conformance::identity_provider::<Ldap>(options);
    }
}

#[test]
fn a_user_is_found_by_the_service_account_and_logs_in() {
    let config = || with_service(SLAPD.port());
    assert_eq!(email(config(), "alice").as_deref(), Some("alice@example.org"));
    assert_eq!(email(config(), "ALICE").as_deref(), Some("alice@example.org"));
    let upper = changed(config(), json!({"user_email_attribute": "MAIL"}));
    assert_eq!(email(upper, "alice").as_deref(), Some("alice@example.org"));
    for version in [2, 3] {
        let config = changed(config(), json!({"protocol_version": version}));
        assert!(email(config, "alice").is_some(), "{version}");
    }
    let (nobody, log) = log_in(config(), "alice", "wrong");
    assert_eq!((nobody, &*log), (None, ""), "a wrong password is no news");
    assert_eq!(log_in(config(), "nobody", PASSWORD), (None, String::new()));
}

#[test]
fn a_user_logs_in_by_its_own_name_where_there_is_no_service_account() {
    let config = || without_service(SLAPD.port());
    assert_eq!(email(config(), "alice").as_deref(), Some("alice@example.org"));
    for half in [json!({"bind_dn": ""}), json!({"bind_dn": SERVICE.0, "bind_password": ""})] {
        // A filter without a service account is not looked at.
        let half = changed(changed(config(), half), json!({"search_filters": "{wrong"}));
        assert!(email(half, "alice").is_some());
    }
    assert_eq!(log_in(config(), "alice", "wrong"), (None, String::new()));
    assert_eq!(log_in(config(), "nobody", PASSWORD), (None, String::new()));
    assert_eq!(email(config(), "shy"), None, "not below the base");
}

#[test]
fn no_character_of_a_login_means_anything() {
    for config in [with_service, without_service] {
        let email = |login: &str| email(config(SLAPD.port()), login);
        for (login, address) in [
            ("co,mma", "comma@example.org"),
            (r"st*r (x)\", "star@example.org"),
            ("#1+1=2", "sum@example.org"),
        ] {
            assert_eq!(email(login).as_deref(), Some(address), "{login}");
        }
        for login in [
            "*",
            "ali*",
            "a*e",
            "alice)(uid=*",
            "*)(|(uid=*",
            "alice)",
            "(alice",
            r"ali\63e",
            r"\2a",
            "alice,ou=people",
            "alice,ou=people,dc=example,dc=org",
            "alice+cn=x",
            "alice\0",
            "\0",
            "alice\0)(uid=*",
            "alice;x",
            "<GUID=1>",
            "\u{202e}alice",
        ] {
            assert_eq!(email(login), None, "{login:?}");
        }
    }
}

#[test]
fn nothing_is_asked_with_an_empty_password_or_login() {
    // Nobody listens there: asking would be told in the log.
    for config in [with_service(1), without_service(1)] {
        for (login, password) in [("alice", ""), ("", PASSWORD), ("", "")] {
            assert_eq!(log_in(config.clone(), login, password), (None, String::new()));
        }
        for password in [" ", "\0", "\0\0", "p4ss-of-everybody\0"] {
            let port = SLAPD.port();
            let config = changed(config.clone(), json!({"port": port}));
            assert_eq!(log_in(config, "alice", password).0, None, "{password:?}");
        }
    }
}

#[test]
fn filters_say_which_entry_is_a_users() {
    let email = |filter: &str, login: &str| {
        let config = changed(with_service(SLAPD.port()), json!({"search_filters": filter}));
        email(config, login)
    };
    let alice = Some("alice@example.org".to_owned());
    for (filter, login) in [
        ("", "alice"),
        ("uid={username}", "alice"),
        ("(&(objectClass=inetOrgPerson)({user_login_attribute}={username}))", "alice"),
        ("(|(uid={username})({user_email_attribute}={username}))", "second@example.org"),
        ("(&(uid=al*ce)(!(cn={username})))", "anything"),
        ("uid:caseIgnoreMatch:={username}", "alice"),
    ] {
        assert_eq!(email(filter, login), alice, "{filter}");
    }
    let deep = format!("{}(uid=*{{username}}*){}", "(&".repeat(23), ")".repeat(23));
    assert_eq!(email(&deep, "alice"), alice);
    assert_eq!(email("(&(uid={username})(cn=y))", "alice"), None);
    assert_eq!(email("uid={username}", "twin"), None, "two entries");
    assert_eq!(email("(objectClass=*)", "alice"), None, "many entries");
    for (filter, expected) in [
        ("(uid={login})", "its search_filters cannot be used: it holds {login}; there are "),
        ("(uid={username", "its search_filters cannot be used: it has a `{` without a `}`"),
        ("(uid={username}", "its search_filters cannot be used: a `(` is not closed"),
    ] {
        let config = changed(with_service(1), json!({"search_filters": filter}));
        assert!(reason(config.clone()).starts_with(expected), "{filter}: {}", reason(config));
    }
}

#[test]
fn an_address_is_read_with_the_users_own_rights_where_need_be() {
    let port = SLAPD.port();
    assert_eq!(email(with_service(port), "shy").as_deref(), Some("shy@example.org"));
    let below = |place: &str| {
        changed(without_service(port), json!({"user_base_dn": format!("ou={place},{SUFFIX}")}))
    };
    assert_eq!(email(below("shy"), "shy").as_deref(), Some("shy@example.org"));
    for (config, login) in [
        (with_service(port), "mailless"),
        (without_service(port), "mailless"),
        (with_service(port), "mute"),
        (below("mute"), "mute"),
    ] {
        let (nobody, log) = log_in(config, login, PASSWORD);
        assert!(nobody.is_none() && log.contains("no `mail` of \"uid="), "{log}");
    }
    let other = changed(with_service(port), json!({"user_email_attribute": ""}));
    assert_eq!(email(other, "alice"), None);
}

#[test]
fn what_the_service_account_cannot_do_is_told() {
    let port = SLAPD.port();
    let config = |by: Value| changed(with_service(port), by);
    let refused = "it does not accept its bind_dn with its bind_password";
    assert_eq!(reason(config(json!({"bind_password": "wr0ng-b1nd"}))), refused);
    let nobody = config(json!({"bind_dn": format!("cn=nobody,{SUFFIX}")}));
    assert_eq!(reason(nobody), refused);
    let malformed = config(json!({"bind_dn": "service"}));
    assert_eq!(reason(malformed), "it answers with result code 34: invalid DN");
    let absent = config(json!({"user_base_dn": "dc=example,dc=com"}));
    assert_eq!(reason(absent), "it answers with result code 32");
}

#[test]
fn connections_are_encrypted_to_servers_that_prove_who_they_are() {
    let plugin = json!({"ca_file": SLAPD.ca_file()});
    for (security, port) in [("ldaps", SLAPD.tls_port()), ("tls", SLAPD.port())] {
        for config in [with_service(port), without_service(port)] {
            for host in ["127.0.0.1", "localhost"] {
                let by = json!({"host": host, "protocol_security": security});
                let config = changed(config.clone(), by);
                let log_in =
                    |plugin: &Value| log_in_with(plugin.clone(), config.clone(), "alice", PASSWORD);
                let (email, log) = log_in(&plugin);
                assert_eq!(
                    (email.as_deref(), &*log),
                    (Some("alice@example.org"), ""),
                    "{security}"
                );
                let (nobody, log) = log_in(&json!({}));
                assert!(nobody.is_none() && log.contains("TLS: invalid peer certificate"), "{log}");
            }
            let by = json!({"host": "127.0.0.2", "protocol_security": security});
            let (nobody, log) = log_in_with(plugin.clone(), changed(config, by), "alice", PASSWORD);
            assert!(nobody.is_none(), "another name than the certificate's: {log}");
        }
    }
    let crossed = [("ldaps", SLAPD.port()), ("tls", SLAPD.tls_port())];
    for (security, port) in crossed {
        let config = changed(with_service(port), json!({"protocol_security": security}));
        let (nobody, log) = log_in_with(plugin.clone(), config, "alice", PASSWORD);
        assert!(nobody.is_none() && !log.is_empty(), "{security}");
    }
}

#[test]
fn an_authority_that_cannot_be_read_is_told_at_the_start() {
    let config = json!({"ca_file": "/no/such.pem"});
    let error = testing::backend::<LdapUser>(config, MockHost::new()).err().unwrap();
    let expected =
        "config: `ca_file` cannot be used: the certificates in /no/such.pem cannot be read";
    assert!(error.text().starts_with(expected), "{}", error.text());
}

#[test]
fn a_server_that_is_not_there_or_does_not_answer_costs_two_seconds_at_most() {
    let refused = reason(with_service(1));
    assert!(refused.starts_with("it cannot be reached: Connection refused"), "{refused}");
    let beyond = changed(with_service(1), json!({"port": 70_000}));
    assert_eq!(reason(beyond), "there is no such port");
    let unknown = changed(with_service(1), json!({"host": "no.such.host.invalid"}));
    assert!(reason(unknown).starts_with("it cannot be reached: "));

    // The system accepts for it; nobody ever reads.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for security in [json!(null), json!("tls"), json!("ldaps")] {
        let began = Instant::now();
        let config = changed(with_service(port), json!({"protocol_security": security}));
        assert!(reason(config).ends_with("it does not answer in time"), "{security}");
        let took = began.elapsed();
        assert!(took >= TIMEOUT && took < TIMEOUT * 2, "{took:?}");
    }
}

/// A server that answers each connection with these bytes and then nothing.
fn answering(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut kept: Vec<TcpStream> = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.write_all(&bytes);
            kept.push(stream);
        }
    });
    port
}

#[test]
fn nothing_that_a_server_sends_does_any_harm() {
    let nested = |levels: u32| {
        let lengths = (0..levels).rev().map(|inside| (inside * 6).to_be_bytes());
        lengths.flat_map(|length| [&[0x30, 0x84][..], &length].concat()).collect::<Vec<u8>>()
    };
    let strange = "it answers something that is not LDAP, or not what was asked";
    for (bytes, expected) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), strange),
        (nested(100_000), strange),
        (vec![0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], strange),
        (vec![0x30, 0x80, 0, 0], strange),
        (vec![0x30, 0], strange),
        // Another number than the request's; a success of another operation.
        (b"\x30\x0c\x02\x01\x09\x61\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec(), strange),
        (b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec(), strange),
        // It takes its leave, with colours and a line of its own.
        (
            b"\x30\x13\x02\x01\x00\x78\x0e\x0a\x01\x34\x04\x00\x04\x07a\n\x1b[31m".to_vec(),
            "it answers with result code 52: a\\n\\u{1b}[31m",
        ),
        (vec![0x30, 0x10], "it does not answer in time"),
    ] {
        for config in [with_service, without_service] {
            let port = answering(bytes.clone());
            assert_eq!(reason(config(port)), expected, "{:?}", &bytes[..bytes.len().min(20)]);
        }
    }
}

/// A server that answers the requests of each connection with these bytes in turn, and
/// then ends it.
fn conversing(answers: Vec<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            for answer in &answers {
                // The requests are small: each comes as one piece.
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(answer);
            }
        }
    });
    port
}

#[test]
fn what_a_search_must_not_find_is_nobody() {
    let bound = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec();
    let entry = b"\x30\x0b\x02\x01\x02\x64\x06\x04\x02\x63\x6e\x30\x00".to_vec();
    let nameless = b"\x30\x09\x02\x01\x02\x64\x04\x04\x00\x30\x00".to_vec();
    let elsewhere = b"\x30\x0f\x02\x01\x02\x73\x0a\x04\x08ldap://x".to_vec();
    let done = b"\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec();
    let strange = "it answers something that is not LDAP, or not what was asked";
    for (search, expected) in [
        (vec![&elsewhere, &entry, &done], None),
        (vec![&nameless, &done], None),
        // A server that does not care how many it was asked for, without an end.
        (vec![&entry; 10_000], None),
        (vec![&bound], Some(strange)),
        // What comes too late answers nothing.
        (vec![&done, &done], None),
        (vec![&b"\x30\x09\x02\x01\x02\x64\x04\x04\x02\x63\x6e".to_vec()], Some(strange)),
    ] {
        let search = search.into_iter().flatten().copied().collect();
        let port = conversing(vec![bound.clone(), search]);
        let (nobody, log) = log_in(with_service(port), "alice", PASSWORD);
        assert_eq!(nobody, None);
        assert!(expected.map_or(log.is_empty(), |expected| log.ends_with(expected)), "{log}");
    }
}

#[test]
fn a_server_may_go_once_it_has_answered() {
    let bound =
        |id| [&b"\x30\x0c\x02\x01"[..], &[id], b"\x61\x07\x0a\x01\x00\x04\x00\x04\x00"].concat();
    let entry =
        b"\x30\x1a\x02\x01\x02\x64\x15\x04\x02cn\x30\x0f\x30\x0d\x04\x04MAIL\x31\x05\x04\x03a@b";
    let done = b"\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00";
    let leave = b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x34\x04\x00\x04\x00";
    let search = [&entry[..], done].concat();
    for last in [bound(3), [&bound(3)[..], leave].concat()] {
        let port = conversing(vec![bound(1), search.clone(), last]);
        assert_eq!(email(with_service(port), "alice").as_deref(), Some("a@b"));
    }
}

#[test]
fn nothing_told_in_clear_counts_once_a_connection_is_encrypted() {
    let agreed = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
    let bound = b"\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
    for more in [&bound[..], &bound[..1]] {
        let port = conversing(vec![[&agreed[..], more].concat()]);
        let config = changed(with_service(port), json!({"protocol_security": "tls"}));
        let plugin = json!({"ca_file": SLAPD.ca_file()});
        let (nobody, log) = log_in_with(plugin, config, "alice", PASSWORD);
        let strange = "it answers something that is not LDAP, or not what was asked";
        assert!(nobody.is_none() && log.ends_with(strange), "{log}");
    }
}

#[test]
fn what_a_server_repeats_of_a_password_is_hidden() {
    let told = format!("no {} or {}", SERVICE.1, PASSWORD);
    let length = u8::try_from(told.len()).unwrap();
    let result = [&[0x0A, 1, 53, 4, 0, 4, length][..], told.as_bytes()].concat();
    let head = [0x30, length + 12, 2, 1, 1, 0x61, length + 7];
    let port = answering([&head[..], &result].concat());
    assert_eq!(
        reason(with_service(port)),
        "it answers with result code 53: no <hidden> or <hidden>"
    );
}

#[test]
fn the_tenant_is_that_of_the_domain_or_else_of_the_identifier() {
    let host = host(with_service(SLAPD.port()));
    let backend = testing::backend::<LdapUser>(json!({}), host.clone()).unwrap();
    let log_in = |args: Value| {
        backend.verify_password("alice", PASSWORD, &mut Args::from_value(args)).unwrap()
    };
    assert!(log_in(json!({"domain_name": "example.org", "tenant_id": "no"})));
    for args in [
        json!({"domain_name": "", "tenant_id": "acme"}),
        json!({"domain_name": "Example.org"}),
        json!({}),
    ] {
        assert!(!log_in(args.clone()), "{args}");
    }
    assert!(host.logs().iter().all(|line| !line.text.contains("alice")));
    for id in ["no", ""] {
        let mut args = Args::from_value(json!({"tenant_id": id}));
        let error = backend.verify_password("alice", PASSWORD, &mut args).unwrap_err();
        let api = error.api().unwrap();
        assert_eq!((api.status, &*api.error_id), (404, "unknown-tenant"));
        assert_eq!(api.details["uuid"], id);
    }
    assert!(log_in(json!({"tenant_id": "acme"})));
    assert!(host.logs().iter().any(|line| line.text.contains("deprecated")));
    let none = super::tests::host(Value::Null);
    let backend = testing::backend::<LdapUser>(json!({}), none).unwrap();
    let mut args = Args::from_value(json!({"domain_name": "example.org"}));
    assert!(!backend.verify_password("alice", PASSWORD, &mut args).unwrap(), "no server");
}

#[test]
fn whom_the_tenant_does_not_know_is_refused() {
    let (nobody, log) = log_in(with_service(SLAPD.port()), "elsewhere", PASSWORD);
    assert!(nobody.is_none() && log.contains("\"elsewhere@example.org\""), "{log}");
}

#[test]
fn metadata_are_those_of_the_users_purpose_over_those_of_every_backend() {
    let mut user = User::new("u1", TENANT);
    user.username = Some("alice@example.org".to_owned());
    let host = MockHost::new().user(user).on("metadata.get_token_metadata", |request| {
        Ok(json!({"metadata": {"auth_id": "u1", "of": request["purpose"]}}))
    });
    let backend = testing::backend::<LdapUser>(json!({}), host).unwrap();
    let metadata = backend.get_metadata("alice@example.org", &mut Args::new()).unwrap();
    let expected = json!({"auth_id": "u1", "username": "alice@example.org", "of": "user",
                          "xivo_uuid": "mock-platform", "pbx_user_uuid": null});
    assert_eq!(Value::Object(metadata), expected);
}

#[test]
fn fifty_logins_at_once_leave_nothing_open() {
    let open = || {
        fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter(|entry| {
                let target = fs::read_link(entry.as_ref().unwrap().path());
                target.is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
            })
            .count()
    };
    let slapd = Slapd::start(&[person("alice", &["alice@example.org"])]);
    let backend = testing::backend::<LdapUser>(
        json!({"ca_file": slapd.ca_file()}),
        host(changed(with_service(slapd.tls_port()), json!({"protocol_security": "ldaps"}))),
    )
    .unwrap();
    let log_in = |password: &str| {
        let mut args = Args::from_value(json!({"domain_name": "example.org"}));
        backend.verify_password("alice", password, &mut args).unwrap()
    };
    thread::scope(|scope| {
        let logins: Vec<_> = (0..50)
            .map(|number| {
                scope.spawn(move || (number, log_in(if number % 2 == 0 { PASSWORD } else { "no" })))
            })
            .collect();
        for login in logins {
            let (number, verified) = login.join().unwrap();
            assert_eq!(verified, number % 2 == 0);
        }
    });
    // Other tests of this process come and go.
    let deadline = Instant::now() + Duration::from_secs(30);
    while open() > 45 {
        assert!(Instant::now() < deadline, "{} sockets are open", open());
        thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn the_bind_password_is_in_no_debug_text() {
    let config: LdapConfig = serde_json::from_value(with_service(1)).unwrap();
    assert!(!format!("{config:?}").contains(SERVICE.1));
}

fn provider(config: Value) -> testing::TestedIdentityProvider {
    let host = host(config).answer("backends.get", json!({"usable": true}));
    testing::identity_provider::<Ldap>(json!({}), host).unwrap()
}

#[test]
fn the_provider_takes_logins_that_name_a_tenant() {
    let provider = provider(with_service(1));
    assert_eq!(provider.authentication_method().unwrap(), "ldap");
    let credentials = json!({"login": "alice", "password": PASSWORD});
    let applies = |args: Value| {
        provider.can_authenticate(&Args::from_value(args), &LoginRequest::default()).unwrap()
    };
    for tenant in [
        json!({"domain_name": "example.org"}),
        json!({"domain_name": ""}),
        json!({"tenant_id": ""}),
    ] {
        assert!(applies(changed(credentials.clone(), tenant.clone())), "{tenant}");
        assert!(!applies(tenant));
    }
    assert!(!applies(credentials));
    assert_eq!(provider.get_backend(&Args::new()).unwrap(), "ldap_user");
}

#[test]
fn the_provider_gives_the_address_that_the_server_has() {
    let provider = provider(with_service(SLAPD.port()));
    let log_in = |password: &str, domain: &str| {
        let args = json!({"login": "alice", "password": password, "domain_name": domain});
        let mut args = Args::from_value(args);
        let identity = provider.verify_auth(&mut args, &LoginRequest::default());
        identity.map(|identity| (identity, args))
    };
    let (identity, args) = log_in(PASSWORD, "example.org").unwrap();
    assert_eq!(identity, Identity::new("ldap_user", "alice@example.org"));
    assert_eq!(
        (args.str("user_email"), args.str("pbx_user_uuid")),
        (Some("alice@example.org"), Some("u1"))
    );
    for (password, domain) in [("wrong", "example.org"), (PASSWORD, "example.com"), (PASSWORD, "")]
    {
        let error = log_in(password, domain).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert_eq!(error.text(), "invalid login or password for LDAP login alice");
    }
}

#[test]
fn the_provider_does_without_nothing_but_its_backend() {
    let host = MockHost::new().answer("backends.get", json!({"usable": false}));
    let error = testing::identity_provider::<Ldap>(json!({}), host).err().unwrap();
    assert!(error.text().contains("enabled_backend_plugins.ldap_user"), "{}", error.text());
}
