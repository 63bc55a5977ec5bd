//! `foo` and `bar` of the contract: any document, and for `foo` a consent.

use std::{
    fs::{self, File},
    io::Read,
};

use wazo_auth_plugin_api::prelude::*;

/// How long the state of a consent is, and what it is made of.
const STATE: usize = 16;
const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Asks for a consent, and keeps what comes of it.
pub struct Foo {
    host: Host,
}

/// Shows the scope of what it keeps.
pub struct Bar {
    host: Host,
}

// === impl Foo ===

impl ExternalAuth for Foo {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn routes(&self) -> Vec<Route> {
        routes()
    }

    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        if let Some(pipe) = request.query("wait_for") {
            // Until somebody writes to it.
            fs::read(pipe)?;
        }
        if request.method != "POST" {
            return handle(&self.host, request);
        }
        let (user, state) = (request.parameter("user_uuid"), state()?);
        let mut data: Map = request.json()?;
        data.insert("state".to_owned(), (&*state).into());
        let data = Value::Object(data);
        self.host.external_auth().create(user, &data)?;
        let callback = OAuth2Callback::new(user, state).with_extra(json!("of foo"));
        self.host.external_auth().register_oauth2_callback(&callback)?;
        HttpResponse::json(200, &data)
    }

    fn oauth2_callback(&self, user_uuid: &str, extra: &Value, message: &Value) -> Result<()> {
        let token = message.get("access_token").filter(|_| extra == "of foo");
        let token = token.ok_or_else(|| Error::other("there is no access_token"))?;
        let documents = self.host.external_auth();
        let mut data = documents.get(user_uuid)?;
        data["access_token"] = token.clone();
        documents.update(user_uuid, &data)
    }
}

// === impl Bar ===

impl ExternalAuth for Bar {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn plugin_info(&self) -> Map {
        Map::from_iter([("foo".to_owned(), "bar".into())])
    }

    fn safe_data(&self, data: &Value) -> Result<Map> {
        let scope = data["scope"].as_array();
        let scope = scope.filter(|scope| scope.iter().all(Value::is_string));
        Ok(scope.map(|scope| ("scope".to_owned(), scope.clone().into())).into_iter().collect())
    }

    fn routes(&self) -> Vec<Route> {
        routes()
    }

    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        handle(&self.host, request)
    }
}

fn routes() -> Vec<Route> {
    vec![
        Route::new("POST", "", "create"),
        Route::new("GET", "", "read"),
        Route::new("PUT", "", "update"),
        Route::new("DELETE", "", "delete"),
    ]
}

fn handle(host: &Host, request: &HttpRequest) -> Result<HttpResponse> {
    let (user, documents) = (request.parameter("user_uuid"), host.external_auth());
    match &*request.method {
        "GET" => HttpResponse::json(200, &documents.get(user)?),
        "DELETE" => {
            documents.delete(user)?;
            Ok(HttpResponse::no_content())
        }
        method => {
            let data = Value::Object(request.json()?);
            match method {
                "POST" => documents.create(user, &data)?,
                _ => documents.update(user, &data)?,
            }
            HttpResponse::json(200, &data)
        }
    }
}

fn state() -> Result<String> {
    let mut bytes = [0; STATE];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect())
}
