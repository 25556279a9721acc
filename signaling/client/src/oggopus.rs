//! Ogg Opus files (RFC 7845): written packet by packet, read as frames ready to be sent.

use std::io::{Read, Seek, Write};

use bytes::Bytes;
use ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};
use opus::{Channels, Decoder};

use crate::{
    Error, OpusFrame,
    audio::{RATE_HZ, level_dbov},
};

/// RFC 7845, section 4.2: a decoder that starts in the middle of a stream needs 80 ms to converge;
/// a recording starts there.
const PRE_SKIP: u16 = 3_840;
/// A page a second: what a crash can lose.
const PAGE_SAMPLES: u64 = RATE_HZ as u64;
/// With RTP, SRTP, UDP and IP headers this still fits the smallest MTU in use (1,280 bytes).
const SENDABLE_MAX_BYTES: usize = 1_150;

/// Writes one mono Opus stream. Call [`OggOpusWriter::finish`], or the last packet is missing.
pub struct OggOpusWriter<W: Write> {
    pages: PacketWriter<'static, W>,
    serial: u32,
    samples: u64,
    page_ends_at: u64,
    /// Held back, because the last packet of a stream must be marked as such.
    pending: Option<Bytes>,
}

impl<W: Write> OggOpusWriter<W> {
    /// Writes the two header packets, each on its page (RFC 7845, section 3). `serial` tells
    /// streams of one file apart.
    ///
    /// # Errors
    /// From the writer.
    pub fn new(writer: W, serial: u32) -> Result<Self, Error> {
        let mut pages = PacketWriter::new(writer);
        let mut head = Vec::with_capacity(19);
        head.extend_from_slice(b"OpusHead");
        head.extend_from_slice(&[1, 1]);
        head.extend_from_slice(&PRE_SKIP.to_le_bytes());
        head.extend_from_slice(&RATE_HZ.to_le_bytes());
        // Output gain 0, channel mapping family 0.
        head.extend_from_slice(&[0, 0, 0]);
        pages.write_packet(head, serial, PacketWriteEndInfo::EndPage, 0)?;

        let vendor = b"palco";
        let mut tags = Vec::new();
        tags.extend_from_slice(b"OpusTags");
        tags.extend_from_slice(&(vendor.len() as u32).to_le_bytes());
        tags.extend_from_slice(vendor);
        tags.extend_from_slice(&0u32.to_le_bytes());
        pages.write_packet(tags, serial, PacketWriteEndInfo::EndPage, 0)?;
        Ok(Self { pages, serial, samples: 0, page_ends_at: PAGE_SAMPLES, pending: None })
    }

    /// Adds a packet of this duration.
    ///
    /// # Errors
    /// From the writer.
    pub fn write(&mut self, packet: Bytes, samples_48k: u32) -> Result<(), Error> {
        let end = if self.samples >= self.page_ends_at {
            self.page_ends_at = self.samples + PAGE_SAMPLES;
            PacketWriteEndInfo::EndPage
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        self.write_pending(end)?;
        self.samples += u64::from(samples_48k);
        self.pending = Some(packet);
        Ok(())
    }

    /// Ends the stream and gives the writer back.
    ///
    /// # Errors
    /// From the writer.
    pub fn finish(mut self) -> Result<W, Error> {
        self.write_pending(PacketWriteEndInfo::EndStream)?;
        let mut writer = self.pages.into_inner();
        writer.flush()?;
        Ok(writer)
    }

    /// How long the stream is, pre-skip included.
    #[must_use]
    pub fn samples_48k(&self) -> u64 {
        self.samples
    }

    fn write_pending(&mut self, end: PacketWriteEndInfo) -> Result<(), Error> {
        if let Some(packet) = self.pending.take() {
            // The granule position is the end of the packet (RFC 7845, section 4).
            self.pages.write_packet(packet.to_vec(), self.serial, end, self.samples)?;
        }
        Ok(())
    }
}

/// Reads the first Opus stream of a file; iterates over frames ready to be sent.
pub struct OggOpusReader<R: Read + Seek> {
    pages: PacketReader<R>,
    serial: u32,
    decoder: Decoder,
}

impl<R: Read + Seek> OggOpusReader<R> {
    /// Reads the headers.
    ///
    /// # Errors
    /// [`Error::BadOgg`] if it is not mono or stereo Ogg Opus, or from the reader.
    pub fn new(reader: R) -> Result<Self, Error> {
        let mut pages = PacketReader::new(reader);
        let head = next_packet(&mut pages)?.ok_or(Error::BadOgg("it is empty"))?;
        let serial = head.stream_serial();
        if head.data.len() < 19 || !head.data.starts_with(b"OpusHead") {
            return Err(Error::BadOgg("it does not begin with an Opus header"));
        }
        // RFC 7845, section 5.1: the upper four bits of the version are the incompatible ones.
        if head.data[8] & 0xf0 != 0 {
            return Err(Error::BadOgg("its version is not known"));
        }
        if head.data[18] != 0 {
            return Err(Error::BadOgg("it has more than two channels"));
        }
        match next_packet(&mut pages)? {
            Some(tags) if tags.data.starts_with(b"OpusTags") => {}
            _ => return Err(Error::BadOgg("its second header is missing")),
        }
        Ok(Self { pages, serial, decoder: Decoder::new(RATE_HZ, Channels::Mono)? })
    }

