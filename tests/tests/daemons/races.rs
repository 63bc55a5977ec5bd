//! Beside somebody who types SQL, and knows nothing of our locks.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use crate::support::{Site, check, refresh, wait};

/// A transaction that somebody types.
pub struct Psql {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Psql {
    pub fn begin(uri: &str) -> Self {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", uri]);
        let mut process = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let mut psql = Self { process, input, output: BufReader::new(output).lines() };
        psql.run("BEGIN");
        psql
    }

    /// Returns when it is done.
    pub fn run(&mut self, sql: &str) {
        writeln!(self.input, "{sql};\n\\echo it is done").unwrap();
        let mut said = self.output.by_ref().map(Result::unwrap);
        assert!(said.any(|line| line == "it is done"), "{sql}");
    }

    pub fn commit(mut self) {
        self.run("COMMIT");
        drop(self.input);
        assert!(self.process.wait().unwrap().success());
    }
}

#[test]
fn a_refresh_token_that_is_deleted_in_the_middle_of_a_login_is_no_good() {
    let site = Site::new(1);
    let user = site.user(&[]);
    let offline = user.offline(&site.daemons[0]);
    let mut typed = Psql::begin(&site.uri);
    typed.run(&format!("DELETE FROM auth_refresh_token WHERE user_uuid = '{}'", user.uuid));
    thread::scope(|scope| {
        let login = scope.spawn(|| refresh(&site.daemons[0], &offline));
        // It has found the refresh token, and is about to refer to it.
        wait("it waits", || site.psql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0");
        typed.commit();
        let _ = login.join().unwrap().expect(401);
    });
    assert!(!site.daemons[0].log().contains("(ERROR)"), "{}", site.daemons[0].log());
}

#[test]
fn two_who_revoke_the_last_tokens_of_a_session_at_once_leave_none() {
    let site = Site::new(0);
    let daemon = site.setup(&site.uri).config("seal_tokens: false").start();
    // Whoever has deleted a token lingers before the commit, so that another one
    // does not see it yet.
    let _ = site.psql(
        "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER linger AFTER DELETE ON auth_token \
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION linger()",
    );
    let first = daemon.admin_token();
    let second = "5a1f0c2d-e3f4-4506-8718-293a4b5c6d7e";
    let columns = "auth_id, issued_t, expire_t, metadata, session_uuid, acl";
    let _ = site.psql(&format!(
        "INSERT INTO auth_token (uuid, {columns}) SELECT '{second}', {columns} FROM auth_token \
         WHERE uuid = '{first}'"
    ));
    assert_eq!([check(&daemon, &first), check(&daemon, second)], [204, 204]);
    thread::scope(|scope| {
        for token in [first.as_str(), second] {
            let path = format!("/0.1/token/{token}");
            let daemon = &daemon;
            scope.spawn(move || _ = daemon.delete(&path).send().expect(200));
        }
    });
    assert_eq!(site.psql("SELECT count(*) FROM auth_token"), "0");
    assert_eq!(site.psql("SELECT count(*) FROM auth_session"), "0");
}
