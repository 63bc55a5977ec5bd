//! `wazo-auth-bootstrap complete`: the user of wazo-auth-cli and the file of its
//! credentials.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown, symlink},
};

use wazo_auth_tests::{Daemon, Database, Setup};

use crate::support::{
    Programs, Ran, has_no_file, is_root, may_do_all, mode, owner, ran, site, somebody, try_login,
    until,
};

const USER: &str = "wazo-auth-cli";
const FILE: &str = "made/for/it/050-credentials.yml";

fn run(programs: &Programs) -> Ran {
    let file = programs.path(FILE);
    let (owner, _) = somebody();
    let arguments = ["complete", "--credentials-file", file.to_str().unwrap(), "--owner", &owner];
    programs.run("wazo-auth-bootstrap", &arguments)
}

/// Runs it; gives the password that the file holds then.
#[track_caller]
fn complete(programs: &Programs) -> String {
    assert_eq!(run(programs).succeeded(), "", "success says nothing");
    password(programs)
}

#[track_caller]
fn password(programs: &Programs) -> String {
    let text = fs::read_to_string(programs.path(FILE)).unwrap();
    let password = text.strip_prefix("auth:\n  username: wazo-auth-cli\n  password: ");
    let password = password.and_then(|rest| rest.strip_suffix("\n  backend: wazo_user\n"));
    password.unwrap_or_else(|| panic!("{text}")).to_owned()
}

fn write(programs: &Programs, content: &str) {
    let file = programs.path(FILE);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

#[test]
fn it_makes_an_administrator_and_a_file_for_nobody_else() {
    let (setup, folder, programs) = site(Setup::default());
    programs.upgrade_db();
    let password = complete(&programs);
    assert!(password.len() == 28 && password.bytes().all(|b| b.is_ascii_alphanumeric()));
    let file = programs.path(FILE);
    assert_eq!((mode(&file), owner(&file)), (0o600, somebody().1));
    let folder_of_file = fs::read_dir(file.parent().unwrap()).unwrap();
    assert_eq!(folder_of_file.count(), 1, "nothing else stays behind");
    assert!(!folder.join("token.key").exists(), "the key is the daemon's to make");

    let before = fs::metadata(&file).unwrap();
    assert_eq!(complete(&programs), password, "a second run changes nothing");
    let after = fs::metadata(&file).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));

    let daemon = setup.start();
    let (status, token) = try_login(&daemon, USER, &password);
    assert_eq!(status, 200, "{}", daemon.log());
    assert!(may_do_all(&daemon, &token));
    let administrator = daemon.admin_token();
    let users = daemon.get("/0.1/users?username=wazo-auth-cli").token(&administrator).send();
    let users = users.expect(200).json();
    assert_eq!(users["items"][0]["purpose"], "internal", "{users}");
    assert_eq!(users["items"][0]["authentication_method"], "native", "{users}");
    let groups = format!("/0.1/users/{}/groups", users["items"][0]["uuid"].as_str().unwrap());
    let groups = daemon.get(&groups).token(&administrator).send().expect(200).json();
    assert_eq!(groups["total"], 1, "{groups}");
    assert_eq!(programs.error_logs(), Vec::<String>::new());
}

#[test]
fn beside_a_daemon_a_lost_file_is_made_anew_with_another_password() {
    let daemon = Daemon::start();
    let administrator = daemon.admin_token();
    let programs = Programs::of(daemon.folder());
    let first = complete(&programs);
    until("the daemon knows the user", || try_login(&daemon, USER, &first).0 == 200);
    let (_, token) = try_login(&daemon, USER, &first);
    assert!(may_do_all(&daemon, &token));

    fs::remove_file(programs.path(FILE)).unwrap();
    let second = complete(&programs);
    assert_ne!(first, second);
    until("the daemon knows the new password", || try_login(&daemon, USER, &second).0 == 200);
    assert_eq!(try_login(&daemon, USER, &first).0, 401, "the old one is of no use");
    until("its sessions are over", || !may_do_all(&daemon, &token));
    assert!(may_do_all(&daemon, &administrator), "nobody else is logged out");
    let log = daemon.log();
    assert!(!log.contains(&first) && !log.contains(&second), "{log}");
    assert!(!log.contains("(ERROR)"), "{log}");
}

#[test]
fn a_file_that_is_there_says_who_the_user_is() {
    let (setup, _, programs) = site(Setup::default());
    programs.upgrade_db();
    let content = "auth:\n  host: localhost\n  username: operator\n  password: '0123456'\n";
    write(&programs, content);
    assert_eq!(run(&programs).succeeded(), "");
    assert_eq!(run(&programs).succeeded(), "");
    assert_eq!(fs::read_to_string(programs.path(FILE)).unwrap(), content);
    let daemon = setup.start();
    assert_eq!(try_login(&daemon, "operator", "0123456").0, 200);
    let (_, folder, _) = daemon.stop();

    write(&programs, &content.replace("0123456", "an0ther-secret"));
    let sentence = programs.failed_bootstrap(run(&programs));
    assert_eq!(sentence, "User operator already exists with different credential\n");
    let users = "SELECT count(*) FROM auth_user WHERE username <> 'admin'";
    assert_eq!(Database::copy_of(folder.path()).text(users), "1");
}

