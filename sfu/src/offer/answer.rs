//! The answer, in the form proven with Chromium and Firefox: one fixed SSRC per slot, payload types and extension
//! ids echoed, candidates in the first section, nothing left to negotiate later.

use std::fmt::{self, Write};

use super::{AnswerParams, Candidate, Offer, Role, Transport};
use crate::rtcp::CNAME;

pub(super) fn write(offer: &Offer, params: &AnswerParams<'_>) -> String {
    let mut sdp = String::with_capacity(4096);
    write_session(&mut sdp, offer, params).expect("invariant: writing to a String does not fail");
    sdp
}

fn write_session(sdp: &mut String, offer: &Offer, params: &AnswerParams<'_>) -> fmt::Result {
    write!(
        sdp,
        "v=0\r\no=- {} {} IN IP4 127.0.0.1\r\n",
        params.session_id, params.session_version
    )?;
    sdp.push_str("s=-\r\nt=0 0\r\na=group:BUNDLE");
    for section in &offer.sections {
        write!(sdp, " {}", section.mid)?;
    }
    sdp.push_str("\r\na=ice-lite\r\na=msid-semantic: WMS *\r\n");
    let mut slots = 0..;
    for (index, section) in offer.sections.iter().enumerate() {
        let slot = if section.role == Role::Slot { slots.next() } else { None };
        write_section(sdp, offer, params, index, slot)?;
    }
    Ok(())
}

fn write_section(
    sdp: &mut String,
    offer: &Offer,
    params: &AnswerParams<'_>,
    index: usize,
    slot: Option<usize>,
) -> fmt::Result {
    let section = &offer.sections[index];
    let opus = offer.profile.opus_pt;
    write!(sdp, "m=audio 9 {} {opus}", section.protocol)?;
    // RED second: accepted from and sent to this client, yet it goes on sending plain Opus unless it prefers RED.
    if let Some(red) = offer.profile.red_pt {
        write!(sdp, " {red}")?;
    }
    sdp.push_str("\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n");
    if index == 0 {
        for (place, candidate) in params.candidates.iter().enumerate() {
            write_candidate(sdp, place, candidate)?;
        }
        sdp.push_str("a=end-of-candidates\r\n");
    }
    write!(sdp, "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", params.ice_ufrag, params.ice_pwd)?;
    sdp.push_str("a=fingerprint:sha-256 ");
    for (place, byte) in params.fingerprint.iter().enumerate() {
        write!(sdp, "{}{byte:02X}", if place == 0 { "" } else { ":" })?;
    }
    let direction = match section.role {
        Role::Microphone => "recvonly",
        Role::Slot => "sendonly",
        Role::Inactive => "inactive",
    };
    write!(sdp, "\r\na=setup:passive\r\na=mid:{}\r\na={direction}\r\na=rtcp-mux\r\n", section.mid)?;
    write!(
        sdp,
        "a=rtpmap:{opus} opus/48000/2\r\na=fmtp:{opus} minptime=10;useinbandfec=1;usedtx=1\r\n"
    )?;
    if let Some(red) = offer.profile.red_pt {
        write!(sdp, "a=rtpmap:{red} red/48000/2\r\na=fmtp:{red} {opus}/{opus}\r\n")?;
    }
    if let Some(id) = offer.mid_ext {
        write!(sdp, "a=extmap:{id} {}\r\n", super::read::MID_URI)?;
    }
    if let Some(id) = offer.profile.level_ext {
        write!(sdp, "a=extmap:{id} {}\r\n", super::read::LEVEL_URI)?;
    }
    if let Some(slot) = slot {
        let ssrc = params.slot_ssrcs[slot].0;
        write!(sdp, "a=msid:room slot{slot}\r\na=ssrc:{ssrc} cname:{CNAME}\r\n")?;
    }
    Ok(())
}

/// RFC 8839 section 5.1; priorities by RFC 8445 section 5.1.2.1 and, for TCP, RFC 6544 section 4.2.
fn write_candidate(sdp: &mut String, place: usize, candidate: &Candidate) -> fmt::Result {
    let place = u32::try_from(place).unwrap_or(u32::MAX).min(0x1fff);
    let (transport, type_preference, local_preference, suffix) = match candidate.transport {
        Transport::Udp => ("udp", 126, 0xffff - place, ""),
        // Any UDP path goes before TCP; 4 is the direction preference of a passive host candidate.
        Transport::TcpPassive => ("tcp", 90, (4 << 13) | (0x1fff - place), " tcptype passive"),
    };
    let priority = (type_preference << 24) | (local_preference << 8) | 255;
    let (ip, port) = (candidate.addr.ip().to_canonical(), candidate.addr.port());
    write!(
        sdp,
        "a=candidate:{} 1 {transport} {priority} {ip} {port} typ host{suffix}\r\n",
        place + 1
    )
}
