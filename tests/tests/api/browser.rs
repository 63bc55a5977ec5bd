//! A browser without a window, by the WebDriver protocol.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use wazo_auth_tests::Answer;

use crate::tools::need;

/// How long a page may take for what it shows.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running Chromium; it ends when dropped.
pub struct Browser {
    driver: Child,
    agent: ureq::Agent,
    session: String,
}

// === impl Browser ===

impl Browser {
    /// Starts one.
    pub fn start() -> Self {
        need("need_package chromium chromium-driver");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned())
        });
        // Whatever else it says is taken from it, or it would stop at some time.
        std::thread::spawn(move || lines.for_each(drop));
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(2 * PATIENCE))
            .build()
            .new_agent();
        let session = format!("http://127.0.0.1:{}/session", port.unwrap());
        let mut browser = Self { driver, agent, session };
        let options = json!({"args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
            "--window-size=1200,2000"]});
        let capabilities = json!({"browserName": "chrome", "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}});
        let body = json!({"capabilities": {"alwaysMatch": capabilities}});
        let id = browser.post("", &body).unwrap()["sessionId"].as_str().unwrap().to_owned();
        browser.session = format!("{}/{id}", browser.session);
        browser.post("/timeouts", &json!({"implicit": PATIENCE.as_millis()})).unwrap();
        browser
    }

    /// Goes to a page.
    pub fn go(&self, url: &str) {
        self.post("/url", &json!({"url": url})).unwrap();
    }

    /// The texts of all elements that a CSS selector finds.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)";
        let texts = self.post("/execute/sync", &json!({"script": script, "args": [selector]}));
        serde_json::from_value(texts.unwrap()).unwrap()
    }

    /// Waits until an element is there.
    #[track_caller]
    pub fn wait_for(&self, selector: &str) {
        let _ = self.element(selector);
    }

    /// Clicks an element as soon as that is possible.
    ///
    /// # Panics
    /// With what the page shows instead, when it never is.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let began = Instant::now();
        // What is redrawn meanwhile has to be found again.
        while let Err(problem) =
            self.post(&format!("/element/{}/click", self.element(selector)), &json!({}))
        {
            assert!(began.elapsed() < PATIENCE, "cannot click {selector}: {problem}");
        }
    }

    /// The browser's name of an element, for which it waits.
    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let query = json!({"using": "css selector", "value": selector});
        match self.post("/element", &query) {
            Ok(found) => {
                found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
            }
            Err(_) => panic!("no {selector} in:\n{}", self.texts("body").concat()),
        }
    }

    /// What the page has complained of.
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"})).unwrap();
        let entries = entries.as_array().unwrap().iter();
        entries.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The addresses that the page has asked for.
    pub fn requests(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "performance"})).unwrap();
        let entries = entries.as_array().unwrap().iter();
        let events = entries.map(|entry| {
            serde_json::from_str::<Value>(entry["message"].as_str().unwrap()).unwrap()
        });
        let sent = events.filter(|event| event["message"]["method"] == "Network.requestWillBeSent");
        let url = |event: Value| {
            event["message"]["params"]["request"]["url"].as_str().unwrap().to_owned()
        };
        sent.map(url).collect()
    }

    /// A command; its result, or what was wrong.
    fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let request = ureq::http::Request::post(format!("{}{path}", self.session));
        let mut response = self.agent.run(request.body(body.to_string()).unwrap()).unwrap();
        let body = response.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = Answer { status, headers, body };
        match status {
            200 => Ok(answer.json()["value"].clone()),
            _ => Err(answer.text()),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session, the driver with its process.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
