//! Redundant audio (RFC 2198): a packet that carries an earlier frame along. Pure.

use bytes::Bytes;

/// A frame that came a second time, inside a later packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redundant {
    /// How much earlier than the packet it lies, in units of 1/48000 s.
    pub(crate) offset_48k: u32,
    pub(crate) payload: Bytes,
}

/// The packet's own frame, and the latest of the earlier ones; nothing if the blocks do not fit.
pub(crate) fn unwrap(mut payload: Bytes) -> Option<(Bytes, Option<Redundant>)> {
    let mut blocks = Vec::new();
    // Section 3: a first bit of 1 begins a header of four bytes, 0 the last one, of one byte.
    while payload.first()? & 0x80 != 0 {
        let header = payload.split_to_checked(4)?;
        let header = u32::from_be_bytes(header.as_ref().try_into().ok()?);
        blocks.push((header >> 10 & 0x3fff, (header & 0x3ff) as usize));
    }
    payload.split_to_checked(1)?;
    let mut latest = None;
    for (offset_48k, len) in blocks {
        latest = Some(Redundant { offset_48k, payload: payload.split_to_checked(len)? });
    }
    Some((payload, latest.filter(|block| !block.payload.is_empty())))
}

trait SplitChecked: Sized {
    fn split_to_checked(&mut self, at: usize) -> Option<Self>;
}

impl SplitChecked for Bytes {
    fn split_to_checked(&mut self, at: usize) -> Option<Self> {
        (at <= self.len()).then(|| self.split_to(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(offset_48k: u32, len: u32) -> [u8; 4] {
        (0x80 << 24 | 111 << 24 | offset_48k << 10 | len).to_be_bytes()
    }

    #[test]
    fn frames_are_taken_apart() {
        let one = [&header(960, 3)[..], &[111, 1, 2, 3, 9, 9]].concat();
        let (own, earlier) = unwrap(one.into()).unwrap();
        assert_eq!(own, [9, 9][..]);
        let earlier = earlier.unwrap();
        assert_eq!((earlier.offset_48k, &earlier.payload[..]), (960, &[1, 2, 3][..]));

        let two = [&header(1_920, 1)[..], &header(960, 2), &[111, 7, 8, 8, 9]].concat();
        let (own, earlier) = unwrap(two.into()).unwrap();
        assert_eq!(own, [9][..]);
        assert_eq!(earlier.unwrap().payload, [8, 8][..]);

        let alone = unwrap(Bytes::from_static(&[111, 9])).unwrap();
        assert_eq!(alone, (Bytes::from_static(&[9]), None));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let too_long = [&header(960, 9)[..], &[111, 1, 2]].concat();
        for bytes in [&[][..], &[0x80], &[0x80, 0, 0, 0], &too_long] {
            assert_eq!(unwrap(Bytes::copy_from_slice(bytes)), None, "{bytes:?}");
        }
    }
}
