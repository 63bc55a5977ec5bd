//! Stock plugin user_admin_status.
