//! What a new database holds (`contract/bootstrap.md` section 6).

use wazo_auth_context::Context;

use crate::groups::{self, Group};
use crate::policies::{self, Policy};
use crate::tenants::{self, Tenant};
use crate::{Conn, Error};

/// The access `#`, the master tenant with its all-users group, and the policy
/// that allows everything.
pub(crate) fn seed(conn: &mut dyn Conn, context: &Context) -> Result<(), Error> {
    let uuid = context.uuid();
    let tenant = Tenant {
        uuid,
        name: Some("master".into()),
        slug: "master".into(),
        parent_uuid: uuid,
        default_authentication_method: "native".into(),
        phone: None,
        contact_uuid: None,
    };
    tenants::insert(conn, &tenant)?;
    let group_name = groups::all_users_group_name(&tenant.uuid);
    let group = Group {
        uuid: context.uuid(),
        name: group_name.clone(),
        slug: group_name,
        tenant_uuid: tenant.uuid,
        system_managed: true,
    };
    groups::insert(conn, &group)?;
    let policy = Policy {
        uuid: context.uuid(),
        name: "wazo_default_master_user_policy".into(),
        slug: "wazo_default_master_user_policy".into(),
        description: None,
        tenant_uuid: tenant.uuid,
        config_managed: false,
        shared: false,
    };
    policies::insert(conn, &policy)?;
    policies::set_accesses(conn, &policy.uuid, &["#".into()])
}
