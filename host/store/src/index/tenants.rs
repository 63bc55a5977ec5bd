//! The tree of tenants.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use uuid::Uuid;

#[derive(Default, Clone)]
pub(super) struct TenantTree {
    parents: HashMap<Uuid, Uuid, RandomState>,
    children: HashMap<Uuid, HashSet<Uuid, RandomState>, RandomState>,
    /// The tenant that is its own parent: asked for by each request.
    top: Option<Uuid>,
}

// === impl TenantTree ===

impl TenantTree {
    /// Adds a tenant, or moves it below another parent.
    pub fn insert(&mut self, tenant: Uuid, parent: Uuid) {
        if let Some(old) = self.parents.insert(tenant, parent) {
            self.unlink(&old, &tenant);
        }
        self.children.entry(parent).or_default().insert(tenant);
        if parent == tenant {
            self.top = self.top.or(Some(tenant));
        } else {
            self.forget_top(&tenant);
        }
    }

    pub fn remove(&mut self, tenant: &Uuid) {
        if let Some(parent) = self.parents.remove(tenant) {
            self.unlink(&parent, tenant);
        }
        self.forget_top(tenant);
    }

    pub fn contains(&self, tenant: &Uuid) -> bool {
        self.parents.contains_key(tenant)
    }

    pub fn top(&self) -> Option<Uuid> {
        self.top
    }

    pub fn is_in_subtree(&self, tenant: &Uuid, ancestor: &Uuid) -> bool {
        let mut current = *tenant;
        // A cycle (which the original can store) ends after as many steps as
        // there are tenants.
        for _ in 0..=self.parents.len() {
            let Some(&parent) = self.parents.get(&current) else { return false };
            if current == *ancestor {
                return true;
            }
            if parent == current {
                return false;
            }
            current = parent;
        }
        false
    }

    pub fn subtree(&self, root: &Uuid) -> Vec<Uuid> {
        if !self.contains(root) {
            return Vec::new();
        }
        let mut found = vec![*root];
        let mut seen = HashSet::<Uuid, RandomState>::from_iter([*root]);
        let mut next = 0;
        while let Some(tenant) = found.get(next) {
            let children = self.children.get(tenant).into_iter().flatten();
            let new = children.filter(|child| seen.insert(**child)).copied().collect::<Vec<_>>();
            found.extend(new);
            next += 1;
        }
        found
    }

    /// Looks for another top tenant if it was this one: almost never.
    fn forget_top(&mut self, tenant: &Uuid) {
        if self.top == Some(*tenant) {
            let mut edges = self.parents.iter();
            self.top = edges.find(|(tenant, parent)| tenant == parent).map(|(tenant, _)| *tenant);
        }
    }

    fn unlink(&mut self, parent: &Uuid, tenant: &Uuid) {
        if let Some(children) = self.children.get_mut(parent) {
            children.remove(tenant);
            if children.is_empty() {
                self.children.remove(parent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn tree(edges: &[(u128, u128)]) -> TenantTree {
        let mut tree = TenantTree::default();
        for &(child, parent) in edges {
            tree.insert(tenant(child), tenant(parent));
        }
        tree
    }

    #[test]
    fn a_tenant_is_below_itself_and_its_ancestors_only() {
        let tree = tree(&[(1, 1), (2, 1), (3, 2), (4, 1)]);
        for (child, ancestor, expected) in
            [(3, 3, true), (3, 2, true), (3, 1, true), (3, 4, false), (1, 3, false), (9, 9, false)]
        {
            let found = tree.is_in_subtree(&tenant(child), &tenant(ancestor));
            assert_eq!(found, expected, "{child} below {ancestor}");
        }
        assert_eq!(tree.top(), Some(tenant(1)));
    }

    #[test]
    fn a_subtree_follows_moves_and_removals() {
        let mut tree = tree(&[(1, 1), (2, 1), (3, 2), (4, 1)]);
        tree.insert(tenant(3), tenant(4));
        assert_eq!(tree.subtree(&tenant(2)), [tenant(2)]);
        assert_eq!(tree.subtree(&tenant(4)), [tenant(4), tenant(3)]);
        tree.remove(&tenant(3));
        assert_eq!(tree.subtree(&tenant(4)), [tenant(4)]);
        assert!(tree.subtree(&tenant(3)).is_empty());
    }

    #[test]
    fn the_top_tenant_is_the_one_that_is_its_own_parent_now() {
        let mut tree = tree(&[(2, 1), (1, 1), (3, 2)]);
        assert_eq!(tree.top(), Some(tenant(1)));
        tree.insert(tenant(1), tenant(3));
        assert_eq!(tree.top(), None);
        tree.insert(tenant(3), tenant(3));
        tree.insert(tenant(2), tenant(2));
        assert_eq!(tree.top(), Some(tenant(3)));
        tree.remove(&tenant(3));
        assert_eq!(tree.top(), Some(tenant(2)));
    }

    #[test]
    fn a_stored_cycle_does_not_hang() {
        let tree = tree(&[(1, 1), (2, 3), (3, 2)]);
        assert!(!tree.is_in_subtree(&tenant(2), &tenant(1)));
        assert_eq!(tree.subtree(&tenant(2)).len(), 2);
    }
}
