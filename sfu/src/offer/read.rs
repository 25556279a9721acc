//! The strict reader of an offer: one pass over bounded lines, every value checked, unknown attributes passed over.

use super::{MAX_LINE_BYTES, MAX_OFFER_BYTES, MAX_OFFER_LINES, MAX_SECTIONS};
use super::{Microphone, Offer, OfferError, Role, Section};
use crate::loudest::SLOTS;
use crate::packet::Profile;
use crate::rtp::Ssrc;

pub(super) const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub(super) const LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// SSRCs a microphone may announce: one is usual, a second appears where a client reserves one for repair.
const MAX_SSRCS: usize = 4;

pub(super) fn offer(sdp: &str) -> Result<Offer, OfferError> {
    let (session, raw) = lines(sdp)?;
    let tagged = raw.first().ok_or(OfferError::NoAudio)?;
    let sections = sections(&raw)?;
    check_bundle(&session, &sections)?;

    // The first section of the bundle speaks for the transport of all (RFC 9143 section 7.1.1); what it leaves out
    // may stand above the sections.
    let transport = tagged.transport.or(&session.transport);
    if !tagged.rtcp_mux {
        return Err(OfferError::NoRtcpMux);
    }
    let (ice_ufrag, ice_pwd) = transport.ice()?;
    if !matches!(transport.setup, Some("actpass" | "active")) {
        return Err(OfferError::BadSetup);
    }
    let microphone = raw
        .iter()
        .zip(&sections)
        .find(|(_, section)| section.role == Role::Microphone)
        .map(|(raw, section)| raw.microphone(&section.mid))
        .transpose()?;
    let (profile, mid_ext) = profile(&raw)?;
    let slots = sections.iter().filter(|section| section.role == Role::Slot);
    Ok(Offer {
        ice_ufrag: ice_ufrag.to_owned(),
        ice_pwd: ice_pwd.to_owned(),
        fingerprint: transport.fingerprint.ok_or(OfferError::NoFingerprint)?,
        profile,
        mid_ext,
        microphone,
        slots: slots.map(|section| section.mid.clone()).collect(),
        sections,
    })
}

/// Attributes that may stand above the sections or in them.
#[derive(Clone, Copy, Default)]
struct Transport<'a> {
    ufrag: Option<&'a str>,
    pwd: Option<&'a str>,
    fingerprint: Option<[u8; 32]>,
    setup: Option<&'a str>,
}

impl<'a> Transport<'a> {
    fn or(&self, session: &Transport<'a>) -> Transport<'a> {
        // A user name and a password belong together: never one from here and one from there.
        let ice = if self.ufrag.is_some() || self.pwd.is_some() { self } else { session };
        Transport {
            ufrag: ice.ufrag,
            pwd: ice.pwd,
            fingerprint: self.fingerprint.or(session.fingerprint),
            setup: self.setup.or(session.setup),
        }
    }

    /// RFC 8839 section 5.4.
    fn ice(&self) -> Result<(&'a str, &'a str), OfferError> {
        let ice_chars =
            |text: &str| text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'+' || c == b'/');
        match (self.ufrag, self.pwd) {
            (Some(ufrag), Some(pwd))
                if (4..=256).contains(&ufrag.len())
                    && (22..=256).contains(&pwd.len())
                    && ice_chars(ufrag)
                    && ice_chars(pwd) =>
            {
                Ok((ufrag, pwd))
            }
            _ => Err(OfferError::BadIce),
        }
    }

