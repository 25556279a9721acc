//! Things of one shard in a dense array, named by small numbers that are used again. Pure.

/// Names an entry for as long as it lives: the place may be taken again, the turn tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id {
    at: u32,
    turn: u32,
}

impl Id {
    /// A number that differs widely between neighbours, to spread their timers.
    pub(crate) fn scatter(self) -> u64 {
        // Knuth's multiplicative hash.
        u64::from(self.at.wrapping_mul(2_654_435_761))
    }
}

/// The entries are boxed: growing the array then moves pointers, not kilobytes, and never stalls the audio.
pub(crate) struct Slab<T> {
    entries: Vec<(u32, Option<Box<T>>)>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn insert(&mut self, value: T) -> Id {
        let value = Some(Box::new(value));
        match self.free.pop() {
            Some(at) => {
                let entry = &mut self.entries[at as usize];
                entry.1 = value;
                Id { at, turn: entry.0 }
            }
            None => {
                let at = u32::try_from(self.entries.len()).expect("invariant: far below 2^32");
                self.entries.push((0, value));
                Id { at, turn: 0 }
            }
        }
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<T> {
        let entry = self.entries.get_mut(id.at as usize)?;
        if entry.0 != id.turn {
            return None;
        }
        let value = entry.1.take()?;
        entry.0 = entry.0.wrapping_add(1);
        self.free.push(id.at);
        Some(*value)
    }

    pub(crate) fn get(&self, id: Id) -> Option<&T> {
        let entry = self.entries.get(id.at as usize)?;
        if entry.0 == id.turn { entry.1.as_deref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        let entry = self.entries.get_mut(id.at as usize)?;
        if entry.0 == id.turn { entry.1.as_deref_mut() } else { None }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id, &T)> {
        self.entries.iter().zip(0..).filter_map(|((turn, value), at)| {
            value.as_deref().map(|value| (Id { at, turn: *turn }, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_dies_with_its_entry_though_the_place_is_taken_again() {
        let mut slab = Slab::new();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!(slab.remove(a), None);
        let c = slab.insert('c');
        assert_eq!((c.at, slab.len()), (a.at, 2));
        assert_eq!(slab.get_mut(a), None);
        assert_eq!(slab.get(a), None);
        assert_eq!((slab.get(b), slab.get(c)), (Some(&'b'), Some(&'c')));
        assert_eq!(slab.iter().map(|(_, v)| *v).collect::<String>(), "cb");
    }
}
