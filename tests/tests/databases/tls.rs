//! TLS between wazo-auth and PostgreSQL.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::Command,
};

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;
use tempfile::TempDir;
use wazo_auth_servers::postgresql::{self, Postgresql};
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Setup};

use crate::support::{on_file, psql, run, run_ok, site, until};

/// An authority, and what it has signed.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A server that takes connections over TLS alone, for `localhost` by name, and the
/// files of who has signed its certificate, and of who has not.
struct Secured {
    server: Postgresql,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }
}

impl Secured {
    fn new() -> Self {
        let (server, folder) = (Postgresql::start(), tempfile::tempdir().unwrap());
        let secured = Self { server, folder };
        let (authority, stranger) = (Authority::new(), Authority::new());
        fs::write(secured.file("authority"), authority.certificate.pem()).unwrap();
        fs::write(secured.file("stranger"), stranger.certificate.pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority.issuer).unwrap();
        secured.present(&certificate.pem(), &key.serialize_pem());
        let hba = secured.psql("SHOW hba_file");
        let rules = "hostnossl all all all reject\nhostssl all all all trust\n";
        fs::write(&hba, rules).unwrap();
        secured.reload(|| {
            let uri = format!("{}?sslmode=disable", secured.server.uri("postgres"));
            !Command::new("psql").args(["-c", "SELECT 1", &uri]).output().unwrap().status.success()
        });
        secured
    }

    fn psql(&self, sql: &str) -> String {
        psql(&self.server.uri("postgres"), sql)
    }

