//! The operator's list of words that nobody is to read here: the rooms' text filter.

use std::{collections::HashSet, fs, io, path::Path};

use palco_room::TextFilter;

/// Words in lower case. A text is refused if one of its own words is among them.
#[derive(Debug)]
pub(crate) struct WordList {
    words: HashSet<String>,
}

impl WordList {
    /// From a file with a word on each line; empty lines and those that begin with `#` do not count.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&fs::read_to_string(path)?))
    }

    fn of(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        let words = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { words: words.map(str::to_lowercase).collect() }
    }
}

impl TextFilter for WordList {
    fn refuses(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        text.split(|letter: char| !letter.is_alphanumeric()).any(|word| self.words.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_refused_in_any_case_and_only_as_a_word() {
        let list = WordList::of("# rude\nDamn\n\ngrüße\n");
        assert!(list.refuses("Well, DAMN!"));
        assert!(list.refuses("Grüße"));
        assert!(!list.refuses("the damned"));
        assert!(!list.refuses("# rude"));
        assert!(!list.refuses(""));
    }
}