    fn frame(&mut self, packet: Vec<u8>) -> Result<OpusFrame, Error> {
        if packet.len() > SENDABLE_MAX_BYTES {
            return Err(Error::BadOgg(
                "a packet is too large to be sent; encode it below 128 kb/s",
            ));
        }
        let mut pcm = [0; 5_760];
        let samples = self
            .decoder
            .decode(&packet, &mut pcm, false)
            .map_err(|_| Error::BadOgg("a packet is not Opus"))?;
        Ok(OpusFrame {
            payload: packet.into(),
            samples_48k: samples as u32,
            level_dbov: level_dbov(&pcm[..samples]),
        })
    }
}

impl<R: Read + Seek> Iterator for OggOpusReader<R> {
    type Item = Result<OpusFrame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let packet = match next_packet(&mut self.pages) {
                Ok(packet) => packet?,
                Err(error) => return Some(Err(error)),
            };
            // An empty packet is a lost one (RFC 6716, section 3.1): time without sound.
            if packet.stream_serial() == self.serial && !packet.data.is_empty() {
                return Some(self.frame(packet.data));
            }
        }
    }
}

fn next_packet<R: Read + Seek>(pages: &mut PacketReader<R>) -> Result<Option<ogg::Packet>, Error> {
    pages.read_packet().map_err(|error| match error {
        ogg::OggReadError::ReadError(error) => Error::Io(error),
        _ => Error::BadOgg("it is not a valid Ogg file"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::Tone;

    fn written(frames: &[OpusFrame]) -> Vec<u8> {
        let mut writer = OggOpusWriter::new(Vec::new(), 7).unwrap();
        for frame in frames {
            writer.write(frame.payload.clone(), frame.samples_48k).unwrap();
        }
        assert_eq!(writer.samples_48k(), 960 * frames.len() as u64);
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let frames: Vec<_> = Tone::new(440.0).unwrap().take(120).collect();
        let file = written(&frames);
        let read: Vec<_> =
            OggOpusReader::new(Cursor::new(file)).unwrap().map(Result::unwrap).collect();
        assert_eq!(read.len(), 120);
        for (read, sent) in read.iter().zip(&frames) {
            assert_eq!((&read.payload, read.samples_48k), (&sent.payload, 960));
        }
        // The level is measured anew, after the codec.
        assert!(read[119].level_dbov.abs_diff(15) <= 2, "{}", read[119].level_dbov);
    }

    #[test]
    fn pages_carry_the_granule_position_and_the_end() {
        let frames: Vec<_> = Tone::new(440.0).unwrap().take(120).collect();
        let mut pages = PacketReader::new(Cursor::new(written(&frames)));
        let mut ends = Vec::new();
        while let Some(packet) = pages.read_packet().unwrap() {
            if packet.last_in_page() {
                ends.push((packet.absgp_page(), packet.last_in_stream()));
            }
        }
        // Two headers, a page each second, the rest.
        let granules: Vec<_> = ends.iter().map(|(granule, _)| *granule).collect();
        assert_eq!(granules, [0, 0, 48_000, 96_000, 115_200]);
        assert_eq!(ends.iter().filter(|(_, last)| *last).count(), 1);
        assert!(ends[4].1);
    }

    #[test]
    fn what_is_no_ogg_opus_is_refused() {
        let frames: Vec<_> = Tone::new(440.0).unwrap().take(3).collect();
        let file = written(&frames);
        let refused = |bytes: Vec<u8>| OggOpusReader::new(Cursor::new(bytes)).is_err();
        assert!(refused(Vec::new()));
        assert!(refused(b"RIFF....WAVEfmt ".to_vec()));
        assert!(refused(file[..40].to_vec()));
        // A broken page is an error, not a panic or a loop: its checksum tells.
        let mut broken = file.clone();
        let at = broken.len() - 10;
        broken[at] ^= 0xff;
        let read: Vec<_> = OggOpusReader::new(Cursor::new(broken)).unwrap().take(10).collect();
        assert!(read.iter().any(Result::is_err));
    }
}
