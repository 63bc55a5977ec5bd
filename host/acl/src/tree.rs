//! Patterns merged into a tree: what several of them begin with is kept, and compared, once.

use std::collections::VecDeque;
use std::ops::Range;

use crate::pattern::Element;

/// The longest list of grants, in bytes: places in a tree are kept in 32 bits.
pub(crate) const MAX_TEXT: usize = 1 << 30;

/// How many nodes on a path from the root patterns may share. Below, they are no longer merged, so
/// that walking the tree needs little stack whatever the patterns are.
const MAX_SHARED: u8 = 24;

/// What a node asks of the text; ordered as [`Element`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Any,
    WithinSegment,
    Me,
    MySession,
    Edit,
    Literal,
}

/// A node. Nodes lie level by level, so the children of node `i`, and its text, end where those of
/// node `i + 1` begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    first_child: u32,
    text_start: u32,
    pub(crate) kind: Kind,
    /// The first byte of a literal.
    pub(crate) first_byte: u8,
    /// Whether a pattern ends here.
    pub(crate) ends: bool,
}

/// Merged patterns. Empty when there is no pattern, else: root, other nodes, and a last one that
/// only marks the end of the texts and children before it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    nodes: Box<[Node]>,
    text: Box<[u8]>,
}

// === impl Tree ===

impl Tree {
    /// Merges patterns, whose texts are at most [`MAX_TEXT`] bytes together.
    pub(crate) fn build(mut patterns: Vec<Vec<Element<'_>>>) -> Tree {
        if patterns.is_empty() {
            return Tree::default();
        }
        patterns.sort_unstable();
        patterns.dedup();
        let mut builder = Builder { nodes: Vec::new(), text: Vec::new(), queue: VecDeque::new() };
        builder.add(Kind::Any, &[], Group { patterns: &patterns, at: Cursor::default(), depth: 0 });
        // Groups leave the queue in the order in which their nodes were added.
        let mut node = 0;
        while let Some(group) = builder.queue.pop_front() {
            builder.nodes[node].first_child = builder.nodes.len() as u32;
            builder.nodes[node].ends = group.branch(&mut builder);
            node += 1;
        }
        builder.finish()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The root, which asks nothing of the text. Only in a tree that is not empty.
    pub(crate) const ROOT: usize = 0;

    pub(crate) fn node(&self, index: usize) -> &Node {
        &self.nodes[index]
    }

    /// Where the children of a node lie. They are ordered by kind, literals by first byte.
    pub(crate) fn children(&self, index: usize) -> Range<usize> {
        self.nodes[index].first_child as usize..self.nodes[index + 1].first_child as usize
    }

    /// The first of `children` that is a literal and does not begin with a byte below `byte`.
    pub(crate) fn first_literal(&self, children: Range<usize>, byte: u8) -> usize {
        let start = children.start;
        start
            + self.nodes[children]
                .partition_point(|node| (node.kind, node.first_byte) < (Kind::Literal, byte))
    }

    /// The text of a literal.
    pub(crate) fn text(&self, index: usize) -> &[u8] {
        &self.text[self.nodes[index].text_start as usize..self.nodes[index + 1].text_start as usize]
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        std::mem::size_of_val(&*self.nodes) + self.text.len()
    }
}

/// A tree in the making.
struct Builder<'p, 'a> {
    nodes: Vec<Node>,
    text: Vec<u8>,
    queue: VecDeque<Group<'p, 'a>>,
}

/// Sorted, different patterns that share everything up to `at`, which the tree already holds.
struct Group<'p, 'a> {
    patterns: &'p [Vec<Element<'a>>],
    at: Cursor,
    depth: u8,
}

/// A place in a pattern: an element, and a number of bytes of it if it is a literal.
#[derive(Default, Clone, Copy)]
struct Cursor {
    element: usize,
    byte: usize,
}

// === impl Builder ===

