//! How much memory the token index takes and how fast it answers.
//!
//! `cargo run --release -p wazo-auth-store --example index_memory [TOKENS] [USERS]`
//!
//! Fills a database in a temporary folder (a million tokens of 100,000 users
//! with 20 different ACLs, unless told otherwise); a second process opens it
//! and prints what the open index costs.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use jiff::tz::TimeZone;
use uuid::Uuid;
use wazo_auth_context::{Context, Environment};
use wazo_auth_store::sessions::{self, Session};
use wazo_auth_store::tokens::{self, Token};
use wazo_auth_store::{Options, Sealer, Store, Tx};

type Outcome = Result<(), Box<dyn Error>>;

const TOKENS_PER_WRITE: u64 = 1000;
const ACLS: u64 = 20;
const EXPIRES: i64 = i32::MAX as i64;
const MEASURE: &str = "--measure";

fn main() -> Outcome {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    if let [MEASURE, path, count] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return measure(Path::new(path), count.parse()?);
    }
    let number = |position: usize, default: u64| {
        arguments.get(position).map_or(Ok(default), |argument| argument.parse())
    };
    let (count, users) = (number(0, 1_000_000)?, number(1, 100_000)?.max(1));
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("auth.db");
    fill(&path, count, users)?;
    // A process that never held anything else, so that its memory says something.
    let mut child = Command::new(std::env::current_exe()?);
    let status = child.arg(MEASURE).arg(&path).arg(count.to_string()).status()?;
    if status.success() { Ok(()) } else { Err("the measuring process failed".into()) }
}

fn open(path: &Path) -> Result<Arc<Store>, Box<dyn Error>> {
    let context = Context::system(Environment { xivo_uuid: None, time_zone: TimeZone::UTC });
    let sealer = Some(Sealer::new(&[7; 32]));
    Ok(Store::open(Options { path: path.into(), readers: 1, sealer }, context)?)
}

fn fill(path: &Path, count: u64, users: u64) -> Outcome {
    let started = Instant::now();
    let store = open(path)?;
    let tenant = store.index().top_tenant().ok_or("no master tenant")?;
    for first in (0..count).step_by(usize::try_from(TOKENS_PER_WRITE)?) {
        let numbers = first..count.min(first + TOKENS_PER_WRITE);
        store.write(&[], move |tx| {
            numbers.clone().try_for_each(|number| insert(tx, tenant, number, users))
        })?;
    }
    println!("filled in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn insert(
    tx: &mut Tx<'_>,
    tenant: Uuid,
    number: u64,
    users: u64,
) -> Result<(), wazo_auth_store::Error> {
    let session_uuid = uuid(number, 2);
    let user = uuid(number % users, 3).to_string();
    let metadata = serde_json::json!({"uuid": user, "tenant_uuid": tenant, "purpose": "user"});
    let acl = (0..50).map(|grant| format!("confd.{}.resource_{grant}.read", number % ACLS));
    sessions::insert(tx, &Session { uuid: session_uuid, mobile: false, tenant_uuid: tenant })?;
    let token = Token {
        uuid: uuid(number, 1),
        auth_id: user,
        pbx_user_uuid: None,
        xivo_uuid: None,
        issued_at: Some(0),
        expires_at: Some(EXPIRES),
        metadata: metadata.as_object().cloned().unwrap_or_default(),
        session_uuid,
        user_agent: String::new(),
        remote_addr: String::new(),
        acl: acl.collect(),
        refresh_token_uuid: None,
    };
    tokens::insert(tx, &token)
}

fn measure(path: &Path, count: u64) -> Outcome {
    let before = resident_bytes()?;
    let started = Instant::now();
    let store = open(path)?;
    println!("opened in {:.1} s", started.elapsed().as_secs_f64());
    let bytes = resident_bytes()?.saturating_sub(before);
    println!("{} live tokens, {} bytes each", store.index().len(), bytes / count.max(1));
    let (started, rounds) = (Instant::now(), 1_000_000);
    let found = (0..rounds)
        .filter(|round| {
            let token = uuid(mix(*round) % count.max(1), 1);
            black_box(store.index().get(&token, 0)).is_some()
        })
        .count();
    let nanoseconds = started.elapsed().as_nanos() / u128::from(rounds);
    println!("{found} of {rounds} random tokens found, {nanoseconds} ns each");
    Ok(())
}

fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// The same scattered UUID for the same number, in both processes.
fn uuid(number: u64, kind: u64) -> Uuid {
    let high = mix(number.wrapping_mul(4) + kind);
    uuid::Builder::from_u128(u128::from(high) << 64 | u128::from(mix(high))).into_uuid()
}

fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
