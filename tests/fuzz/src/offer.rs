//! SDP offers: what is taken can be answered, and the answer has as many sections as the offer has of use.

use palco_sfu::{
    offer::{AnswerParams, MAX_OFFER_BYTES, MAX_OFFER_LINES, Offer},
    rtp::Ssrc,
};

/// See the module.
pub fn offer(data: &[u8]) {
    let sdp = String::from_utf8_lossy(data);
    let Ok(offer) = Offer::parse(&sdp) else {
        return;
    };
    assert!(sdp.len() <= MAX_OFFER_BYTES && sdp.lines().count() <= MAX_OFFER_LINES, "too long");
    assert!(offer.slots.len() <= 4, "{} slots", offer.slots.len());
    let answer = offer.answer(&AnswerParams {
        session_id: 1,
        session_version: 1,
        ice_ufrag: "fragment",
        ice_pwd: "a-password-of-24-letters",
        fingerprint: &[7; 32],
        slot_ssrcs: [1, 2, 3, 4].map(Ssrc),
        candidates: &[],
    });
    let answered = answer.lines().filter(|line| line.starts_with("m=")).count();
    let offered = sdp.lines().filter(|line| line.starts_with("m=")).count();
    assert_eq!(answered, offered, "RFC 3264, section 6: a section for each");
}