    /// Has the server present this certificate from now on.
    fn present(&self, certificate: &str, key: &str) {
        let data = self.psql("SHOW data_directory");
        let owner = fs::metadata(&data).unwrap();
        for (name, content) in [("server.crt", certificate), ("server.key", key)] {
            let file = Path::new(&data).join(name);
            fs::write(&file, content).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        fs::write(self.file("own"), certificate).unwrap();
        let _ = self.psql("ALTER SYSTEM SET ssl = on");
        let own = self.file("own");
        self.reload(|| {
            let uri = self.uri("localhost", "postgres", &format!("verify-ca&sslrootcert={own}"));
            // An own certificate is as good as its authority's to psql, too.
            let output = Command::new("psql").args(["-c", "SELECT 1", &uri]).output().unwrap();
            output.status.success() || String::from_utf8_lossy(&output.stderr).contains("verify")
        });
    }

    fn reload(&self, is_done: impl FnMut() -> bool) {
        assert_eq!(self.psql("SELECT pg_reload_conf()"), "t");
        until("the server has read its files", is_done);
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(format!("{name}.pem")).to_str().unwrap().to_owned()
    }

    fn uri(&self, host: &str, database: &str, tls: &str) -> String {
        format!("postgresql://postgres@{host}:{}/{database}?sslmode={tls}", self.server.port())
    }

    /// A new database, over TLS with all checks.
    fn database(&self) -> String {
        let uri = self.server.database();
        let name = uri.rsplit('/').next().unwrap();
        self.uri("localhost", name, &self.full())
    }

    fn full(&self) -> String {
        format!("verify-full&sslrootcert={}", self.file("authority"))
    }
}

/// The first line of what a command is refused with.
#[track_caller]
fn refusal(uri: &str) -> String {
    let (_setup, folder) = site(uri);
    let (code, said, complaint) = run(&folder, &["db", "detach"]);
    assert_eq!((code, said.as_str()), (1, ""), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    complaint
}

#[test]
fn everything_that_goes_to_the_server_goes_over_tls() {
    let secured = Secured::new();
    let uri = secured.database();
    // The command that prepares the server, the daemon, and the commands beside it.
    let (_setup, folder) = site(&uri);
    let maintenance = secured.uri("localhost", "postgres", &secured.full());
    let said = run_ok(
        &folder,
        &["init-db", "--pg_db_uri", &maintenance, "--auth_db_uri", &uri, "--db", "postgres"],
    );
    assert!(said.contains("extension uuid-ossp: made"), "{said}");
    let daemon = Setup::default().config(&format!("db_uri: {uri}\ndb_upgrade_on_startup: true"));
    let daemon = daemon.start();
    let data = daemon.login(ADMIN, ADMIN_PASSWORD, json!({}));
    let token = data["token"].as_str().unwrap();
    let _ = daemon.get("/0.1/users").token(token).send().expect(200);
    let connections = |is_safe: bool| -> u32 {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
             WHERE application_name = 'wazo-auth' AND ssl = {is_safe}"
        );
        secured.psql(&sql).parse().unwrap()
    };
    assert!(connections(true) > 1, "a listener, and those of requests");
    assert_eq!(connections(false), 0);
    let _ = daemon.head(&format!("/0.1/token/{token}")).send().expect(204);
    let (_, stopped, _) = daemon.stop();
    let said = run_ok(stopped.path(), &["db", "seal"]);
    assert!(said.starts_with("sealed 0 tokens"), "{said}");
    let (_file_setup, file) = on_file();
    let to = format!("sqlite:///{}/copy.db", file.display());
    let said = run_ok(stopped.path(), &["db", "copy", &uri, &to]);
    assert!(said.contains("copied"), "{said}");
}

#[test]
fn each_mode_trusts_whom_it_is_to() {
    let secured = Secured::new();
    let name = secured.server.database();
    let name = name.rsplit('/').next().unwrap().to_owned();
    let [authority, stranger, own] = ["authority", "stranger", "own"].map(|of| secured.file(of));
    let upgrade = |host: &str, tls: &str| {
        let (_setup, folder) = site(&secured.uri(host, &name, tls));
        let (code, _, complaint) = run(&folder, &["upgrade-db"]);
        match code {
            0 => String::new(),
            _ => complaint,
        }
    };
    for (host, tls) in [
        ("localhost", "prefer".to_owned()),
        ("127.0.0.1", "require".to_owned()),
        ("127.0.0.1", format!("require&sslrootcert={authority}")),
        ("127.0.0.1", format!("verify-ca&sslrootcert={}", authority.replace('/', "%2F"))),
        ("localhost", format!("verify-full&sslrootcert={authority}")),
        ("localhost", format!("verify-full&sslrootcert={own}")),
    ] {
        assert_eq!(upgrade(host, &tls), "", "{host} {tls}");
    }
    let unknown = "the server's certificate is not signed by any that is in the file of \
        sslrootcert: let that name the certificate of the authority that has signed the server's";
    for tls in ["require", "verify-ca", "verify-full"] {
        let said = upgrade("localhost", &format!("{tls}&sslrootcert={stranger}"));
        assert!(said.contains(unknown), "{tls}: {said}");
    }
    let said = upgrade("127.0.0.1", &format!("verify-full&sslrootcert={authority}"));
    assert!(
        said.contains(
            "the server's certificate is not for the host 127.0.0.1 (only for \
             DnsName(\"localhost\")): let db_uri name the host as the certificate does, or say \
             sslmode=verify-ca"
        ),
        "{said}"
    );
    // On this host without a word, as it was before TLS was there; the server does
    // not want that.
    let (_setup, folder) = site(&secured.uri("127.0.0.1", &name, "disable"));
    let (_, _, complaint) = run(&folder, &["db", "detach"]);
    assert!(complaint.contains("pg_hba.conf rejects connection"), "{complaint}");
}

#[test]
fn a_certificate_that_is_over_is_told() {
    let secured = Secured::new();
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    fs::write(secured.file("authority"), authority.certificate.pem()).unwrap();
    secured.present(&certificate.pem(), &key.serialize_pem());
    // Known itself, too, be it made by hand.
    let own = ["verify-ca", "verify-full"]
        .map(|mode| format!("{mode}&sslrootcert={}", secured.file("own")));
    let refused = |tls: &str| {
        let said = refusal(&secured.uri("localhost", "postgres", tls));
        assert!(said.contains("the server's certificate has expired: give the server"), "{said}");
    };
    refused(&secured.full());
    own.iter().for_each(|tls| refused(tls));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    secured.present(&params.self_signed(&key).unwrap().pem(), &key.serialize_pem());
    own.iter().for_each(|tls| refused(tls));
}

#[test]
fn a_server_without_tls_is_told() {
    let server = postgresql::shared();
    let uri = format!("{}?sslmode=require", server.uri("postgres"));
    let said = refusal(&uri);
    assert!(said.contains("offers no TLS") && said.contains("sslmode=disable"), "{said}");
    let uri = format!("{}?sslmode=prefer", postgresql::database());
    let (_setup, folder) = site(&uri);
    let _ = run_ok(&folder, &["upgrade-db"]);
}

#[test]
fn what_is_wrong_with_the_uri_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.pem");
    fs::write(&text, "no certificate").unwrap();
    let text = text.display();
    for (tls, says) in [
        ("sslmode=strict", "sslmode is disable, prefer, require, verify-ca or verify-full".into()),
        ("sslmode=verify-full", "sslmode=verify-ca and verify-full need sslrootcert=".into()),
        ("sslrootcert=/x.pem", "sslrootcert has a meaning with sslmode=verify-full".into()),
        (
            "sslmode=verify-ca&sslrootcert=/no/such.pem",
            "cannot use the file /no/such.pem of sslrootcert: No such file or directory (os error \
             2): it is to hold, as PEM,"
                .to_owned(),
        ),
        (
            &format!("sslmode=verify-ca&sslrootcert={text}"),
            format!("cannot use the file {text} of sslrootcert: it holds no certificate: it is to"),
        ),
    ] {
        let uri = format!("postgresql://u:s3cr3t@127.0.0.1:1/d?{tls}");
        let said = refusal(&uri);
        assert!(said.contains(&says) && !said.contains("s3cr3t"), "{said}");
        let sentence = Setup::default().config(&format!("db_uri: {uri}")).refusal();
        assert!(sentence.contains(&says), "{sentence}");
    }
}
