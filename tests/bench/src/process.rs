//! A server under measurement: started, found, looked at through /proc, killed.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::Outcome;

/// A running server; killed when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// From its start until it listened.
    pub(crate) start: Duration,
}

// === impl Server ===

impl Server {
    /// Starts `command` and waits until it says where it listens.
    pub(crate) fn start(command: &mut Command) -> Outcome<Self> {
        Self::start_telling(command, Stdio::inherit())
    }

    /// The same, which tells its errors here.
    pub(crate) fn start_telling(command: &mut Command, errors: Stdio) -> Outcome<Self> {
        let started = Instant::now();
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn()?;
        let output = process.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(output).lines();
        let address = loop {
            let Some(line) = lines.next() else {
                process.wait()?;
                return Err("the server ended before it listened".into());
            };
            if let Some((_, url)) = line?.split_once("Listening on http://") {
                break url.trim().parse()?;
            }
        };
        let start = started.elapsed();
        // What it says from now on is read, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { process, address, start })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The processor time that it has used so far, all threads together.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks: u64 = ticks.sum::<Result<_, _>>()?;
        // Linux counts in hundredths of a second, whatever its own clock.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Its resident memory in bytes.
    pub(crate) fn memory(&self) -> Outcome<u64> {
        self.status("VmRSS:")
    }

    /// The most that its resident memory ever was, in bytes.
    pub(crate) fn peak_memory(&self) -> Outcome<u64> {
        self.status("VmHWM:")
    }

    /// Ends it as an operator would, and waits for its end.
    pub(crate) fn stop(mut self) -> Outcome {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.process.id())?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?;
        self.process.wait()?;
        Ok(())
    }

    fn status(&self, name: &str) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Beside the configuration: the URI of a database that is no file.
pub(crate) const DB_URI: &str = "db_uri";

/// The command of the daemon beside this program, with a configuration in `folder`.
pub(crate) fn daemon(folder: &Path, extra: &str) -> Outcome<Command> {
    let programs = crate::programs()?;
    let here = folder.display();
    let plugins = folder.join("plugins");
    fs::create_dir_all(&plugins)?;
    fs::create_dir_all(folder.join("conf.d"))?;
    for entry in fs::read_dir(&programs)? {
        let file = entry?.path();
        if let Some(name) = file.file_name().filter(|_| file.extension() == Some("so".as_ref())) {
            fs::copy(&file, plugins.join(name))?;
        }
    }
    let uri = fs::read_to_string(folder.join(DB_URI));
    let uri = uri.unwrap_or_else(|_| format!("sqlite:///{here}/auth.db"));
    let yaml = format!(
        "extra_config_files: {here}/conf.d\n\
         user:\n\
         log_filename: {here}/wazo-auth.log\n\
         db_uri: {uri}\n\
         token_key_file: {here}/token.key\n\
         plugin_dirs: [{here}/plugins]\n\
         rest_api: {{listen: 127.0.0.1, port: 0}}\n\
         enabled_backend_plugins: {{ldap_user: false}}\n\
         idp_plugins: {{ldap: {{enabled: false}}}}\n\
         max_user_concurrent_sessions: 1000000\n\
         amqp: {{enabled: false}}\n\
         {extra}\n"
    );
    fs::write(folder.join("config.yml"), yaml)?;
    let mut command = Command::new(programs.join("wazo-auth"));
    command.arg("--config-file").arg(folder.join("config.yml"));
    Ok(command)
}
