//! A user has one mobile at a time (section 5.1).

use serde_json::{Value, json};
use wazo_auth_tests::Daemon;

use crate::support::{Bench, PASSWORD, text};

/// A login from a mobile; gives the token and how many sessions it ended.
#[track_caller]
fn mobile(bench: &Bench, client: &str, kind: &str) -> (Value, String) {
    let body = json!({"access_type": "offline", "client_id": client});
    let request = bench.daemon.post("/0.1/token").basic("alice", PASSWORD);
    let answer = request.header("Wazo-Session-Type", kind).json(body).send().expect(200);
    let ended = answer.header("wazo-sessions-revoked").to_owned();
    (answer.json()["data"].clone(), ended)
}

fn status(bench: &Bench, data: &Value) -> u16 {
    bench.head(&text(data, "token"), "")
}

#[test]
fn a_mobile_replaces_itself_and_every_other_mobile() {
    let bench = Bench::new(Daemon::start());
    bench.user("alice");
    let plain = bench.login("alice");
    let desk = bench.offline("alice", "desk");
    let (first, ended) = mobile(&bench, "app-1", "mobile");
    assert_eq!(ended, "0");
    let refreshed = bench.refresh("app-1", &first["refresh_token"]).expect(200).json();

    // The same application again: both its sessions end.
    let (second, ended) = mobile(&bench, "app-1", "MOBILE");
    assert_eq!(ended, "2");
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!((status(&bench, &first), status(&bench, &refreshed["data"])), (404, 404));
    let _ = bench.refresh("app-1", &first["refresh_token"]).expect(401);

    // Another application: the first one is out.
    let (third, ended) = mobile(&bench, "app-2", "Mobile");
    assert_eq!(ended, "1");
    assert_eq!(status(&bench, &second), 404);
    let _ = bench.refresh("app-1", &second["refresh_token"]).expect(401);
    assert_eq!(status(&bench, &third), 204);

    // The desk and the session without a refresh token do not notice.
    assert_eq!((status(&bench, &plain), status(&bench, &desk)), (204, 204));
    let _ = bench.refresh("desk", &desk["refresh_token"]).expect(200);
}

#[test]
fn a_mobile_takes_over_a_client_that_was_none() {
    let bench = Bench::new(Daemon::start());
    bench.user("alice");
    let desk = bench.offline("alice", "shared");
    let (_, ended) = mobile(&bench, "other-app", "mobile");
    assert_eq!(ended, "0");
    let (taken, ended) = mobile(&bench, "shared", "mobile");
    assert_eq!(ended, "2", "the desk's session and the other mobile's");
    assert_ne!(taken["refresh_token"], desk["refresh_token"]);
    assert_eq!(status(&bench, &desk), 404);

    // Who is no mobile gets what is there, and it stays a mobile's.
    let (desk, ended) = mobile(&bench, "shared", "desktop");
    assert_eq!((&desk["refresh_token"], &*ended), (&taken["refresh_token"], "0"));
    assert_eq!(status(&bench, &taken), 204);
    let list = bench.daemon.get("/0.1/tokens").token(&bench.admin).send().expect(200).json();
    assert_eq!((&list["items"][0]["mobile"], &list["total"]), (&json!(true), &json!(1)));
}

#[test]
fn sessions_are_mobile_by_the_request_that_made_them() {
    let bench = Bench::new(Daemon::start());
    bench.user("alice");
    let (phone, _) = mobile(&bench, "app", "mobile");
    let desk = bench.refresh("app", &phone["refresh_token"]).expect(200).json();
    let is_mobile = |data: &Value| {
        let session = text(data, "session_uuid");
        bench.database().text(&format!(
            "SELECT CAST(mobile AS integer) FROM auth_session WHERE uuid = '{session}'"
        ))
    };
    assert_eq!((is_mobile(&phone), is_mobile(&desk["data"])), ("1".to_owned(), "0".to_owned()));
    // Somebody else's mobile is nobody's business.
    bench.user("bob");
    let body = json!({"access_type": "offline", "client_id": "app"});
    let request = bench.daemon.post("/0.1/token").basic("bob", PASSWORD);
    let _ = request.header("Wazo-Session-Type", "mobile").json(body).send().expect(200);
    assert_eq!(status(&bench, &phone), 204);
}
