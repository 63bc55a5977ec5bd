//! The kit lets good plugins pass, and says what is wrong with others.

use std::panic::catch_unwind;

use super::*;
use crate::{Args, Error, Identity, LoginRequest, NoConfig, serde_json::json};

/// Knows one login; does what `FAULT` says besides.
struct Faulty<const FAULT: usize>(Host);

const NONE: usize = 0;
const PANICS: usize = 1;
const CUTS_AT_NUL: usize = 2;
const TELLS: usize = 3;
const LOGS: usize = 4;
const HANGS: usize = 5;
const PANICS_IN_DROP: usize = 6;
const FLOODS: usize = 7;
const FORGETS_ACCESSES: usize = 8;
const LACKS_THE_METHOD: usize = 9;
const FORGETS_THE_LOGIN: usize = 10;
const BLAMES_ITS_CONFIGURATION: usize = 11;
const NESTS: usize = 12;

const KNOWN: (&str, &str) = ("wile", "coyote");

impl<const FAULT: usize> Backend for Faulty<FAULT> {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self(host))
    }

    fn verify_password(&self, login: &str, password: &str, args: &mut Args) -> Result<bool> {
        let given = (login, password);
        match FAULT {
            PANICS => assert!(login != "*", "no such star"),
            CUTS_AT_NUL => {
                let cut =
                    |text: &'static str| move |given: &str| given.split('\0').next() == Some(text);
                return Ok(cut(KNOWN.0)(login) && cut(KNOWN.1)(password));
            }
            TELLS if given != KNOWN => return Err(Error::other(format!("no {password:?}"))),
            LOGS => log::info!("{login} comes with {password}"),
            HANGS if login == "*" => loop {
                std::thread::park();
            },
            LACKS_THE_METHOD => return Err(Error::unsupported()),
            FORGETS_THE_LOGIN => return Ok(false),
            BLAMES_ITS_CONFIGURATION if login == "*" => return Err(Error::config("no stars")),
            NESTS => {
                let nested = (0..70).fold(Value::Null, |inner, _| json!([inner]));
                args.insert("nested", nested);
            }
            _ => {}
        }
        Ok(given == KNOWN)
    }

    fn get_acl(&self, _login: &str, args: &mut Args) -> Result<Vec<String>> {
        match FAULT {
            FORGETS_ACCESSES => Ok(vec!["calld.#".to_owned()]),
            FLOODS => Ok(vec!["x".repeat(2 * 1024 * 1024)]),
            _ => Ok(args.acl()),
        }
    }

    fn get_metadata(&self, login: &str, _args: &mut Args) -> Result<Map> {
        self.0.base_metadata(login)
    }
}

impl<const FAULT: usize> Drop for Faulty<FAULT> {
    fn drop(&mut self) {
        assert!(FAULT != PANICS_IN_DROP, "no end");
    }
}

fn options() -> Options {
    let options = Options::new(json!({}), MockHost::new());
    options.login(KNOWN.0, KNOWN.1).timeout(Duration::from_secs(2))
}

/// What a check says, without its first line.
#[track_caller]
fn said(check: impl FnOnce(Options) + std::panic::UnwindSafe) -> Vec<String> {
    let options = std::panic::AssertUnwindSafe(options());
    let panicked = catch_unwind(|| {
        let options = options;
        check(options.0);
    });
    let said = panicked.expect_err("it passes");
    let said = said.downcast_ref::<String>().expect("a sentence");
    let lines = said.lines().skip(1).map(|line| line.trim_start_matches("- ").to_owned());
    lines.collect()
}

#[test]
fn a_good_backend_passes() {
    backend::<Faulty<NONE>>(options());
}

#[test]
fn what_is_wrong_with_a_backend_is_said() {
    let calls = "verify_password with a wildcard as the login";
    let thrice = |said: &[String], wrong: &str| {
        assert!(said.len() <= 3, "{said:?}");
        assert!(said[0].starts_with("verify_password with "), "{said:?}");
        assert!(said.iter().all(|sentence| sentence.contains(wrong)), "{said:?}");
    };
    let panics = said(backend::<Faulty<PANICS>>);
    assert!(panics[0].starts_with(calls), "{panics:?}");
    thrice(&panics, "it panicked: no such star");
    let cuts = said(backend::<Faulty<CUTS_AT_NUL>>);
    thrice(&cuts, "it accepts a login that nobody has");
    assert!(cuts[0].contains("NUL after the right password"), "{cuts:?}");
    thrice(&said(backend::<Faulty<BLAMES_ITS_CONFIGURATION>>), "only its constructor can fail");
    let drop = "its destructor: it panicked".to_owned();
    assert_eq!(said(backend::<Faulty<PANICS_IN_DROP>>)[0], drop);
    assert!(said(backend::<Faulty<TELLS>>)[0].contains("its failure tells a password"));
    let logs = said(backend::<Faulty<LOGS>>);
    let sentence = "it tells a password: wile comes with coyote";
    assert!(logs.len() == 1 && logs[0].ends_with(sentence), "{logs:?}");
    let floods = said(backend::<Faulty<FLOODS>>);
    let sentence = "the head of its answer has 2097164 bytes, at most 1048576 are read";
    assert!(floods[0].starts_with("get_acl with ") && floods[0].ends_with(sentence), "{floods:?}");
    let accesses = said(backend::<Faulty<FORGETS_ACCESSES>>);
    assert!(accesses[0].contains("its answer lacks \"auth.kit.read\""), "{accesses:?}");
    let lacks = said(backend::<Faulty<LACKS_THE_METHOD>>);
    assert!(lacks.iter().any(|line| line.contains("every plugin of this kind has this method")));
    let forgets = said(backend::<Faulty<FORGETS_THE_LOGIN>>);
    let sentence = "it refuses a login that is right";
    assert!(forgets.len() == 1 && forgets[0].ends_with(sentence), "{forgets:?}");
    assert!(said(backend::<Faulty<NESTS>>)[0].contains("levels deep, at most 64 are read"));
}

