//! The access language: grants, required accesses, matching (contract acl.md, sections 2 to 6).
//!
//! A token carries a list of grants such as `confd.users.me.read`, `calld.#` or `!auth.users.#`.
//! [`Acl::compile`] turns that list into two small trees, one for the positive and one for the
//! negative grants. A tree is walked once for each question, whatever the number of grants.
//!
//! ```
//! use wazo_auth_acl::Acl;
//!
//! let acl = Acl::compile(["confd.#", "!confd.users.me.delete"]);
//! assert!(acl.allows("confd.users.42.delete", "7", "session"));
//! assert!(!acl.allows("confd.users.7.delete", "7", "session"));
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod pattern;
mod positions;
mod tree;
mod walk;

use tree::Tree;
use walk::Question;

/// The compiled grants of a token. The default value grants nothing.
///
/// It knows nothing of the token itself, so tokens with the same grants can share one: who asks
/// (`auth_id`) and in which session is said with each question. Both are compared as plain text,
/// whatever characters they hold; an empty one stands for nobody and only leaves the reserved
/// word itself.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Acl {
    granted: Tree,
    denied: Tree,
    personal: bool,
}

// === impl Acl ===

impl Acl {
    /// Compiles grants. Any text is a valid grant, and neither order nor repetition counts.
    ///
    /// A list of more than 1 GiB compiles to an ACL that allows nothing: positions are kept in 32
    /// bits, and a list cut short could lose a negative grant.
    pub fn compile<I>(grants: I) -> Acl
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let grants: Vec<I::Item> = grants.into_iter().collect();
        if grants.iter().map(|grant| grant.as_ref().len()).sum::<usize>() > tree::MAX_TEXT {
            return Acl::default();
        }
        let (mut granted, mut denied) = (Vec::new(), Vec::new());
        for grant in &grants {
            match grant.as_ref().strip_prefix('!') {
                Some(pattern) => denied.push(pattern::parse(pattern)),
                None => granted.push(pattern::parse(grant.as_ref())),
            }
        }
        let personal = granted.iter().chain(&denied).flatten().any(pattern::Element::is_personal);
        Acl { granted: Tree::build(granted), denied: Tree::build(denied), personal }
    }

    /// Whether the answers depend on who asks (`me`) or in which session (`my_session`).
    #[must_use]
    pub fn is_personal(&self) -> bool {
        self.personal
    }

    /// Whether these grants allow `required` to the token of `auth_id` in `session` (acl.md,
    /// section 3): no negative grant matches it and a positive one does.
    ///
    /// The time is at most proportional to the length of `required` times the size of the grants.
    /// Nothing is allocated for a `required` of up to 127 bytes.
    #[must_use]
    pub fn allows(&self, required: &str, auth_id: &str, session: &str) -> bool {
        let question = Question::new(required, auth_id, session);
        !self.denied.matches(&question) && self.granted.matches(&question)
    }

    /// Whether the owner of these grants may hand out `access` (acl.md, section 6): everybody may
    /// add a negative grant; a positive one must be allowed, read as plain text.
    #[must_use]
    pub fn may_add(&self, access: &str, auth_id: &str, session: &str) -> bool {
        access.starts_with('!') || self.allows(access, auth_id, session)
    }

    /// Whether the owner of these grants may take `access` away (acl.md, section 6): what stands
    /// behind its first `!`, if it has one, must be allowed, read as plain text.
    #[must_use]
    pub fn may_remove(&self, access: &str, auth_id: &str, session: &str) -> bool {
        self.allows(access.strip_prefix('!').unwrap_or(access), auth_id, session)
    }

    /// Bytes this value holds on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.granted.heap_bytes() + self.denied.heap_bytes()
    }
}
