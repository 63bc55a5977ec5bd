//! Host services over a few users in memory, metadata through the registry.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use serde_json::{Value, json};
use wazo_auth_plugins::{Args, Caller, ErrorKind, HostFailure, HostServices, Registry};

/// One user: alice, with the password `correct`.
#[derive(Default)]
pub struct Daemon {
    registry: OnceLock<Weak<Registry>>,
    /// Who called which service.
    pub calls: Mutex<Vec<(String, String)>>,
    /// Runs when a plugin calls `test.callback`.
    pub callback: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Daemon {
    pub fn set_registry(&self, registry: &Arc<Registry>) {
        let _ = self.registry.set(Arc::downgrade(registry));
    }

    fn serve(&self, service: &str, request: &Value) -> Result<Value, HostFailure> {
        let alice = || {
            json!({
                "uuid": "a11ce000-0000-4000-8000-000000000001",
                "tenant_uuid": "7e4a47",
                "username": "alice",
                "purpose": "user",
                "enabled": true,
                "later_addition": "ignored by older plugins",
            })
        };
        let is_alice = request["login"] == "alice";
        Ok(match service {
            "platform.get" => json!({"xivo_uuid": "platform", "version": "1"}),
            "users.verify_password" => {
                json!({"verified": is_alice && request["password"] == "correct"})
            }
            "users.get_by_login" => json!({"user": is_alice.then(alice)}),
            "users.get_acl" => json!({"acl": ["calld.users.me.read"]}),
            "users.list_policies" => json!({"items": []}),
            "users.list_groups" => json!({"items": []}),
            "metadata.get_token_metadata" => json!({"metadata": self.metadata(request)?}),
            "metadata.get_persistent_metadata" => json!({"metadata": {}}),
            "emails.format" => {
                let user = request["context"]["username"].as_str().unwrap_or_default();
                json!({"subject": format!("Confirm, {user}"), "body": "…"})
            }
            "test.panic" => panic!("the daemon panics"),
            "test.not_found" => {
                return Err(HostFailure::new(ErrorKind::NotFound, "there is no such user"));
            }
            "test.callback" => {
                let callback = self.callback.lock().unwrap().take();
                callback.into_iter().for_each(|callback| callback());
                json!({"done": true})
            }
            _ => return Err(HostFailure::new(ErrorKind::Unsupported, "no such service")),
        })
    }

    fn metadata(&self, request: &Value) -> Result<Value, HostFailure> {
        let registry = self.registry.get().and_then(Weak::upgrade).unwrap();
        let purpose = request["purpose"].as_str().unwrap();
        let login = request["login"].as_str().unwrap();
        let args = Args::from_value(request["args"].clone());
        let mut metadata = wazo_auth_plugins::Map::new();
        for plugin in registry.metadata_for(purpose).unwrap() {
            let answer = plugin.get_token_metadata(login, &args);
            metadata.extend(
                answer.map_err(|error| HostFailure::new(ErrorKind::Other, error.to_string()))?,
            );
        }
        Ok(metadata.into())
    }
}

impl HostServices for Daemon {
    fn call(
        &self,
        caller: &Caller,
        service: &str,
        head: &str,
        _body: &[u8],
    ) -> Result<(String, Vec<u8>), HostFailure> {
        self.calls.lock().unwrap().push((caller.name().to_owned(), service.to_owned()));
        let answer = self.serve(service, &serde_json::from_str(head).unwrap())?;
        Ok((answer.to_string(), Vec::new()))
    }
}
