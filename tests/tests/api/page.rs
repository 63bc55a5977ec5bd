//! The page to read the description of the API and to try requests in, as a
//! browser shows it.

use wazo_auth_tests::{Daemon, Setup};

use crate::browser::Browser;

const PAGE: &str = "/0.1/api/ui";

#[test]
fn the_page_lists_the_operations_and_tries_them_out() {
    let daemon = Daemon::start();
    let browser = Browser::start();
    // Where a reverse proxy would publish it: all it needs is relative.
    browser.go(&format!("{}/api/auth{PAGE}", daemon.url()));
    let backends = "#operations-service-listBackends";
    browser.wait_for(backends);
    let document = daemon.get("/0.1/api/api.yml").send().expect(200).text();
    // The daemon's own, and those of plugins.
    let is_one = |line: &&str| line.contains(" operationId: ") || line.contains("\"x-plugin\"");
    let operations = document.lines().filter(is_one).count();
    assert_eq!(browser.texts(".opblock").len(), operations);
    let users = browser.texts("#operations-users-createUser");
    assert!(users[0].contains("Create a user"), "{users:?}");

    browser.click(&format!("{backends} .opblock-summary-control"));
    browser.click(&format!("{backends} .try-out__btn"));
    browser.click(&format!("{backends} .execute"));
    let answer = format!("{backends} .live-responses-table .response");
    browser.wait_for(&answer);
    let shown = browser.texts(&answer).concat();
    assert!(shown.contains("200") && shown.contains("wazo_user"), "{shown}");

    // It complains of nothing: its own rules of what may be loaded suit it.
    assert_eq!(browser.complaints(), [""; 0]);
    let requests = browser.requests();
    let elsewhere: Vec<&String> = requests
        .iter()
        .filter(|url| !url.starts_with(daemon.url()) && !url.starts_with("data:"))
        .collect();
    assert!(elsewhere.is_empty(), "requests to other hosts: {elsewhere:?}");
    let tried = format!("{}/api/auth/0.1/backends", daemon.url());
    assert!(requests.contains(&tried), "{requests:?}");
}

#[test]
fn a_browser_is_told_how_little_the_page_may_do() {
    let daemon = Daemon::start();
    for path in [PAGE.to_owned(), format!("{PAGE}/page.js"), format!("{PAGE}/swagger-ui.css")] {
        let answer = daemon.get(&path).send().expect(200);
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    let _ = daemon.get(&format!("{PAGE}/other.js")).send().expect(404);
}

#[test]
fn one_line_switches_the_page_off() {
    let daemon = Setup::default().config("enabled_http_plugins: {api_page: false}").start();
    for path in [PAGE.to_owned(), format!("{PAGE}/page.js")] {
        let _ = daemon.get(&path).send().expect(404);
    }
    let _ = daemon.get("/0.1/api/api.yml").send().expect(200);
}

#[test]
fn without_the_description_there_is_no_page() {
    let daemon = Setup::default().config("enabled_http_plugins: {api: false}").start();
    for path in ["/0.1/api/api.yml", PAGE, &format!("{PAGE}/page.js")] {
        let _ = daemon.get(path).send().expect(404);
    }
}
