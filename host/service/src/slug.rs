//! Slugs made from names (acl.md section 7).

use wazo_auth_context::Context;

/// The longest slug of a policy or group.
pub const MAX: usize = 80;

/// The longest slug of a tenant.
pub const MAX_OF_TENANT: usize = 10;

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// What is left of `name` when every character that a slug may not have is
/// taken out, cut to [`MAX`]. May be empty.
#[must_use]
pub fn from_name(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).take(MAX).collect()
}

/// The same for a tenant, whose slugs are shorter and without dashes.
#[must_use]
pub fn of_tenant(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(MAX_OF_TENANT).collect()
}

/// How many random slugs are tried: each is taken already with a chance of the
/// number of slugs in 46,656.
const SPARE: usize = 16;

/// The slugs to try in turn for something of this name: the one made from it,
/// then random ones.
#[must_use]
pub fn candidates(context: &Context, from_name: String) -> Vec<String> {
    let spare = (0..SPARE).map(|_| random(context));
    std::iter::once(from_name).filter(|slug| !slug.is_empty()).chain(spare).collect()
}

/// The first of `candidates` that is free; nothing if none is.
///
/// # Errors
/// Those of `taken`.
pub fn first_free<E>(
    candidates: &[String],
    mut taken: impl FnMut(&str) -> Result<bool, E>,
) -> Result<Option<String>, E> {
    for slug in candidates {
        if !taken(slug)? {
            return Ok(Some(slug.clone()));
        }
    }
    Ok(None)
}

/// Three random characters.
#[must_use]
pub fn random(context: &Context) -> String {
    // 252 = 7 × 36: taking only smaller bytes makes every character equally
    // likely; 16 bytes hold three such ones but for one time in 10^20.
    context
        .random::<16>()
        .iter()
        .filter(|byte| **byte < 252)
        .take(3)
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 36)).map(|c| char::from(*c)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_stripped() {
        assert_eq!(from_name("Élan de l'été 2-B_x!"), "landelt2-B_x");
        assert_eq!(from_name("日本"), "");
        assert_eq!(from_name(&"a".repeat(100)).len(), MAX);
    }
}
