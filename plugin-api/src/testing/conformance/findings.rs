//! What is wrong with a plugin, gathered and put into sentences.

/// Most sentences about one plugin.
const MOST: usize = 20;
/// Most characters of somebody else's words in a sentence.
const WORDS: usize = 200;

/// Everything that is wrong; what is wrong in the same way is one sentence.
#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

struct Finding {
    /// What ran: the name of a method, say.
    what: String,
    /// What it was called with, first.
    with: String,
    /// How often it happened besides.
    more: usize,
    wrong: Wrong,
}

/// What is wrong.
pub(super) struct Wrong {
    /// Why, in words of ours.
    why: String,
    /// What the plugin said that first time, if that tells more.
    said: String,
}

// === impl Wrong ===

impl Wrong {
    /// Something that is wrong, with what the plugin said.
    pub(super) fn saying(why: impl Into<String>, said: &str) -> Self {
        Self { why: why.into(), said: format!(": {}", shown(said)) }
    }
}

impl<T: Into<String>> From<T> for Wrong {
    fn from(why: T) -> Self {
        Self { why: why.into(), said: String::new() }
    }
}

// === impl Findings ===

impl Findings {
    pub(super) fn add(&mut self, what: &str, with: &str, wrong: impl Into<Wrong>) {
        let wrong = wrong.into();
        let mut known = self.0.iter_mut();
        match known.find(|known| known.what == what && known.wrong.why == wrong.why) {
            Some(known) => known.more += 1,
            None => self.0.push(Finding {
                what: what.to_owned(),
                with: with.to_owned(),
                more: 0,
                wrong,
            }),
        }
    }

    /// How often something was wrong with it.
    pub(super) fn count(&self, what: &str) -> usize {
        let about = self.0.iter().filter(|finding| finding.what == what);
        about.map(|finding| 1 + finding.more).sum()
    }

    pub(super) fn into_sentences(self) -> Vec<String> {
        let left = self.0.len().saturating_sub(MOST);
        let mut sentences: Vec<_> = self.0.into_iter().take(MOST).map(sentence).collect();
        if left > 0 {
            sentences.push(format!("and {left} more that are wrong in other ways"));
        }
        sentences
    }
}

fn sentence(finding: Finding) -> String {
    let Finding { what, with, more, wrong } = finding;
    let with = if with.is_empty() { String::new() } else { format!(" with {with}") };
    let more = if more == 0 { String::new() } else { format!(" (and {more} times more)") };
    let Wrong { why, said } = wrong;
    format!("{what}{with}{more}: {why}{said}")
}

/// Words of the plugin's: not too many, and on one line.
pub(super) fn shown(text: &str) -> String {
    let mut words: String = text.chars().take(WORDS).flat_map(char::escape_debug).collect();
    if text.chars().nth(WORDS).is_some() {
        words.push('…');
    }
    words
}
