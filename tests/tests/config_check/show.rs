//! `wazo-auth config show`.

use std::fs;

use crate::site::Site;

#[test]
fn the_origin_of_each_value_is_shown_and_no_secret() {
    let site = Site::new(
        "# comment\nrest_api:\n  num_proxies: 0\nplugin_dirs:\n  - HERE\n\
         user: !exec {command: echo somebody}\nbootstrap_user_password: swordfish\n\
         amqp: {uri: 'amqp://guest:swordfish@localhost:5672/'}\n\
         plugins: {acme: {config: {bindPassword: swordfish, url: https://id.acme.example}}}\n",
    );
    let said = site.run(&["--log-level", "debug", "config", "show", "--origin"]);
    assert_eq!(said.code, 0, "{}", said.text);
    for line in [
        "log_level: debug  # command line",
        "  num_proxies: 0  # HERE/conf.d/10.yml:3",
        "  port: 0  # HERE/config.yml:7",
        "  listen: \"127.0.0.1\"  # default",
        "  - HERE  # HERE/conf.d/10.yml:5",
        "  - PLUGINS  # HERE/config.yml:6",
        "user: somebody  # HERE/conf.d/10.yml:6 !exec",
        "bootstrap_user_password: <hidden>  # HERE/conf.d/10.yml:7",
        "  uri: amqp://guest:<hidden>@localhost:5672/  # HERE/conf.d/10.yml:8",
        "      bindPassword: <hidden>  # HERE/conf.d/10.yml:9",
        "      url: https://id.acme.example  # HERE/conf.d/10.yml:9",
    ] {
        assert!(said.text.lines().any(|shown| shown == line), "{line}\n{}", said.text);
    }
    assert!(!said.text.contains("swordfish"), "{}", said.text);
    let plain = site.run(&["config", "show"]).text;
    assert!(!plain.contains("  # ") && !plain.contains("swordfish"), "{plain}");
}

#[test]
fn what_is_shown_is_a_configuration() {
    let site = Site::new("rest_api: {num_proxies: 3}\nacme: {'a: b': [\"x\\ty\", {}, ~, 1.5]}\n");
    let shown = site.run(&["config", "show", "--origin"]).text;
    fs::remove_file(site.path("conf.d/10.yml")).unwrap();
    site.write("config.yml", &shown, 0o600);
    let again = site.run(&["config", "show"]).text;
    let sorted = |text: &str| {
        let lines = text.lines().map(|line| line.split("  # ").next().unwrap().to_owned());
        let mut lines: Vec<_> = lines.collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&shown), sorted(&again));
}
