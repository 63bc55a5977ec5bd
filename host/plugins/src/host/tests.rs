use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};

use super::*;

/// Writes what is important, and everything of the plugin `chatty`; whoever
/// hands it more has not asked.
struct Picky;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Log for Picky {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn || metadata.target() == "wazo_auth.plugin.chatty"
    }

    fn log(&self, record: &Record<'_>) {
        LINES.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

struct Nothing;

impl HostServices for Nothing {
    fn call(
        &self,
        _: &Caller,
        _: &str,
        _: &str,
        _: &[u8],
    ) -> Result<(String, Vec<u8>), HostFailure> {
        Err(HostFailure::new(ErrorKind::Unsupported, "there is nothing here"))
    }
}

fn host(plugin: &str) -> HostObject {
    let gate = Gate::new(1, std::time::Duration::ZERO);
    HostObject::new(Caller::new("backend", plugin, None), gate, Arc::new(Nothing), Vec::new())
}

#[test]
fn who_asks_for_too_much_at_a_time_is_refused_before_anybody_reads_it() {
    let most = vec![0; crate::reply::MAX_BODY + 1];
    let kind = |body: &[u8]| host("asks").serve("x", "{}", body).unwrap_err().kind;
    assert_eq!(kind(&most[1..]), ErrorKind::Unsupported);
    assert_eq!(kind(&most), ErrorKind::Malformed);
}

#[test]
fn a_line_that_nobody_reads_is_not_written_nor_asked_for() {
    log::set_logger(&Picky).unwrap();
    log::set_max_level(LevelFilter::Debug);
    let target = RStr::from("module");
    for (plugin, level) in [("quiet", 3), ("quiet", 2), ("chatty", 4), ("chatty", 5)] {
        let text = format!("{plugin} {level}");
        host(plugin).log(level, target, RStr::from(&*text));
    }
    assert_eq!(*LINES.lock().unwrap(), ["module: quiet 2", "module: chatty 4"]);

    let level_of = |plugin| host(plugin).serve("log.get_level", "{}", &[]).unwrap().head;
    assert_eq!(level_of("quiet").as_str(), r#"{"level":2}"#);
    assert_eq!(level_of("chatty").as_str(), r#"{"level":4}"#);
}
