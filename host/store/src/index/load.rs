//! Reading the whole index from the database.

use std::collections::HashMap;
use std::sync::Arc;

use wazo_auth_acl::Acl;

use crate::index::tokens::Record;
use crate::tokens::StoredToken;
use crate::{Conn, Error, IndexChange, Owner, TokenIndex, tenants, tokens, users};

/// How many texts of ACLs are remembered while loading.
const KNOWN_TEXTS: usize = 10_000;

/// An index of what the database holds at `now` (epoch seconds). To be called
/// inside one transaction.
///
/// # Errors
/// What the database reports.
pub(crate) fn load(conn: &mut dyn Conn, now: i64) -> Result<TokenIndex, Error> {
    let index = TokenIndex::default();
    for (uuid, parent) in tenants::all(conn)? {
        index.apply(IndexChange::Tenant { uuid, parent });
    }
    users::each_tenant(conn, &mut |user, tenant| {
        index.apply(IndexChange::UserTenant(user, Some(tenant)));
    })?;
    let mut unreadable = 0_u64;
    // The same text is the same ACL; most tokens have one of a few.
    let mut acls = HashMap::<String, Arc<Acl>, foldhash::fast::RandomState>::default();
    tokens::live(conn, now, &mut |token| {
        let StoredToken { token: Some(uuid), session, expires, auth_id, metadata, acl } = token
        else {
            unreadable += 1;
            return Ok(());
        };
        let mut interner = index.interner.lock();
        let acl = match acls.get(&acl) {
            Some(acl) => Arc::clone(acl),
            None => {
                let compiled = interner.acl(&tokens::parse_acl(&acl)?);
                if acls.len() >= KNOWN_TEXTS {
                    acls.clear();
                }
                acls.insert(acl, Arc::clone(&compiled));
                compiled
            }
        };
        let owner = interner.owner(Owner::new(&auth_id, &metadata));
        index.tokens.insert(uuid, Record { session, expires, owner, acl });
        Ok(())
    })?;
    if unreadable > 0 {
        log::warn!(
            target: "wazo_auth.store",
            "{unreadable} tokens were sealed under another key and are not valid here: \
             check token_key_file"
        );
    }
    Ok(index)
}