#[test]
fn a_file_of_something_else_is_refused_without_showing_it() {
    let (_setup, _folder, programs) = site(Setup::default());
    programs.upgrade_db();
    for content in [
        "auth: {username: operator, password: [s3cret]}",
        "auth: {username: operator}",
        "auth: {username: operator, password: ''}",
        "s3cret-line",
        "auth: [s3cret-item",
        "",
    ] {
        write(&programs, content);
        let sentence = programs.failed_bootstrap(run(&programs));
        assert!(sentence.contains(FILE) && sentence.contains("auth:"), "{content}: {sentence}");
        assert!(!sentence.contains("s3cret"), "{sentence}");
    }
}

#[test]
fn what_cannot_be_written_changes_no_password() {
    let (setup, _folder, programs) = site(Setup::default());
    programs.upgrade_db();
    let password = complete(&programs);
    fs::remove_file(programs.path(FILE)).unwrap();
    let file = programs.path(FILE);
    let file = file.to_str().unwrap();
    let arguments = ["complete", "--credentials-file", file, "--owner", "no-such-account"];
    let sentence = programs.bootstrap_fails(&arguments);
    assert!(sentence.contains("`no-such-account`") && sentence.contains("--owner"), "{sentence}");
    let arguments = ["complete", "--credentials-file", "/proc/none/file.yml"];
    let sentence = programs.bootstrap_fails(&arguments);
    assert!(sentence.contains("/proc/none/file.yml"), "{sentence}");
    assert!(!programs.path(FILE).exists());
    let daemon = setup.start();
    assert_eq!(try_login(&daemon, USER, &password).0, 200);
}

#[test]
fn without_a_database_it_says_how_to_make_one() {
    let (_setup, folder, programs) = site(Setup::default());
    let sentence = programs.failed_bootstrap(run(&programs));
    assert!(sentence.contains("wazo-auth-upgrade-db"), "{sentence}");
    assert!(!programs.path(FILE).exists() && !folder.join("auth.db").exists());
    let left = fs::read_dir(programs.path(FILE).parent().unwrap()).unwrap().count();
    assert_eq!(left, 0, "the unused password is gone");
}

#[test]
fn started_by_root_it_leaves_the_files_of_the_database_to_their_owner() {
    if has_no_file("the owner of the database") || !is_root("a database of another account") {
        return;
    }
    let (name, uid) = somebody();
    let (setup, folder, programs) = site(Setup::default().config(&format!("user: {name}")));
    chown(&folder, Some(uid), None).unwrap();
    programs.upgrade_db();
    let _ = complete(&programs);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("auth.db") {
            assert_eq!((owner(&path), mode(&path)), (uid, 0o600), "{}", path.display());
        }
    }
    let daemon = setup.start();
    assert_eq!(try_login(&daemon, USER, &password(&programs)).0, 200);
    fs::remove_file(programs.path(FILE)).unwrap();
    let password = complete(&programs);
    until("the daemon knows the new password", || try_login(&daemon, USER, &password).0 == 200);
}

#[test]
fn a_link_beside_the_database_does_not_lead_root_astray() {
    if has_no_file("a link beside it") || !is_root("a database of another account") {
        return;
    }
    let (_, uid) = somebody();
    let (_setup, folder, programs) = site(Setup::default());
    programs.upgrade_db();
    for file in [folder.clone(), folder.join("auth.db")] {
        chown(file, Some(uid), None).unwrap();
    }
    let precious = programs.path("precious");
    fs::write(&precious, "do not touch").unwrap();
    symlink(&precious, folder.join("auth.db-wal")).unwrap();
    let _ = programs.failed_bootstrap(run(&programs));
    assert_eq!(fs::read_to_string(&precious).unwrap(), "do not touch");
    assert_eq!(owner(&precious), 0);

    fs::remove_file(folder.join("auth.db-wal")).unwrap();
    let _ = complete(&programs);
}

#[test]
fn two_at_once_agree_on_one_password() {
    let (setup, _folder, programs) = site(Setup::default());
    programs.upgrade_db();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(run(&programs).succeeded(), ""));
        }
    });
    let daemon = setup.start();
    assert_eq!(try_login(&daemon, USER, &password(&programs)).0, 200);
}

#[test]
fn it_is_a_command_of_the_daemon_too() {
    let (setup, _folder, programs) = site(Setup::default());
    programs.upgrade_db();
    let mut command = std::process::Command::new(wazo_auth_tests::built().join("wazo-auth"));
    command.env_clear().args(["bootstrap", "complete", "--owner", &somebody().0]);
    command.arg("--credentials-file").arg(programs.path(FILE)).arg("-c").arg(&programs.config);
    assert_eq!(ran(command).succeeded(), "");
    let daemon = setup.start();
    assert_eq!(try_login(&daemon, USER, &password(&programs)).0, 200);
}