    /// True if the attribute was one of the transport's.
    fn read(&mut self, name: &str, value: &'a str) -> Result<bool, OfferError> {
        match name {
            "ice-ufrag" => once(&mut self.ufrag, value, OfferError::BadIce)?,
            "ice-pwd" => once(&mut self.pwd, value, OfferError::BadIce)?,
            "setup" => once(&mut self.setup, value, OfferError::BadSetup)?,
            "fingerprint" => {
                let (hash, hex) = value.split_once(' ').ok_or(OfferError::BadFingerprint)?;
                // Fingerprints by other hashes may stand beside it (RFC 8122 section 5).
                if hash.eq_ignore_ascii_case("sha-256") {
                    let digest = fingerprint(hex).ok_or(OfferError::BadFingerprint)?;
                    once(&mut self.fingerprint, digest, OfferError::BadFingerprint)?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Sets a value that may be repeated but not contradicted.
fn once<T: PartialEq>(
    field: &mut Option<T>,
    value: T,
    error: OfferError,
) -> Result<(), OfferError> {
    match field {
        Some(present) if *present != value => Err(error),
        _ => {
            *field = Some(value);
            Ok(())
        }
    }
}

/// `AB:CD:...`, 32 bytes.
fn fingerprint(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let mut pairs = hex.split(':');
    for byte in &mut digest {
        let pair = pairs
            .next()
            .filter(|pair| pair.len() == 2 && pair.bytes().all(|c| c.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(digest)
}

#[derive(Default)]
struct Session<'a> {
    transport: Transport<'a>,
    direction: Option<&'a str>,
    bundle: Option<&'a str>,
}

#[derive(Default)]
struct RawSection<'a> {
    /// What follows `m=`.
    media: &'a str,
    mid: Option<&'a str>,
    direction: Option<&'a str>,
    bundle_only: bool,
    rtcp_mux: bool,
    transport: Transport<'a>,
    opus_pt: Option<u8>,
    red_pt: Option<u8>,
    /// `a=fmtp` of RED may precede its `a=rtpmap`: all small enough ones are looked at afterwards.
    red_of: Vec<(u8, &'a str)>,
    level_ext: Option<u8>,
    mid_ext: Option<u8>,
    ssrcs: Vec<Ssrc>,
    bad_ssrc: bool,
}

fn lines(sdp: &str) -> Result<(Session<'_>, Vec<RawSection<'_>>), OfferError> {
    if sdp.len() > MAX_OFFER_BYTES {
        return Err(OfferError::TooLong);
    }
    let mut session = Session::default();
    let mut raw: Vec<RawSection<'_>> = Vec::with_capacity(MAX_SECTIONS);
    for (place, line) in sdp.lines().enumerate() {
        if place >= MAX_OFFER_LINES || line.len() > MAX_LINE_BYTES {
            return Err(OfferError::TooLong);
        }
        let (kind, value) = line
            .split_once('=')
            .filter(|(kind, _)| kind.len() == 1)
            .ok_or(OfferError::Malformed)?;
        if line.contains(char::is_control)
            || (place == 0) != (kind == "v")
            || (place == 0 && value != "0")
        {
            return Err(OfferError::Malformed);
        }
        match kind {
            "m" if raw.len() == MAX_SECTIONS => return Err(OfferError::TooManySections),
            "m" => {
                let direction = session.direction;
                raw.push(RawSection { media: value, direction, ..RawSection::default() });
            }
            "a" => match raw.last_mut() {
                Some(section) => section.attribute(value)?,
                None => session.attribute(value)?,
            },
            _ => {}
        }
    }
    if sdp.is_empty() { Err(OfferError::Malformed) } else { Ok((session, raw)) }
}

impl<'a> Session<'a> {
    fn attribute(&mut self, attribute: &'a str) -> Result<(), OfferError> {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        match name {
            "sendrecv" | "sendonly" | "recvonly" | "inactive" => self.direction = Some(name),
            "group" => {
                if let Some(mids) = value.strip_prefix("BUNDLE ") {
                    once(&mut self.bundle, mids, OfferError::NotBundled)?;
                }
            }
            _ => {
                self.transport.read(name, value)?;
            }
        }
        Ok(())
    }
}

impl<'a> RawSection<'a> {
    fn attribute(&mut self, attribute: &'a str) -> Result<(), OfferError> {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        match name {
            "mid" => once(&mut self.mid, value, OfferError::BadMid)?,
            "sendrecv" | "sendonly" | "recvonly" | "inactive" => self.direction = Some(name),
            "bundle-only" => self.bundle_only = true,
            "rtcp-mux" => self.rtcp_mux = true,
            "rtpmap" => self.rtpmap(value)?,
            "fmtp" => {
                if let Some((pt, parameters)) = value.split_once(' ')
                    && let Ok(pt) = pt.parse()
                    && parameters.contains('/')
                    && self.red_of.len() < 16
                {
                    self.red_of.push((pt, parameters));
                }
            }
            "extmap" => self.extmap(value)?,
            "ssrc" => {
                let number = value.split(' ').next().unwrap_or_default().parse().map(Ssrc);
                match number {
                    Ok(ssrc) if self.ssrcs.contains(&ssrc) => {}
                    Ok(ssrc) if self.ssrcs.len() < MAX_SSRCS => self.ssrcs.push(ssrc),
                    _ => self.bad_ssrc = true,
                }
            }
            _ => {
                self.transport.read(name, value)?;
            }
        }
        Ok(())
    }

    /// `<payload type> <encoding>/<clock rate>[/<channels>]`
    fn rtpmap(&mut self, value: &str) -> Result<(), OfferError> {
        let (pt, encoding) = value.split_once(' ').ok_or(OfferError::BadPayloadType)?;
        let pt: u8 = pt.parse().ok().filter(|pt| *pt < 128).ok_or(OfferError::BadPayloadType)?;
        let field = if encoding.eq_ignore_ascii_case("opus/48000/2") {
            &mut self.opus_pt
        } else if encoding.eq_ignore_ascii_case("red/48000/2") {
            &mut self.red_pt
        } else {
            return Ok(());
        };
        // 64 ..= 95 with a marker bit look like RTCP on a multiplexed port (RFC 5761 section 4).
        if (64..=95).contains(&pt) {
            return Err(OfferError::BadPayloadType);
        }
        // The first of several (Opus in two configurations) is the preferred one.
        field.get_or_insert(pt);
        Ok(())
    }

    /// `<id>[/<direction>] <uri>[ <attributes>]`
    fn extmap(&mut self, value: &str) -> Result<(), OfferError> {
        let (id, uri) = value.split_once(' ').ok_or(OfferError::BadExtension)?;
        let id: u16 =
            id.split('/').next().and_then(|id| id.parse().ok()).ok_or(OfferError::BadExtension)?;
        let field = match uri.split(' ').next() {
            Some(LEVEL_URI) => &mut self.level_ext,
            Some(MID_URI) => &mut self.mid_ext,
            _ => return Ok(()),
        };
        match id {
            1..=14 => once(field, id as u8, OfferError::BadExtension),
            // Needs the two-byte form, which we do not write: the extension is left out of the answer.
            16..=255 => Ok(()),
            _ => Err(OfferError::BadExtension),
        }
    }

    fn microphone(&self, mid: &str) -> Result<Microphone, OfferError> {
        if self.bad_ssrc {
            return Err(OfferError::BadSsrc);
        }
        Ok(Microphone { mid: mid.to_owned(), ssrcs: self.ssrcs.clone() })
    }

    /// RED counts only if it wraps Opus and nothing else (`a=fmtp:<red> <opus>/<opus>`, RFC 2198 section 5).
    fn red_of_opus(&self, opus: u8) -> Option<u8> {
        let red = self.red_pt?;
        let (_, wrapped) = self.red_of.iter().find(|(pt, _)| *pt == red)?;
        wrapped.split('/').all(|pt| pt.parse() == Ok(opus)).then_some(red)
    }
}

fn sections(raw: &[RawSection<'_>]) -> Result<Vec<Section>, OfferError> {
    let mut sections: Vec<Section> = Vec::with_capacity(raw.len());
    for section in raw {
        let mut media = section.media.split(' ');
        let (kind, port, protocol) = (media.next(), media.next(), media.next());
        let protocol = match (kind, protocol) {
            (Some("audio"), Some("UDP/TLS/RTP/SAVPF")) => "UDP/TLS/RTP/SAVPF",
            // What a client offers whose present path is TCP (RFC 8829 section 5.1.2).
            (Some("audio"), Some("TCP/DTLS/RTP/SAVPF")) => "TCP/DTLS/RTP/SAVPF",
            _ => return Err(OfferError::NotAudio),
        };
        match port.and_then(|port| port.parse::<u16>().ok()) {
            None => return Err(OfferError::Malformed),
            // Port 0 without bundle-only is a section already given up (RFC 3264 section 8.2): nothing to bundle.
            Some(0) if !section.bundle_only => return Err(OfferError::NotBundled),
            Some(_) => {}
        }
        // RFC 8866 section 6.12's token; 16 characters, so that it fits a one-byte header extension.
        let mid_char = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`{|}~".contains(c);
        let mid =
            section.mid.filter(|mid| (1..=16).contains(&mid.len()) && mid.chars().all(mid_char));
        let mid = mid.ok_or(OfferError::BadMid)?;
        if sections.iter().any(|earlier| earlier.mid == mid) {
            return Err(OfferError::DuplicateMid);
        }
        let role = match section.direction {
            Some("recvonly") => Role::Slot,
            Some("inactive") => Role::Inactive,
            // sendonly; sendrecv, which is also what no direction means (RFC 8866 section 6.7).
            _ => Role::Microphone,
        };
        if role == Role::Microphone
            && sections.iter().any(|earlier| earlier.role == Role::Microphone)
        {
            return Err(OfferError::TwoMicrophones);
        }
        sections.push(Section { mid: mid.to_owned(), role, protocol });
    }
    if sections.iter().filter(|section| section.role == Role::Slot).count() > SLOTS {
        return Err(OfferError::TooManySections);
    }
    Ok(sections)
}

/// Exactly the sections, the first one first: it is the one that carries candidates.
fn check_bundle(session: &Session<'_>, sections: &[Section]) -> Result<(), OfferError> {
    let mids: Vec<&str> = session.bundle.unwrap_or_default().split(' ').collect();
    let whole = mids.len() == sections.len()
        && mids.first().copied() == sections.first().map(|section| section.mid.as_str())
        && sections.iter().all(|section| mids.contains(&section.mid.as_str()));
    if whole { Ok(()) } else { Err(OfferError::NotBundled) }
}

/// One set of numbers for all sections: a bundle has one space of payload types (RFC 9143 section 9.1) and of
/// extension ids (RFC 8285 section 6).
fn profile(raw: &[RawSection<'_>]) -> Result<(Profile, Option<u8>), OfferError> {
    let mut found: Option<(Profile, Option<u8>)> = None;
    for section in raw {
        let opus_pt = section.opus_pt.ok_or(OfferError::NoOpus)?;
        let mut formats = section.media.split(' ').skip(3);
        if !formats.any(|format| format.parse() == Ok(opus_pt)) {
            return Err(OfferError::NoOpus);
        }
        let red_pt = section.red_of_opus(opus_pt).filter(|red| {
            section.media.split(' ').skip(3).any(|format| format.parse() == Ok(*red))
        });
        if red_pt == Some(opus_pt) {
            return Err(OfferError::BadPayloadType);
        }
        if section.level_ext.is_some() && section.level_ext == section.mid_ext {
            return Err(OfferError::BadExtension);
        }
        match &mut found {
            None => {
                let profile = Profile { opus_pt, red_pt, level_ext: section.level_ext };
                found = Some((profile, section.mid_ext));
            }
            Some((profile, mid_ext)) => {
                if profile.opus_pt != opus_pt {
                    return Err(OfferError::BadPayloadType);
                }
                both(&mut profile.red_pt, red_pt, OfferError::BadPayloadType)?;
                both(&mut profile.level_ext, section.level_ext, OfferError::BadExtension)?;
                both(mid_ext, section.mid_ext, OfferError::BadExtension)?;
            }
        }
    }
    found.ok_or(OfferError::NoAudio)
}

/// What one section lacks, none has; what two number differently is refused.
fn both(field: &mut Option<u8>, other: Option<u8>, error: OfferError) -> Result<(), OfferError> {
    match (*field, other) {
        (Some(one), Some(two)) if one != two => Err(error),
        (Some(_), None) => {
            *field = None;
            Ok(())
        }
        _ => Ok(()),
    }
}
