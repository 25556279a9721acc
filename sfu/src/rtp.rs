//! RTP on the wire (RFC 3550 section 5.1, RFC 8285): a header read without copying, a header written into a
//! caller's buffer. Owned by nobody: values and slices only. Not its job: keys, slots, who is heard.

use std::fmt;

pub mod red;

/// A synchronisation source (RFC 3550 section 3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ssrc(pub u32);

impl fmt::Debug for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ssrc({:#010x})", self.0)
    }
}

/// The 16-bit sequence number as it travels; compared in serial arithmetic (RFC 1982).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeqNo(pub u16);

impl SeqNo {
    /// How far `self` lies after `earlier`, by the shorter way round: -32768 ..= 32767.
    pub fn distance_from(self, earlier: SeqNo) -> i16 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    /// Whether `self` comes after `other`.
    pub fn is_newer_than(self, other: SeqNo) -> bool {
        self.distance_from(other) > 0
    }

    /// The 64-bit number nearest to `reference` whose low 16 bits are `self`
    /// (the sender's roll-over counter guessed, RFC 3711 section 3.3.1). Never below zero.
    pub fn extend_near(self, reference: u64) -> u64 {
        let near = self.distance_from(SeqNo((reference & 0xffff) as u16));
        match reference.checked_add_signed(i64::from(near)) {
            Some(extended) => extended,
            None => u64::from(self.0),
        }
    }
}

/// Why bytes are not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// Fewer bytes than the header, the CSRC list, the extension or the padding claims.
    #[error("RTP packet too short")]
    TooShort,
    /// The version field is not 2.
    #[error("not RTP version 2")]
    Version,
    /// The padding count is zero or longer than the payload.
    #[error("RTP padding invalid")]
    Padding,
}

/// The audio level of a packet (RFC 6464): 0 is the loudest, 127 is silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// The level in -dBov: 0 (overload) to 127 (digital silence).
    pub minus_dbov: u8,
    /// The sender's own voice activity detection.
    pub voice: bool,
}

impl AudioLevel {
    /// Reads the extension's first byte (the two-byte form carries the same).
    pub fn from_byte(byte: u8) -> AudioLevel {
        AudioLevel { minus_dbov: byte & 0x7f, voice: byte & 0x80 != 0 }
    }

    /// The extension's byte.
    pub fn to_byte(self) -> u8 {
        self.minus_dbov.min(127) | if self.voice { 0x80 } else { 0 }
    }
}

/// A packet read in place: every slice points into the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpPacket<'a> {
    /// The marker bit: the first packet of a talk spurt (RFC 3551 section 4.1).
    pub marker: bool,
    /// 0 ..= 127.
    pub payload_type: u8,
    /// The sequence number.
    pub seq: SeqNo,
    /// The timestamp in units of 1/48000 s (RFC 7587 section 4.1).
    pub ts_48k: u32,
    /// The sender.
    pub ssrc: Ssrc,
    /// Header length in bytes, CSRC list and extension included: what SRTP authenticates but does not encrypt.
    pub header_len: usize,
    /// The payload without padding.
    pub payload: &'a [u8],
    csrcs: &'a [u8],
    extension_profile: u16,
    extensions: &'a [u8],
}

const ONE_BYTE_PROFILE: u16 = 0xbede;

impl<'a> RtpPacket<'a> {
    /// Reads a whole, already decrypted packet.
    pub fn parse(packet: &'a [u8]) -> Result<RtpPacket<'a>, RtpError> {
        let header_len = header_len(packet)?;
        let fixed: &[u8; 12] = packet.first_chunk().ok_or(RtpError::TooShort)?;
        let csrcs_end = 12 + 4 * usize::from(fixed[0] & 0x0f);
        let csrcs = packet.get(12..csrcs_end).ok_or(RtpError::TooShort)?;
        let (extension_profile, extensions) = if fixed[0] & 0x10 == 0 {
            (0, &packet[..0])
        } else {
            let profile = packet.get(csrcs_end..csrcs_end + 2).ok_or(RtpError::TooShort)?;
            let body = packet.get(csrcs_end + 4..header_len).ok_or(RtpError::TooShort)?;
            (u16::from_be_bytes([profile[0], profile[1]]), body)
        };
        let padded = packet.get(header_len..).ok_or(RtpError::TooShort)?;
        let payload = if fixed[0] & 0x20 == 0 {
            padded
        } else {
            // RFC 3550 section 5.1: the last byte counts the padding, itself included.
            let padding = usize::from(*padded.last().ok_or(RtpError::Padding)?);
            match padded.len().checked_sub(padding) {
                Some(end) if padding > 0 => &padded[..end],
                _ => return Err(RtpError::Padding),
            }
        };
        Ok(RtpPacket {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            seq: SeqNo(u16::from_be_bytes([fixed[2], fixed[3]])),
            ts_48k: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: Ssrc(u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]])),
            header_len,
            payload,
            csrcs,
            extension_profile,
            extensions,
        })
    }

    /// The contributing sources, at most 15.
    pub fn csrcs(&self) -> impl Iterator<Item = Ssrc> + 'a {
        self.csrcs.as_chunks().0.iter().map(|bytes| Ssrc(u32::from_be_bytes(*bytes)))
    }

    /// The data of the header extension element `id` (RFC 8285 sections 4.2 and 4.3), if the packet carries it.
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        Elements { two_byte: self.two_byte_elements()?, rest: self.extensions }
            .find(|(element_id, _)| *element_id == id)
            .map(|(_, data)| data)
    }

    /// The audio level carried as element `id` (RFC 6464 section 3).
    pub fn audio_level(&self, id: u8) -> Option<AudioLevel> {
        self.extension(id)?.first().map(|byte| AudioLevel::from_byte(*byte))
    }

    /// None if the extension is of a profile that RFC 8285 does not define.
    fn two_byte_elements(&self) -> Option<bool> {
        match self.extension_profile {
            ONE_BYTE_PROFILE => Some(false),
            // The low four bits are "appbits", free to the application (RFC 8285 section 4.3).
            profile if profile & 0xfff0 == 0x1000 => Some(true),
            _ => None,
        }
    }
}

