//! What the log says of logins, and what it must never say (section 4.3,
//! http.md section 12).

use std::fs;

use serde_json::{Value, json};
use wazo_auth_tests::Setup;

use crate::support::{Bench, PASSWORD, text};

fn line(bench: &Bench, part: &str) -> String {
    let line = bench.daemon.wait_for_log(part).unwrap();
    assert!(line.contains("(INFO)"), "{line}");
    line.split("): ").nth(1).unwrap().to_owned()
}

#[test]
fn logins_leave_a_line_that_names_them() {
    let setup = Setup::default().config("max_user_concurrent_sessions: 1");
    let bench = Bench::new(setup.start());
    bench.user("alice");
    let try_as = |login: &str, password: &str| {
        let request = bench.daemon.post("/0.1/token").basic(login, password);
        request
            .header("User-Agent", "phone \"x\"")
            .header("X-Forwarded-For", "203.0.113.5")
            .json("{}")
            .send()
    };
    let token = text(&try_as("Alice", PASSWORD).expect(200).json()["data"], "token");
    let redacted = format!("XXXXXXXX-XXXX-XXXX-XXXX-XXXX{}", &token[28..]);
    assert_eq!(
        line(&bench, "Successful login: Alice"),
        format!(
            "Successful login: Alice got token {redacted} from 203.0.113.5 using agent \"phone \\\"x\\\"\""
        )
    );
    let _ = try_as("alice", "not-it").expect(401);
    let failed = line(&bench, "Failed login: ");
    assert!(failed.contains("alice"), "{failed}");
    // The client's own quotes do not look like those of the line.
    let agent = r#"from 203.0.113.5 using agent "phone \"x\"""#;
    assert!(failed.ends_with(agent), "{failed}");
    let _ = try_as("ALICE", PASSWORD).expect(429);
    assert!(line(&bench, "ALICE").starts_with("Failed login: "));
    // Nobody can write lines of their own.
    let _ = try_as("eve\n2026-01-01 (INFO) (x): Successful login: admin", "x").expect(401);
    let forged = line(&bench, "eve");
    assert!(forged.contains("eve\\n2026"), "{forged}");
}

#[test]
fn no_secret_is_ever_written() {
    let setup = Setup::default().config("log_level: debug");
    let bench = Bench::new(setup.start());
    let mut secrets: Vec<String> = vec![PASSWORD.to_owned(), bench.admin.clone()];
    let alice = bench.user("alice");
    bench.grant(&alice, "own", &["auth.users.me.tokens.#"]);
    let offline = bench.offline("alice", "desk");
    let (token, refresh) = (text(&offline, "token"), text(&offline, "refresh_token"));
    let fresh = bench.refresh("desk", &offline["refresh_token"]).expect(200).json();
    secrets.extend([token.clone(), refresh.clone(), text(&fresh["data"], "token")]);

    // Every way a secret may come in, right or wrong.
    let daemon = &bench.daemon;
    let _ =
        daemon.post("/0.1/token").basic("alice", "wr0ng-passw0rd").json("{}").send().expect(401);
    let _ =
        daemon.post("/0.1/token").header("Authorization", "Bearer b34rer-s3cret").json("{}").send();
    let _ =
        daemon.post("/0.1/token").header("Authorization", "Basic b4sic!s3cret").json("{}").send();
    let _ = daemon
        .post("/0.1/token")
        .json(json!({"password": "b0dy-passw0rd", "new_password": {"a": "n3w-passw0rd"}}))
        .send();
    let _ =
        daemon.post("/0.1/token").json(json!({"saml_session_id": "s4ml-session-secret"})).send();
    let _ =
        daemon.post("/0.1/token").body("{\"password\": \"tru0cated-passw0rd").send().expect(400);
    let _ = daemon
        .post("/0.1/users")
        .token(&bench.admin)
        .json(json!({"password": ["l1sted-passw0rd"]}))
        .send()
        .expect(400);
    let _ = daemon
        .get("/0.1/tokens")
        .token(&refresh)
        .header("Cookie", "c00kie-s3cret")
        .send()
        .expect(401);
    let _ = daemon.get(&format!("/0.1/nowhere?token={token}")).send().expect(404);
    for path in [
        format!("/0.1/token/{token}"),
        format!("/api/auth/0.1/token/{token}"),
        format!("/0.1/token/{refresh}"),
        format!("/0.1/%74oken/{token}"),
        format!("/0.1/token/{token}/nothing"),
    ] {
        let _ = daemon.get(&path).send();
        let _ = daemon.head(&format!("{path}?scope=a.b")).send();
        let _ = daemon.request("PATCH", &path).send();
    }
    let scopes = json!({"scopes": ["a"]});
    let _ =
        daemon.post(&format!("/0.1/token/{token}/scopes/check")).json(scopes).send().expect(200);
    let _ = daemon.get("/0.1/users/me/tokens").token(&token).send().expect(200);
    let _ = daemon.delete(&format!("/0.1/token/{token}")).send().expect(200);
    let rows: Vec<Value> = ["uuid", "password_hash"]
        .map(|column| {
            let table = if column == "uuid" { "auth_refresh_token" } else { "auth_user" };
            Value::from(
                bench
                    .database()
                    .text(&format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL")),
            )
        })
        .to_vec();
    secrets.extend(rows.iter().map(|row| row.as_str().unwrap().to_owned()));
    secrets.push(fs::read_to_string(daemon.folder().join("token.key")).unwrap().trim().to_owned());
    let planted = [
        "adm1n",
        "wr0ng-passw0rd",
        "b34rer-s3cret",
        "b4sic!s3cret",
        "b0dy-passw0rd",
        "n3w-passw0rd",
        "s4ml-session-secret",
        "tru0cated-passw0rd",
        "l1sted-passw0rd",
        "c00kie-s3cret",
    ];
    secrets.extend(planted.map(str::to_owned));
    // Credentials as they came over the wire.
    secrets.push("YWxpY2U6czNjcmU3LW9mLWFsbA==".to_owned());

    let Bench { daemon, .. } = bench;
    let (_, folder, streams) = daemon.stop();
    let file = fs::read_to_string(folder.path().join("wazo-auth.log")).unwrap();
    assert!(file.contains("(DEBUG)") && file.contains("Successful login: alice"), "{file}");
    assert!(streams.contains("Successful login: alice"));
    for secret in secrets {
        for written in [&file, &streams] {
            let found = written.lines().find(|line| line.contains(&secret));
            assert!(found.is_none(), "{secret} in {found:?}");
        }
    }
}
