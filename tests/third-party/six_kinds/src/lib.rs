//! One plugin of each kind, each of which asks the daemon for something: what
//! another compiler builds of this, and what was built of it long ago, is to
//! behave the same in every daemon of plugin API 1.

#![forbid(unsafe_code)]

use std::collections::HashMap;

use wazo_auth_plugin_api::prelude::*;

/// The field of a login request of the identity provider's own form.
const FIELD: &str = "six_card";

#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
struct Users {
    /// Login → password.
    users: HashMap<String, String>,
}

/// Backend: users of the configuration, with what the daemon allows them.
struct SixUsers {
    users: HashMap<String, String>,
    host: Host,
}

/// Identity provider: whoever shows a card is its owner.
struct Cards {
    host: Host,
}

/// Metadata: adds the name of the top tenant's first user to be shown.
struct Badge {
    host: Host,
}

/// External authentication: a document per user.
struct Locker {
    host: Host,
}

/// E-mail: written to the log.
struct Letters {
    host: Host,
}

/// HTTP: asks the API itself.
struct Mirror {
    host: Host,
}

// === impl SixUsers ===

impl Backend for SixUsers {
    type Config = Users;

    fn new(config: Users, host: Host) -> Result<Self> {
        log::info!("{} users", config.users.len());
        Ok(Self { users: config.users, host })
    }

    fn verify_password(&self, login: &str, password: &str, args: &mut Args) -> Result<bool> {
        if login == "fragile" {
            panic!("as the login demands");
        }
        args.insert("six", true);
        Ok(self.users.get(login).is_some_and(|known| known == password))
    }

    fn get_acl(&self, login: &str, args: &mut Args) -> Result<Vec<String>> {
        let mut acl = args.acl();
        acl.push("six.read".to_owned());
        if let Some(user) = self.host.user_by_login(login)? {
            acl.extend(self.host.user_acl(&user.uuid)?);
        }
        Ok(acl)
    }
}

// === impl Cards ===

impl IdentityProvider for Cards {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn authentication_method(&self) -> &str {
        "six_cards"
    }

    fn can_authenticate(&self, _args: &Args, request: &LoginRequest) -> Result<bool> {
        Ok(request.field(FIELD).is_some())
    }

    fn verify_auth(&self, _args: &mut Args, request: &LoginRequest) -> Result<Identity> {
        let owner = request.field(FIELD).and_then(Value::as_str).unwrap_or_default();
        match self.host.user_by_login(owner)? {
            Some(_) => Ok(Identity::new("six_users", owner)),
            None => Err(Error::unauthorized("the card is nobody's")),
        }
    }

    fn get_backend(&self, _args: &Args) -> Result<String> {
        Ok("six_users".to_owned())
    }
}

// === impl Badge ===

impl Metadata for Badge {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn get_token_metadata(&self, login: &str, _args: &Args) -> Result<Map> {
        let mut metadata = self.host.user_metadata(login)?;
        metadata.insert("six_badge".to_owned(), login.into());
        Ok(metadata)
    }
}

// === impl Locker ===

impl ExternalAuth for Locker {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn routes(&self) -> Vec<Route> {
        vec![Route::new("PUT", "", "update"), Route::new("GET", "", "read")]
    }

    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        let (documents, user) = (self.host.external_auth(), request.parameter("user_uuid"));
        if request.method == "PUT" {
            documents.update_or_create(user, &request.json::<Value>()?)?;
        }
        HttpResponse::json(200, &documents.get(user)?)
    }

    fn safe_data(&self, data: &Value) -> Result<Map> {
        Ok(Map::from_iter([("shelf".to_owned(), data["shelf"].clone())]))
    }
}

// === impl Letters ===

impl EmailNotification for Letters {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn send_confirmation(&self, context: &EmailContext) -> Result<()> {
        self.write(EmailTemplate::Confirmation, context)
    }

    fn send_password_reset(&self, context: &EmailContext) -> Result<()> {
        self.write(EmailTemplate::PasswordReset, context)
    }
}

impl Letters {
    fn write(&self, template: EmailTemplate, context: &EmailContext) -> Result<()> {
        let mail = self.host.format_email(template, context)?;
        log::info!("a letter to {}: {}", context.email_address, mail.subject);
        Ok(())
    }
}

// === impl Mirror ===

impl HttpRoutes for Mirror {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn routes(&self) -> Vec<Route> {
        vec![
            Route::new("POST", "/six/mirror/{word}", "auth.six.{word}.create"),
            Route::public("GET", "/six/platform"),
        ]
    }

    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        if request.method == "GET" {
            return HttpResponse::json(200, &json!({"version": self.host.platform()?.version}));
        }
        match request.parameter("word") {
            "nothing" => Err(ApiError::new(404, "unknown-word", "No such word").into()),
            word => Ok(HttpResponse::new(201)
                .with_header("x-word", word)
                .with_body(request.body.iter().rev().copied().collect::<Vec<u8>>())),
        }
    }
}

export_plugins! {
    backend            "six_users"   => SixUsers,
    identity_provider  "six_cards"   => Cards,
    metadata           "six_badge"   => Badge,
    external_auth      "six_locker"  => Locker,
    email_notification "six_letters" => Letters,
    http               "six_mirror"  => Mirror,
}