/// The header's length with CSRC list and extension, of a protected or a plain packet.
pub fn header_len(packet: &[u8]) -> Result<usize, RtpError> {
    let fixed: &[u8; 12] = packet.first_chunk().ok_or(RtpError::TooShort)?;
    if fixed[0] >> 6 != 2 {
        return Err(RtpError::Version);
    }
    let mut len = 12 + 4 * usize::from(fixed[0] & 0x0f);
    if fixed[0] & 0x10 != 0 {
        let words = packet.get(len + 2..len + 4).ok_or(RtpError::TooShort)?;
        len += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    if len > packet.len() { Err(RtpError::TooShort) } else { Ok(len) }
}

/// Header extension elements in order; stops at the first malformed one.
struct Elements<'a> {
    two_byte: bool,
    rest: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        // A zero byte between elements is padding in both forms.
        while let [0, rest @ ..] = self.rest {
            self.rest = rest;
        }
        let (id, len, rest) = match (self.two_byte, self.rest) {
            (true, [id, len, rest @ ..]) => (*id, usize::from(*len), rest),
            // One-byte form: id 15 ends the list, RFC 8285 section 4.2.
            (false, [head, rest @ ..]) if head >> 4 != 15 => {
                (head >> 4, usize::from(head & 0x0f) + 1, rest)
            }
            _ => return None,
        };
        let (data, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some((id, data))
    }
}

/// A header to write: at most one CSRC and one audio level, which is all a slot's packet needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// The marker bit.
    pub marker: bool,
    /// 0 ..= 127; the top bit is ignored.
    pub payload_type: u8,
    /// The sequence number.
    pub seq: SeqNo,
    /// The timestamp in units of 1/48000 s.
    pub ts_48k: u32,
    /// The slot's source.
    pub ssrc: Ssrc,
    /// Who speaks.
    pub csrc: Option<u32>,
    /// The element id (1 ..= 14) and the level.
    pub level: Option<(u8, AudioLevel)>,
}

impl RtpHeader {
    /// The longest header `write` produces.
    pub const MAX_LEN: usize = 12 + 4 + 8;

    /// Writes the header and returns its length.
    pub fn write(&self, out: &mut [u8; Self::MAX_LEN]) -> usize {
        let level = self.level.filter(|(id, _)| (1..=14).contains(id));
        out[0] = 0x80 | if level.is_some() { 0x10 } else { 0 } | u8::from(self.csrc.is_some());
        out[1] = (self.payload_type & 0x7f) | if self.marker { 0x80 } else { 0 };
        out[2..4].copy_from_slice(&self.seq.0.to_be_bytes());
        out[4..8].copy_from_slice(&self.ts_48k.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.0.to_be_bytes());
        let mut len = 12;
        if let Some(csrc) = self.csrc {
            out[len..len + 4].copy_from_slice(&csrc.to_be_bytes());
            len += 4;
        }
        if let Some((id, level)) = level {
            // One element of one byte, padded to a word: profile, length in words, id and length - 1, data.
            out[len..len + 8].copy_from_slice(&[0xbe, 0xde, 0, 1, id << 4, level.to_byte(), 0, 0]);
            len += 8;
        }
        len
    }
}

/// Overwrites the sequence number of a prepared packet. Does nothing to fewer than four bytes.
pub fn patch_seq(packet: &mut [u8], seq: SeqNo) {
    if let Some(field) = packet.get_mut(2..4) {
        field.copy_from_slice(&seq.0.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
