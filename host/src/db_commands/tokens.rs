//! The commands that change the form of tokens, or forget them.

use std::fmt::Write as _;

use wazo_auth_config::{DbUri, Settings};
use wazo_auth_context::Context;
use wazo_auth_store::{Database, Rewritten, Sealer, tokens_of_another_key};

use super::progress;
use crate::{
    account, setup,
    setup::{Failure, connected},
};

pub(super) fn seal(
    settings: &Settings,
    context: &Context,
    sealer: Option<Sealer>,
) -> Result<String, Failure> {
    if !settings.database.seal_tokens {
        return Err("`seal_tokens` is false, because another program reads the same database: \
            stop that one, let `seal_tokens` be true and start the daemons again first"
            .into());
    }
    become_daemon(settings)?;
    let key_file = &settings.database.token_key_file;
    let progress = &mut progress("tokens sealed");
    let (shown, sealed) = match &settings.database.uri {
        DbUri::Sqlite(path) => {
            let shown = path.display().to_string();
            let tokens = tokens_of_another_key(path, sealer.as_ref())?;
            setup::fits(key_file, &shown, sealer.as_ref(), tokens)?;
            let sealer = setup::or_new_key(settings, sealer, context)?;
            (shown, Database::seal_beside(path, &sealer, context, progress)?)
        }
        DbUri::Postgresql(uri) => {
            let mut server = connected(uri)?;
            let tokens = server.tokens_of_another_key(sealer.as_ref())?;
            setup::fits(key_file, server.name(), sealer.as_ref(), tokens)?;
            let sealer = setup::or_new_key(settings, sealer, context)?;
            let sealed = server.seal(&sealer, progress)?;
            (server.name().to_owned(), sealed)
        }
    };
    let Rewritten { tokens, refresh_tokens, left } = sealed;
    let mut text = format!(
        "sealed {tokens} tokens and {refresh_tokens} refresh tokens of the database {shown}\n"
    );
    if left > 0 {
        let _ =
            writeln!(text, "{left} that are no UUIDs, and so no use to anybody, stay as they are");
    }
    Ok(text)
}

pub(super) fn detach(settings: &Settings, sealer: Option<&Sealer>) -> Result<String, Failure> {
    let DbUri::Postgresql(uri) = &settings.database.uri else {
        return Err(
            "`db_uri` names a SQLite file: only a PostgreSQL database, which the original \
            can use, has something to be detached from"
                .into(),
        );
    };
    become_daemon(settings)?;
    let mut server = connected(uri)?;
    let (unsealed, events) = server.detach(sealer, &mut progress("tokens unsealed"))?;
    let Rewritten { tokens, refresh_tokens, .. } = unsealed;
    let mut text = format!(
        "unsealed {tokens} tokens and {refresh_tokens} refresh tokens, and removed what wazo-auth \
         had added to the database {}: the original can use it now\n\
         a start of wazo-auth, or of wazo-auth-upgrade-db, adds it again\n",
        server.name()
    );
    if events > 0 {
        let _ = writeln!(text, "{events} events that had not been sent to RabbitMQ are gone");
    }
    Ok(text)
}

pub(super) fn forget(
    settings: &Settings,
    context: &Context,
    sealer: Option<&Sealer>,
) -> Result<String, Failure> {
    become_daemon(settings)?;
    let forgotten = match &settings.database.uri {
        DbUri::Sqlite(path) => Database::open(path.clone(), context)?.forget_unreadable(sealer)?,
        DbUri::Postgresql(uri) => connected(uri)?.forget_unreadable(sealer)?,
    };
    Ok(format!(
        "deleted {forgotten} tokens and refresh tokens that {} cannot read\n",
        settings.database.token_key_file.display()
    ))
}

/// What has to be made is the daemon's.
fn become_daemon(settings: &Settings) -> Result<(), Failure> {
    if let Some(user) = &settings.process.user {
        account::switch_to(user)?;
    }
    Ok(())
}
