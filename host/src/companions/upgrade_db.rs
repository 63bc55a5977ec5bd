//! `wazo-auth-upgrade-db`: the schema of the database (bootstrap.md section 6).

use wazo_auth_config::Sources;
use wazo_auth_store::{Database, Schema};

use crate::{
    account,
    commands::load,
    environment,
    setup::{self, Failure},
};

pub(super) fn run(sources: &Sources) -> Result<String, Failure> {
    let context = environment::context()?;
    let config = load(sources)?;
    let settings = &config.settings;
    let file = setup::sqlite_file(settings)?;
    // What is made is the daemon's.
    if let Some(user) = &settings.process.user {
        account::switch_to(user)?;
    }
    let shown = file.display();
    Ok(match Database::upgrade(file, &context)? {
        Schema::Created => format!("created the database {shown}\n"),
        Schema::Upgraded { from, to } => format!(
            "upgraded the database {shown} from schema version {from} to {to}; a copy of it as it \
             was is beside it\n"
        ),
        Schema::UpToDate => format!("the schema of the database {shown} is up to date\n"),
    })
}
