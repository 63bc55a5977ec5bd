//! A RabbitMQ of the test's own, on free ports of the loopback, in a folder of
//! its own, and queues on it.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU32, Ordering},
    },
    thread::park_timeout,
    time::{Duration, Instant},
};

use lapin::{
    Channel, Connection, ConnectionProperties, ExchangeKind,
    options::{
        BasicAckOptions, BasicGetOptions, ExchangeBindOptions, ExchangeDeclareOptions,
        QueueBindOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// `XIVO_UUID` of the daemons whose events are consumed.
pub const PLATFORM: &str = "6a1d6d1e-platform";
/// How often a queue is looked into.
const LOOK: Duration = Duration::from_millis(5);
/// Where Debian's package has the programs, without the wrapper that goes to its
/// own folders.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";
/// The file of the authority that certificates are of.
const CA: &str = "ca.pem";

/// A message broker; it is killed when dropped.
pub struct Broker {
    folder: TempDir,
    port: u16,
    tls_port: u16,
    /// Where nodes find each other; ours finds only itself.
    names_port: u16,
    cluster_port: u16,
    names: Child,
    server: Option<Child>,
    runtime: tokio::runtime::Runtime,
}

/// A durable queue that gets all messages of an exchange, through a headers
/// exchange, as the platform's consumers do.
pub struct Queue<'a> {
    broker: &'a Broker,
    name: String,
}

/// A message as a consumer sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The routing key.
    pub key: String,
    /// The headers: a long string is a text, a boolean a boolean, void null.
    pub headers: BTreeMap<String, Value>,
    /// The body.
    pub body: Value,
    /// `content_type`, `content_encoding`.
    pub content: (String, String),
    /// `delivery_mode`, `priority`.
    pub delivery: (u8, u8),
}

// === impl Broker ===

