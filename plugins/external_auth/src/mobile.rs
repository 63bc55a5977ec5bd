//! `mobile`: how the application on a user's telephone is woken up
//! (external-auth.md section 5).

use wazo_auth_plugin_api::prelude::*;

use crate::body::{Fields, Refused};

/// Each key of a document, and the least length of its text.
const KEYS: [(&str, usize); 6] = [
    ("token", 1),
    ("apns_token", 0),
    ("apns_voip_token", 0),
    ("apns_notification_token", 0),
    ("apns_call_topic", 0),
    ("apns_default_topic", 0),
];
/// Documents of earlier versions lack them.
const TOPICS: [&str; 2] = ["apns_call_topic", "apns_default_topic"];

pub(crate) struct Mobile {
    host: Host,
}

// === impl Mobile ===

impl Mobile {
    fn get(&self, user: &str) -> Result<HttpResponse> {
        let mut data = self.host.external_auth().get(user)?;
        if let Some(data) = data.as_object_mut() {
            data.retain(|key, _| KEYS.iter().any(|(known, _)| known == key));
            for topic in TOPICS {
                data.entry(topic).or_insert(Value::Null);
            }
        }
        HttpResponse::json(200, &data)
    }

    fn sender_id(&self, tenant: &str) -> Result<HttpResponse> {
        let config = self.host.external_auth().config(tenant)?;
        HttpResponse::json(200, &json!({"sender_id": config.get("fcm_sender_id")}))
    }
}

impl ExternalAuth for Mobile {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn routes(&self) -> Vec<Route> {
        vec![
            Route::new("GET", "", "read"),
            Route::new("POST", "", "create"),
            Route::new("PUT", "", "update"),
            Route::new("DELETE", "", "delete"),
            Route::new("GET", "/sender_id", "sender_id.read"),
        ]
    }

    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        let (user, documents) = (request.parameter("user_uuid"), self.host.external_auth());
        match (&*request.method, &*request.route) {
            ("GET", "/sender_id") => {
                self.sender_id(request.tenant_uuid.as_deref().unwrap_or_default())
            }
            ("GET", _) => self.get(user),
            ("DELETE", _) => {
                documents.delete(user)?;
                Ok(HttpResponse::no_content())
            }
            (method, _) => {
                let data = match data(&request.body) {
                    Ok(data) => data,
                    Err(refused) => return refused.answer(),
                };
                if method == "POST" {
                    documents.create(user, &data)?;
                    return HttpResponse::json(201, &data);
                }
                documents.update_or_create(user, &data)?;
                HttpResponse::json(200, &data)
            }
        }
    }
}

/// The document that a body asks for: all keys, unknown ones left out.
fn data(body: &[u8]) -> Result<Value, Refused> {
    let fields = Fields::read(body)?;
    let mut data = Map::new();
    for (key, least) in KEYS {
        data.insert(key.to_owned(), fields.text(key, least)?.into());
    }
    Ok(data.into())
}
