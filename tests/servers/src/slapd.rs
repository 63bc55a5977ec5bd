//! OpenLDAP.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// The suffix of the directory.
pub const SUFFIX: &str = "dc=example,dc=org";
/// What users are below.
pub const PEOPLE: &str = "ou=people,dc=example,dc=org";
/// An account that may search, and its password.
pub const SERVICE: (&str, &str) = ("cn=service,dc=example,dc=org", "s3rvice-p4ss");

const PATIENCE: Duration = Duration::from_secs(30);

/// A server with a directory of its own: `service` may read everything below the
/// suffix but what is below `ou=shy`, everybody may read their own entry, nobody
/// anything else.
pub struct Slapd {
    folder: TempDir,
    port: u16,
    tls_port: u16,
    server: Child,
}

/// Somebody in the directory.
pub struct Person<'a> {
    /// The first part of the DN, such as `uid=alice`, and where it is.
    pub rdn: &'a str,
    /// Below the suffix, such as `ou=people`.
    pub place: &'a str,
    /// What `uid` is.
    pub uid: &'a str,
    /// `mail`, as often as there are any.
    pub mail: &'a [&'a str],
    /// The password.
    pub password: &'a str,
}

impl Slapd {
    /// Starts a server that knows these people.
    ///
    /// # Panics
    /// When that fails.
    #[must_use]
    pub fn start(people: &[Person<'_>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        write_configuration(folder.path());
        fs::create_dir(folder.path().join("data")).unwrap();
        add(folder.path(), &ldif(people));
        let (port, tls_port) = (free_port(), free_port());
        let server = run(folder.path(), port, tls_port);
        let mut slapd = Self { folder, port, tls_port, server };
        let deadline = Instant::now() + PATIENCE;
        while [port, tls_port].iter().any(|port| TcpStream::connect(("127.0.0.1", *port)).is_err())
        {
            let ended = slapd.server.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "slapd: {}", slapd.log());
            thread::park_timeout(Duration::from_millis(10));
        }
        slapd
    }

    /// Its port for connections in clear, which StartTLS encrypts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its port for encrypted connections.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// The authority of its certificate, which is for `localhost` and 127.0.0.1.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Has it accept connections (as the system does for it) and do nothing more.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn hang(&self) {
        self.signal("STOP");
    }

    /// Has it go on.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.args([&format!("-{name}"), &self.server.id().to_string()]);
        assert!(kill.status().unwrap().success(), "kill -{name}");
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn write_configuration(folder: &Path) {
    let here = folder.display();
    write_certificates(folder);
    let schemas = ["core", "cosine", "inetorgperson"];
    let mut text = String::new();
    for schema in schemas {
        writeln!(text, "include /etc/ldap/schema/{schema}.schema").unwrap();
    }
    write!(
        text,
        "modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         pidfile {here}/pid\n\
         allow bind_v2\n\
         TLSCACertificateFile {here}/ca.pem\n\
         TLSCertificateFile {here}/server.pem\n\
         TLSCertificateKeyFile {here}/server.key\n\
         database mdb\n\
         suffix {SUFFIX}\n\
         directory {here}/data\n\
         dbnosync\n\
         access to attrs=userPassword by anonymous auth by * none\n\
         access to dn.subtree=ou=shy,{SUFFIX} attrs=mail by self read by * none\n\
         access to dn.subtree=ou=mute,{SUFFIX} attrs=mail by * none\n\
         access to * by self read by dn.exact={} read by anonymous auth by * none\n",
        SERVICE.0
    )
    .unwrap();
    fs::write(folder.join("slapd.conf"), text).unwrap();
}

fn write_certificates(folder: &Path) {
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "The authority of a test");
    fs::write(folder.join("ca.pem"), ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap();
    let certificate = certificate.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}

fn ldif(people: &[Person<'_>]) -> String {
    let mut text = format!("dn: {SUFFIX}\nobjectClass: domain\ndc: example\n\n");
    for place in ["people", "others", "shy", "mute"] {
        let unit = "objectClass: organizationalUnit";
        write!(text, "dn: ou={place},{SUFFIX}\n{unit}\nou: {place}\n\n").unwrap();
    }
    let (dn, password) = SERVICE;
    write!(
        text,
        "dn: {dn}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n\
         cn: service\nuserPassword: {password}\n\n"
    )
    .unwrap();
    for Person { rdn, place, uid, mail, password } in people {
        write!(
            text,
            "dn: {rdn},{place},{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: x\nsn: x\n\
             userPassword: {password}\n"
        )
        .unwrap();
        for mail in *mail {
            writeln!(text, "mail: {mail}").unwrap();
        }
        text.push('\n');
    }
    text
}

fn add(folder: &Path, ldif: &str) {
    let mut adding = Command::new(tool("slapadd"))
        .arg("-f")
        .arg(folder.join("slapd.conf"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    adding.stdin.take().unwrap().write_all(ldif.as_bytes()).unwrap();
    let output = adding.wait_with_output().unwrap();
    assert!(output.status.success(), "slapadd: {}", String::from_utf8_lossy(&output.stderr));
}

fn run(folder: &Path, port: u16, tls_port: u16) -> Child {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig=KILL", "--"]).arg(tool("slapd"));
    // In the foreground.
    command.args(["-d", "0", "-f"]).arg(folder.join("slapd.conf"));
    command.args(["-h", &format!("ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}")]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(fs::File::create(folder.join("log")).unwrap());
    // It is killed with the thread that started it: one that stays.
    let (give, given) = sync_channel(1);
    thread::spawn(move || {
        give.send(command.spawn().unwrap()).unwrap();
        loop {
            thread::park();
        }
    });
    given.recv().unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Programs of the server are not where everybody looks.
fn tool(program: &str) -> PathBuf {
    let tool = Path::new("/usr/sbin").join(program);
    assert!(tool.exists(), "no {program}: install the package slapd");
    tool
}
