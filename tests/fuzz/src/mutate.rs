//! A mutator for the stable toolchain: from kept inputs and a seed, ever the same new ones. It knows nothing of what it
//! tests; `make fuzz` has one that does.

/// A sequence that its seed fixes (SplitMix64), and what it makes of a corpus.
pub struct Mutator {
    state: u64,
    corpus: Vec<Vec<u8>>,
}

/// Longer inputs are cut: what matters is near the beginning.
const LONGEST: usize = 16 * 1024;

impl Mutator {
    /// From these inputs; there must be one at least.
    #[must_use]
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>) -> Self {
        assert!(!corpus.is_empty(), "nothing to start from");
        Self { state: seed, corpus }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn any_input(&mut self) -> Vec<u8> {
        let at = self.below(self.corpus.len());
        self.corpus[at].clone()
    }

    /// One of the inputs, changed in one to eight ways.
    pub fn input(&mut self) -> Vec<u8> {
        let mut input = self.any_input();
        for _ in 0..=self.below(8) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        /// Where counts, lengths and types turn.
        const EDGES: [u8; 12] = [0, 1, 2, 12, 16, 31, 63, 64, 127, 128, 254, 255];
        if input.is_empty() {
            input.push(self.next() as u8);
            return;
        }
        let at = self.below(input.len());
        let len = 1 + self.below((input.len() - at).min(64));
        match self.below(9) {
            0 => input[at] ^= 1 << self.below(8),
            1 => input[at] = self.next() as u8,
            2 => input[at] = EDGES[self.below(EDGES.len())],
            3 => input[at] = input[at].wrapping_add([1, 255][self.below(2)]),
            4 => drop(input.drain(at..at + len)),
            5 => {
                let copy = input[at..at + len].to_vec();
                input.splice(at..at, copy);
            }
            6 => {
                let bytes: Vec<u8> = (0..len).map(|_| self.next() as u8).collect();
                input.splice(at..at, bytes);
            }
            7 => {
                let other = self.any_input();
                let from = self.below(other.len().max(1)).min(other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let to = self.below(input.len() - len + 1);
                input.copy_within(at..at + len, to);
            }
        }
    }
}