impl Broker {
    /// The broker of this test and of those that run beside it: starting one takes
    /// longer than most tests. Let each use an exchange of its own.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static RUNNING: Mutex<Weak<Broker>> = Mutex::new(Weak::new());
        // A test that failed while it started one has said so.
        let mut running = RUNNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        running.upgrade().unwrap_or_else(|| {
            let mut broker = Self::prepare();
            broker.start();
            let broker = Arc::new(broker);
            *running = Arc::downgrade(&broker);
            broker
        })
    }

    /// A broker that is not started yet.
    ///
    /// # Panics
    /// When it is not installed.
    #[must_use]
    pub fn prepare() -> Self {
        assert!(Path::new(SERVER).exists(), "no RabbitMQ here: apt-get install rabbitmq-server");
        let folder = tempfile::tempdir().unwrap();
        let cookie = folder.path().join(".erlang.cookie");
        fs::File::create(&cookie).unwrap().write_all(b"onlyfortests").unwrap();
        fs::set_permissions(&cookie, fs::Permissions::from_mode(0o400)).unwrap();
        let [port, tls_port, names_port, cluster_port] = free_ports();
        make_certificates(folder.path());
        let file = |name| folder.path().join(name).display().to_string();
        let tls = format!(
            "listeners.ssl.1 = 127.0.0.1:{tls_port}\nssl_options.cacertfile = {}\n\
             ssl_options.certfile = {}\nssl_options.keyfile = {}\nssl_options.verify = verify_none\n",
            file(CA),
            file("server.pem"),
            file("server.key")
        );
        fs::write(folder.path().join("rabbitmq.conf"), tls).unwrap();
        let names = Command::new("epmd")
            .args(["-address", "127.0.0.1", "-port", &names_port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self { folder, port, tls_port, names_port, cluster_port, names, server: None, runtime }
    }

    /// Starts it and waits until it accepts connections.
    ///
    /// # Panics
    /// When it does not.
    #[allow(clippy::disallowed_methods, reason = "its tools are found where ours are")]
    pub fn start(&mut self) {
        let here = self.folder.path();
        let (said, began) = (here.join("said.txt"), Instant::now());
        let output = fs::File::create(&said).unwrap();
        let arguments =
            "-noinput -start_epmd false -kernel inet_dist_use_interface {127,0,0,1} +S 2:2";
        let server = Command::new(SERVER)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", here)
            // The shell becomes the broker, so that it can be killed.
            .env("RABBITMQ_ALLOW_INPUT", "1")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", arguments)
            .env("RABBITMQ_NODENAME", self.node())
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.cluster_port.to_string())
            .env("ERL_EPMD_PORT", self.names_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_MNESIA_BASE", here.join("db"))
            .env("RABBITMQ_LOG_BASE", here.join("log"))
            .env("RABBITMQ_CONFIG_FILE", here.join("rabbitmq"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", here.join("plugins"))
            .env("RABBITMQ_PID_FILE", here.join("pid"))
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let server = self.server.insert(server);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let status = server.try_wait().unwrap();
            assert!(
                status.is_none() && began.elapsed() < PATIENCE,
                "no broker ({status:?}): {}",
                fs::read_to_string(&said).unwrap()
            );
            park_timeout(Duration::from_millis(20));
        }
    }

    /// Ends it as a power cut would.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What `amqp.uri` is to be.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/", self.port)
    }

    /// The same with TLS; the certificate is for `localhost`.
    #[must_use]
    pub fn tls_uri(&self) -> String {
        format!("amqps://guest:guest@localhost:{}/", self.tls_port)
    }

    /// The authority that its certificate is of, as a file.
    #[must_use]
    pub fn ca_file(&self) -> String {
        self.folder.path().join(CA).display().to_string()
    }

    /// Has the broker evaluate an expression in its own language.
    ///
    /// # Panics
    /// When it cannot.
    #[allow(clippy::disallowed_methods, reason = "its tools are found where ours are")]
    pub fn evaluate(&self, expression: &str) {
        let output = Command::new(CONTROL)
            .args(["eval", expression])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("RABBITMQ_NODENAME", self.node())
            .env("ERL_EPMD_PORT", self.names_port.to_string())
            .output()
            .unwrap();
        assert!(output.status.success(), "{expression}: {output:?}");
    }

    fn node(&self) -> String {
        format!("test{}@localhost", self.port)
    }

    /// A name for an exchange that no other test has.
    #[must_use]
    pub fn exchange(&self) -> String {
        format!("xivo-{}", number())
    }

    /// A queue that gets what is published to `exchange` from now on.
    ///
    /// # Panics
    /// When the broker refuses it.
    #[must_use]
    pub fn queue(&self, exchange: &str) -> Queue<'_> {
        let name = format!("queue-{}", number());
        self.on_channel(async |channel| {
            let (headers, none) = (format!("{exchange}-headers"), FieldTable::default);
            let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
            for (name, kind) in
                [(exchange, ExchangeKind::Topic), (&*headers, ExchangeKind::Headers)]
            {
                channel.exchange_declare(name.into(), kind, durable, none()).await.unwrap();
            }
            let options = ExchangeBindOptions::default();
            let (to, from) = (headers.as_str().into(), exchange.into());
            channel.exchange_bind(to, from, "#".into(), options, none()).await.unwrap();
            let durable = QueueDeclareOptions { durable: true, ..Default::default() };
            channel.queue_declare(name.as_str().into(), durable, none()).await.unwrap();
            // What every event has.
            let mut arguments = FieldTable::default();
            let text = |text: &str| AMQPValue::LongString(text.into());
            arguments.insert("x-match".into(), text("all"));
            arguments.insert("origin_uuid".into(), text(PLATFORM));
            let (queue, from) = (name.as_str().into(), headers.as_str().into());
            let options = QueueBindOptions::default();
            channel.queue_bind(queue, from, "".into(), options, arguments).await.unwrap();
        });
        Queue { broker: self, name }
    }

    /// A queue that was made by [`queue`](Self::queue) and that its broker has kept.
    #[must_use]
    pub fn queue_named(&self, name: &str) -> Queue<'_> {
        Queue { broker: self, name: name.to_owned() }
    }

    /// Declares an exchange of a type, durable or not.
    ///
    /// # Panics
    /// When the broker refuses it.
    pub fn declare_another(&self, exchange: &str, kind: ExchangeKind, durable: bool) {
        self.on_channel(async |channel| {
            let (kind, options) =
                (kind.clone(), ExchangeDeclareOptions { durable, ..Default::default() });
            let none = FieldTable::default();
            channel.exchange_declare(exchange.into(), kind, options, none).await.unwrap();
        });
    }

    /// Deletes an exchange.
    ///
    /// # Panics
    /// When the broker refuses it.
    pub fn delete_exchange(&self, exchange: &str) {
        self.on_channel(async |channel| {
            channel.exchange_delete(exchange.into(), Default::default()).await.unwrap();
        });
    }

    /// Waits for something that happens a little later.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn wait_until(&self, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "it does not happen");
            park_timeout(Duration::from_millis(20));
        }
    }

    fn on_channel<T>(&self, f: impl AsyncFnOnce(Channel) -> T) -> T {
        self.runtime.block_on(async {
            let began = Instant::now();
            let connection = loop {
                let options = ConnectionProperties::default();
                // A broker that has just begun to listen may not be ready.
                match Connection::connect(&format!("{}%2f", self.uri()), options).await {
                    Ok(connection) => break connection,
                    Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            let done = f(connection.create_channel().await.unwrap()).await;
            // It may be closing already, now that its channel is dropped.
            let _ = connection.close(200, "done".into()).await;
            done
        })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        for mut process in self.server.take().into_iter() {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = self.names.kill();
        let _ = self.names.wait();
    }
}

// === impl Queue ===

impl Queue<'_> {
    /// What the broker knows it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes messages, in order, and waits for them, until one `is_last`.
    ///
    /// # Panics
    /// With those that came, when it takes too long.
    #[must_use]
    #[track_caller]
    pub fn take_until(&self, mut is_last: impl FnMut(&Message) -> bool) -> Vec<Message> {
        let began = Instant::now();
        self.broker.on_channel(async |channel| {
            let mut taken = Vec::new();
            loop {
                let (name, options) = (self.name.as_str().into(), BasicGetOptions::default());
                let Some(got) = channel.basic_get(name, options).await.unwrap() else {
                    assert!(began.elapsed() < PATIENCE, "no more than {taken:#?}");
                    tokio::time::sleep(LOOK).await;
                    continue;
                };
                got.delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
                let message = Message::from(got.delivery);
                let is_last = is_last(&message);
                taken.push(message);
                if is_last {
                    return taken;
                }
            }
        })
    }

    /// Takes so many messages.
    ///
    /// # Panics
    /// With those that came, when it takes too long.
    #[must_use]
    #[track_caller]
    pub fn take(&self, count: usize) -> Vec<Message> {
        let mut left = count;
        self.take_until(|_| {
            left -= 1;
            left == 0
        })
    }
}

impl From<lapin::message::Delivery> for Message {
    fn from(delivery: lapin::message::Delivery) -> Self {
        let properties = &delivery.properties;
        let text = |text: &Option<lapin::types::ShortString>| {
            text.as_ref().map(ToString::to_string).unwrap_or_default()
        };
        let headers = properties.headers().as_ref().unwrap().inner().iter();
        let value = |value: &AMQPValue| match value {
            AMQPValue::LongString(text) => Value::from(text.to_string()),
            AMQPValue::Boolean(is_so) => Value::from(*is_so),
            AMQPValue::Void => Value::Null,
            other => panic!("a header is {other:?}"),
        };
        Self {
            key: delivery.routing_key.to_string(),
            headers: headers.map(|(name, v)| (name.to_string(), value(v))).collect(),
            body: serde_json::from_slice(&delivery.data).unwrap(),
            content: (text(properties.content_type()), text(properties.content_encoding())),
            delivery: (
                properties.delivery_mode().unwrap_or_default(),
                properties.priority().unwrap_or(99),
            ),
        }
    }
}

/// An authority, and a certificate of it for `localhost` with its key.
fn make_certificates(folder: &Path) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority).unwrap();
    for (name, pem) in
        [(CA, authority.pem()), ("server.pem", server.pem()), ("server.key", key.serialize_pem())]
    {
        fs::write(folder.join(name), pem).unwrap();
    }
}

/// Ports that are free at the moment.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn number() -> u32 {
    static NUMBERS: AtomicU32 = AtomicU32::new(0);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}
