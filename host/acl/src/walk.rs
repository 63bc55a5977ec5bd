//! A question put to a tree of patterns.

use crate::positions::{Long, Positions, Short};
use crate::tree::{Kind, Tree};

/// A required access and who asks.
pub(crate) struct Question<'a> {
    required: &'a [u8],
    auth_id: &'a [u8],
    session: &'a [u8],
}

// === impl Tree ===

impl Tree {
    /// Whether a pattern matches the whole required access.
    pub(crate) fn matches(&self, question: &Question<'_>) -> bool {
        let length = question.required.len();
        if self.is_empty() {
            false
        } else if length <= Short::MAX_LENGTH {
            self.walk(Tree::ROOT, Short::at_start(length), question)
        } else {
            self.walk(Tree::ROOT, Long::at_start(length), question)
        }
    }

    /// Whether a pattern at or below `node` matches, when what is above it has reached `places`.
    ///
    /// Calls itself for all branches but the last, so its depth is that of the branchings, which
    /// the tree bounds.
    fn walk<P: Positions>(&self, mut node: usize, mut places: P, question: &Question<'_>) -> bool {
        loop {
            if self.node(node).ends && places.contains(question.required.len()) {
                return true;
            }
            // The branch to go on with once the next one turned out to lead somewhere too.
            let mut kept: Option<(usize, P)> = None;
            for child in self.children_to_try(node, &places, question) {
                let reached = question.pass(self, child, &places);
                if reached.is_empty() {
                    continue;
                }
                if let Some((child, reached)) = kept.replace((child, reached))
                    && self.walk(child, reached, question)
                {
                    return true;
                }
            }
            match kept {
                Some((child, reached)) => (node, places) = (child, reached),
                None => return false,
            }
        }
    }

    /// The children of a node that can match: when only one place was reached, the byte there
    /// rules out most literals.
    fn children_to_try<P: Positions>(
        &self,
        node: usize,
        places: &P,
        question: &Question<'_>,
    ) -> impl Iterator<Item = usize> + use<P> {
        let children = self.children(node);
        let (mut specials, mut literals) = (children.start..children.start, children.clone());
        if children.len() > 1
            && let Some(place) = places.single()
        {
            specials.end = self.first_literal(children.clone(), 0);
            literals = match question.required.get(place) {
                None => 0..0,
                Some(byte) => {
                    let start = self.first_literal(specials.end..children.end, *byte);
                    let alike = |child: &usize| self.node(*child).first_byte == *byte;
                    start..start + (start..children.end).take_while(alike).count()
                }
            };
        }
        specials.chain(literals)
    }
}

// === impl Question ===

impl<'a> Question<'a> {
    pub(crate) fn new(required: &'a str, auth_id: &'a str, session: &'a str) -> Self {
        Question {
            required: required.as_bytes(),
            auth_id: auth_id.as_bytes(),
            session: session.as_bytes(),
        }
    }

    /// The places reached from `places` through one node.
    ///
    /// Bytes are as good as characters here: `.` and `#` are single bytes that occur in no other
    /// character, and no text in a pattern begins in the middle of one.
    fn pass<P: Positions>(&self, tree: &Tree, node: usize, places: &P) -> P {
        let mut reached = places.none();
        match tree.node(node).kind {
            Kind::Any => {
                if let Some(first) = places.next(0) {
                    reached.insert(first, self.required.len());
                }
            }
            Kind::WithinSegment => self.pass_within_segment(places, &mut reached),
            Kind::Me => self.pass_word(b"me", self.auth_id, places, &mut reached),
            Kind::MySession => self.pass_word(b"my_session", self.session, places, &mut reached),
            Kind::Edit => self.pass_word(b"edit", b"update", places, &mut reached),
            Kind::Literal => self.pass_text(tree.text(node), places, &mut reached),
        }
        reached
    }

    fn pass_within_segment<P: Positions>(&self, places: &P, reached: &mut P) {
        let mut from = 0;
        while let Some(place) = places.next(from) {
            let rest = &self.required[place..];
            let length = rest.iter().position(|byte| matches!(byte, b'.' | b'#'));
            let end = place + length.unwrap_or(rest.len());
            reached.insert(place, end);
            from = end + 1;
        }
    }

    /// Passes a reserved word: the word itself, or what it stands for unless that is empty.
    fn pass_word<P: Positions>(&self, word: &[u8], other: &[u8], places: &P, reached: &mut P) {
        self.pass_text(word, places, reached);
        if !other.is_empty() {
            self.pass_text(other, places, reached);
        }
    }

    fn pass_text<P: Positions>(&self, text: &[u8], places: &P, reached: &mut P) {
        let mut from = 0;
        while let Some(place) = places.next(from) {
            let rest = &self.required[place..];
            // Most places fail at the first byte, which costs less than a call to compare.
            if rest.first() == text.first() && rest.starts_with(text) {
                reached.insert(place + text.len(), place + text.len());
            }
            from = place + 1;
        }
    }
}
