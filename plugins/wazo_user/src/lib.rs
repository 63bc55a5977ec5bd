//! Stock plugin wazo_user.
