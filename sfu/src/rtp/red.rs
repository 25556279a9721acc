//! Redundant audio data (RFC 2198): one payload that carries the present frame and earlier ones.

/// A RED payload, checked as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Red<'a> {
    /// The payload type of the primary block.
    pub primary_payload_type: u8,
    /// The present frame.
    pub primary: &'a [u8],
    headers: &'a [u8],
    blocks: &'a [u8],
}

/// An earlier frame carried along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedundantBlock<'a> {
    /// The block's payload type.
    pub payload_type: u8,
    /// How much earlier than the packet's timestamp the frame starts, in units of 1/48000 s.
    pub offset_48k: u16,
    /// The frame.
    pub data: &'a [u8],
}

/// The payload does not follow RFC 2198.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed RED payload")]
pub struct RedError;

/// More redundant blocks than any sender uses (browsers send one, at most two): refused, so that the work is bounded.
const MAX_BLOCKS: usize = 8;

impl<'a> Red<'a> {
    /// Splits a payload; every length is checked here, so the blocks iterate without failing.
    pub fn parse(payload: &'a [u8]) -> Result<Red<'a>, RedError> {
        let mut headers_len = 0;
        let mut blocks_len = 0;
        for _ in 0..=MAX_BLOCKS {
            match payload.get(headers_len..).unwrap_or_default() {
                [head, rest @ ..] if head & 0x80 == 0 => {
                    let (blocks, primary) = rest.split_at_checked(blocks_len).ok_or(RedError)?;
                    let headers = &payload[..headers_len];
                    return Ok(Red { primary_payload_type: *head, primary, headers, blocks });
                }
                [_, _, high, low, ..] => {
                    blocks_len += usize::from(high & 0x03) << 8 | usize::from(*low);
                    headers_len += 4;
                }
                _ => return Err(RedError),
            }
        }
        Err(RedError)
    }

    /// The earlier frames, oldest first as they lie in the packet.
    pub fn redundant(&self) -> impl Iterator<Item = RedundantBlock<'a>> + 'a {
        let mut rest = self.blocks;
        self.headers.as_chunks::<4>().0.iter().map_while(move |head| {
            let word = u32::from_be_bytes(*head);
            let (data, after) = rest.split_at_checked((word & 0x3ff) as usize)?;
            rest = after;
            Some(RedundantBlock {
                payload_type: head[0] & 0x7f,
                offset_48k: ((word >> 10) & 0x3fff) as u16,
                data,
            })
        })
    }
}