impl<'p, 'a> Builder<'p, 'a> {
    /// Adds a node; `group` is what follows it. Its children come when the group is taken up.
    fn add(&mut self, kind: Kind, text: &[u8], group: Group<'p, 'a>) {
        self.push_node(kind, text.first().copied().unwrap_or_default());
        self.text.extend_from_slice(text);
        self.queue.push_back(group);
    }

    fn push_node(&mut self, kind: Kind, first_byte: u8) {
        let text_start = self.text.len() as u32;
        self.nodes.push(Node { first_child: 0, text_start, kind, first_byte, ends: false });
    }

    fn finish(mut self) -> Tree {
        let end = self.nodes.len() as u32;
        self.push_node(Kind::Any, 0);
        if let Some(mark) = self.nodes.last_mut() {
            mark.first_child = end;
        }
        Tree { nodes: self.nodes.into(), text: self.text.into() }
    }
}

// === impl Group ===

impl<'p, 'a> Group<'p, 'a> {
    /// Adds a child for each way to go on; says whether a pattern ends here.
    fn branch(&self, builder: &mut Builder<'p, 'a>) -> bool {
        // Sorted and different: if one ends here, it is the first.
        let ends = self.patterns.first().is_some_and(|first| self.at.head(first).is_none());
        let mut rest = &self.patterns[usize::from(ends)..];
        let depth = self.depth.saturating_add(u8::from(rest.len() > 1));
        while let Some((first, others)) = rest.split_first() {
            let Some((head, at)) = self.at.head(first) else { break };
            let alike = |other: &&Vec<Element<'a>>| {
                self.at.head(other).is_some_and(|(other, _)| share_start(head, other))
            };
            let merge = self.depth < MAX_SHARED;
            let merged = if merge { others.iter().take_while(alike).count() } else { 0 };
            let (patterns, next) = rest.split_at(1 + merged);
            self.add_child(builder, Group { patterns, at, depth }, head);
            rest = next;
        }
        ends
    }

    /// Adds the child that begins all patterns of `child`, which stand before `head`.
    fn add_child(
        &self,
        builder: &mut Builder<'p, 'a>,
        mut child: Group<'p, 'a>,
        head: Element<'a>,
    ) {
        let (kind, text): (_, &[u8]) = match head {
            Element::Any => (Kind::Any, &[]),
            Element::WithinSegment => (Kind::WithinSegment, &[]),
            Element::Me => (Kind::Me, &[]),
            Element::MySession => (Kind::MySession, &[]),
            Element::Edit => (Kind::Edit, &[]),
            Element::Literal(literal) => {
                let last = child.patterns.last().and_then(|last| self.at.head(last));
                (Kind::Literal, common_start(literal, last.map(|(head, _)| head)))
            }
        };
        match kind {
            Kind::Literal => child.at.byte += text.len(),
            _ => child.at.element += 1,
        }
        builder.add(kind, text, child);
    }
}

/// Whether two elements can begin in one node.
fn share_start(one: Element<'_>, other: Element<'_>) -> bool {
    match (one, other) {
        (Element::Literal(one), Element::Literal(other)) => one.first() == other.first(),
        _ => one == other,
    }
}

/// What two literals begin with; all of `literal` when the other is none.
fn common_start<'a>(literal: &'a [u8], other: Option<Element<'_>>) -> &'a [u8] {
    let Some(Element::Literal(other)) = other else { return literal };
    let length = literal.iter().zip(other).take_while(|(one, other)| one == other).count();
    &literal[..length]
}

// === impl Cursor ===

impl Cursor {
    /// What a pattern goes on with, a literal without the bytes already passed, and where that
    /// stands; nothing at its end.
    fn head<'a>(self, pattern: &[Element<'a>]) -> Option<(Element<'a>, Cursor)> {
        match *pattern.get(self.element)? {
            Element::Literal(text) if self.byte == text.len() => {
                let next = Cursor { element: self.element + 1, byte: 0 };
                pattern.get(next.element).map(|element| (*element, next))
            }
            Element::Literal(text) => Some((Element::Literal(&text[self.byte..]), self)),
            special => Some((special, self)),
        }
    }
}
