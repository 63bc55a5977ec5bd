//! A plugin written in C against our header.

use std::{fs, path::Path, process::Command};

use serde_json::json;
use wazo_auth_tests::{Daemon, Setup, c_plugin, command, header_folder};

const PASSWORD: &str = "\"coyote\"\\ \u{e9}\u{1f600}";

const ENABLED: &str = "\
enabled_backend_plugins: {acme_c: true}
enabled_http_plugins: {acme_platform: true}
";

fn config(isolation: &str) -> String {
    let users = json!({"wile": PASSWORD, "empty": ""});
    format!(
        "plugins:\n  acme_c: {{isolation: {isolation}, config: {{users: {users}}}}}\n  \
         acme_platform: {{isolation: {isolation}}}\n"
    )
}

/// Logs users in with it, in the daemon and in a process of its own.
pub fn works(file: &Path) {
    for isolation in ["in_process", "process"] {
        let setup = Setup::default().plugin(file).environment("XIVO_UUID", "the-platform");
        let daemon = setup.config(ENABLED).config(&config(isolation)).start();
        log_users_in(&daemon);
        let admin = daemon.admin_token();
        let answer = daemon.get("/0.1/acme/platform").token(&admin).send().expect(200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json()["xivo_uuid"], "the-platform");
        let _ = daemon.get("/0.1/acme/platform").send().expect(401);
        let maps = fs::read_to_string(format!("/proc/{}/maps", daemon.pid())).unwrap();
        assert_eq!(maps.contains("libacme_c.so"), isolation == "in_process");
    }
}

fn log_users_in(daemon: &Daemon) {
    let wile =
        daemon.create_user_with(json!({"username": "wile", "authentication_method": "acme_c"}));
    daemon.grant(&wile, &["calld.calls.read"]);
    let log_in =
        |password: &str| daemon.post("/0.1/token").basic("wile", password).json("{}").send().status;
    for wrong in ["", "coyote", "\"coyote\"\\ \u{e9}", "wrong"] {
        assert_eq!(log_in(wrong), 401, "{wrong}");
    }
    let data = daemon.login("wile", PASSWORD, json!({}));
    assert_eq!(data["auth_id"], json!(wile));
    assert_eq!(data["metadata"]["purpose"], "user");
    // It asks the daemon for them.
    assert_eq!(data["acl"], json!(["calld.calls.read"]));
    let line = daemon.wait_for_log("acme_c: somebody has logged in").unwrap();
    assert!(line.contains("wazo_auth.plugin.acme_c"), "{line}");

    // Many at a time.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| drop(daemon.login("wile", PASSWORD, json!({})))));
        }
    });
}

#[test]
fn users_log_in_with_a_backend_in_c() {
    works(&c_plugin("acme_c"));
}

#[test]
fn a_wrong_configuration_is_one_sentence() {
    let cases = [
        ("{}", "`users` is missing"),
        ("{users: [wile]}", "`users` is no map of logins to passwords"),
        ("{userz: {}}", "the only key is `users`"),
    ];
    for (config, reason) in cases {
        let mut setup = Setup::default().plugin(c_plugin("acme_c")).config(ENABLED);
        setup = setup.config(&format!("plugins: {{acme_c: {{config: {config}}}}}"));
        let folder = setup.prepare();
        let file = folder.join("plugins/libacme_c.so");
        let (code, said, errors) =
            command::run(&folder, &["plugin", "check", file.to_str().unwrap()]);
        let sentence =
            format!("it refuses its configuration: {reason}; correct plugins.acme_c.config");
        assert_eq!(code, 1, "{said}");
        assert!(errors.contains(&sentence), "{errors}");
    }
    for isolation in ["in_process", "process"] {
        let plugins = format!("plugins: {{acme_c: {{isolation: {isolation}, config: {{}}}}}}");
        let setup = Setup::default().plugin(c_plugin("acme_c")).config(ENABLED);
        let daemon = setup.config(&plugins).start();
        let sentence = "error calling 'acme_c': it refuses its configuration: `users` is missing; \
                        correct plugins.acme_c.config";
        assert!(daemon.wait_for_log(sentence).is_some());
    }
}

#[test]
fn the_commands_about_plugins_know_it() {
    let mut setup =
        Setup::default().plugin(c_plugin("acme_c")).config(ENABLED).config(&config("in_process"));
    let folder = setup.prepare();
    let file = folder.join("plugins/libacme_c.so");
    let file = file.to_str().unwrap();
    let said = command::run_ok(&folder, &["plugin", "inspect", file]);
    for part in ["acme_c 1.2.3", "backend `acme_c`", "plugin API: 1.0.0", "fits this daemon"] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    let said = command::run_ok(&folder, &["plugin", "check", file]);
    assert!(said.contains("acme_c"), "{said}");
    // What it has no daemon to ask for, it says besides.
    let (code, said, errors) = command::run(&folder, &["plugin", "list"]);
    assert_eq!(code, 0, "{errors}");
    let line = said.lines().find(|line| line.contains(" acme_c ")).unwrap();
    assert!(line.contains(" enabled "), "{said}");
}

#[test]
fn the_header_is_one_for_c_and_for_cpp() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("nothing.c");
    let text = "#include <wazo_auth_plugin.h>\n#include <wazo_auth_plugin.h>\n\
        static void *create(wazo_auth_bytes k, wazo_auth_bytes n, wazo_auth_bytes c,\n\
                            const wazo_auth_host *h, wazo_auth_reply *f)\n\
        { (void)k; (void)n; (void)c; (void)h; (void)f; return 0; }\n\
        static void call(void *p, wazo_auth_bytes m, wazo_auth_bytes h, wazo_auth_bytes b,\n\
                         wazo_auth_reply *r)\n\
        { (void)p; (void)m; (void)h; (void)b; (void)r; }\n\
        static void destroy(void *p) { (void)p; }\n\
        static void free_reply(wazo_auth_reply *r) { (void)r; }\n\
        WAZO_AUTH_PLUGIN(\"nothing\", \"1.0.0\", WAZO_AUTH_OFFER(\"backend\", \"nothing\", \"1\"),\n\
                         create, call, destroy, free_reply)\n";
    fs::write(&source, text).unwrap();
    let languages: [&[&str]; 3] =
        [&["-xc", "-std=c11"], &["-xc", "-std=c99"], &["-xc++", "-std=c++11"]];
    for language in languages {
        let mut compiler = Command::new("gcc");
        compiler.args(language).args(["-Wall", "-Wextra", "-pedantic", "-Werror"]);
        compiler.args(["-Os", "-flto", "-Wl,--gc-sections", "-ffunction-sections"]);
        compiler.args(["-shared", "-fPIC", "-fvisibility=hidden", "-o"]);
        let file = folder.path().join("libnothing.so");
        compiler.arg(&file).arg("-I").arg(header_folder()).arg(&source);
        assert!(compiler.status().unwrap().success(), "{compiler:?}");
        let (_folder, installed) = wazo_auth_tests::in_own_folder(&file);
        let inspection = wazo_auth_plugins::inspect(&installed).unwrap();
        inspection.fits_in_process().unwrap();
        assert!(inspection.offers("backend", "nothing").is_some());
    }
}