#[test]
fn what_hangs_is_left_alone() {
    let hangs = said(backend::<Faulty<HANGS>>);
    assert!(hangs.iter().any(|line| line.contains("with a wildcard as the login")), "{hangs:?}");
    assert!(hangs.iter().any(|line| line.contains("it did not return in time")), "{hangs:?}");
}

/// Says of itself what is configured.
struct Indiscreet;

#[derive(serde::Deserialize)]
struct Secret {
    key: Value,
}

impl Metadata for Indiscreet {
    type Config = Secret;

    fn new(config: Secret, _host: Host) -> Result<Self> {
        match config.key.as_str() {
            Some("open") => Ok(Self),
            Some(_) => Err(Error::other("another key")),
            None => Err(Error::config(format!("{} opens nothing", config.key))),
        }
    }
}

#[test]
fn a_configuration_is_refused_without_its_values() {
    let options = |key: &str| Options::new(json!({"key": key}), MockHost::new());
    let wrong = said(|_| metadata::<Indiscreet>(options("open")));
    let sentence = "its constructor with another type of `key` in its configuration: its failure \
                    tells what is configured: config: [\\\"kit-value-of-nobody\\\"] opens nothing";
    assert_eq!(wrong, [sentence]);
    let wrong = said(|_| metadata::<Indiscreet>(options("shut")));
    assert_eq!(
        wrong,
        ["its constructor: it cannot be made with the given configuration: another key"]
    );
}

/// Takes every second request for its own, and every login for a right one.
struct Fickle(std::sync::atomic::AtomicUsize);

impl IdentityProvider for Fickle {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self(0.into()))
    }

    fn authentication_method(&self) -> &str {
        ""
    }

    fn can_authenticate(&self, _args: &Args, _request: &LoginRequest) -> Result<bool> {
        Ok(self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 2 == 0)
    }

    fn verify_auth(&self, args: &mut Args, _request: &LoginRequest) -> Result<Identity> {
        Ok(Identity::new("wazo_user", args.login().unwrap_or_default()))
    }
}

#[test]
fn what_is_wrong_with_an_identity_provider_is_said() {
    let wrong = said(identity_provider::<Fickle>);
    for (what, sentence) in [
        ("get_authentication_method", "it names no authentication method"),
        ("can_authenticate", "another answer comes to the same question"),
        ("verify_auth", "it accepts a login that nobody has"),
    ] {
        let is_it = |line: &String| line.starts_with(what) && line.ends_with(sentence);
        assert!(wrong.iter().any(is_it), "{what}: {wrong:?}");
    }
}

/// Has routes that are none, and answers what cannot be sent.
struct Routed;

impl HttpRoutes for Routed {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self)
    }

    fn routes(&self) -> Vec<crate::Route> {
        vec![crate::Route::new("GET", "/a/{b}", "auth.a.{c}.read")]
    }

    fn handle(&self, request: &crate::HttpRequest) -> Result<crate::HttpResponse> {
        let answer = crate::HttpResponse::new(if request.body.is_empty() { 20 } else { 200 });
        Ok(answer.with_header("x-b", request.parameter("b")))
    }
}

#[test]
fn what_is_wrong_with_routes_is_said() {
    let wrong = said(http::<Routed>);
    for (what, sentence) in [
        ("get_routes", "its route GET \"/a/{b}\" needs the access of a {c} that is not in it"),
        ("handle with an empty body", "it answers with status 20, which is none of an answer"),
        ("handle with a NUL in path", "its header \"x-b\" cannot be sent"),
    ] {
        let is_it = |line: &String| line.starts_with(what) && line.ends_with(sentence);
        assert!(wrong.iter().any(is_it), "{what}: {wrong:?}");
    }
}
