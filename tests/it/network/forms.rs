//! Bundles for a large audience: the media plane alone, with the native client.

use std::time::Duration;

use palco_client::{HeardCounts, Media, MediaOptions, PacketRecord, SLOTS, SrtpOffer};
use palco_protocol::SpeakerNumber;
use palco_sfu::{Config, Handle, PeerKey, RoomKey};

use crate::house::SOON;

const ROOM: RoomKey = RoomKey(1);

async fn join(plane: &Handle, peer: u64) -> Media {
    let server = plane.addresses()[0].ip();
    let options = MediaOptions { server, srtp: SrtpOffer::All };
    let (media, offer) = Media::offer(options).await.expect("an offer");
    let answer = plane.connect(ROOM, PeerKey(peer), &offer).await.expect("an answer");
    media.answer(&answer).await.expect("the answer fits");
    media.connected(SOON).await.expect("media connects");
    media
}

/// What came in the slot that carries this speaker.
fn heard(media: &Media, speaker: SpeakerNumber) -> (HeardCounts, Vec<PacketRecord>) {
    let carries = |slot: &usize| {
        media.packets(*slot).first().is_some_and(|packet| packet.number == Some(speaker))
    };
    let slot = (0..SLOTS).find(carries).expect("heard");
    (media.counts(slot), media.packets(slot))
}

fn steps_ms(records: &[PacketRecord]) -> Vec<u32> {
    records.windows(2).map(|pair| (pair[1].timestamp_48k - pair[0].timestamp_48k) / 48).collect()
}

fn play(media: &Media, hz: f64) {
    media.play_tone(hz).expect("a tone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audience_that_gets_bundles_hears_clean_and_the_stage_gets_none() {
    let config = Config { bundle_from: Some(2), ..Config::default() };
    let (plane, _events) = palco_sfu::start(config).expect("the media plane starts");
    let number = SpeakerNumber(7);
    let speaker = join(&plane, 1).await;
    let on_stage = join(&plane, 2).await;
    let listener = join(&plane, 3).await;
    plane.allow_sending(PeerKey(1), number.0);
    plane.allow_sending(PeerKey(2), 8);
    play(&speaker, 440.0);
    let bundles = 100;
    listener.wait_for_packets(number, bundles, SOON).await.expect("six seconds of bundles");
    listener.wait_for_tone(number, 440.0, SOON).await.expect("the tone");
    on_stage.wait_for_tone(number, 440.0, SOON).await.expect("the tone");

    let (counts, records) = heard(&listener, number);
    assert_eq!(counts, HeardCounts { packets: counts.packets, ..HeardCounts::default() });
    assert!(steps_ms(&records).iter().all(|step| *step == 60), "{:?}", steps_ms(&records));
    let (counts, records) = heard(&on_stage, number);
    assert_eq!(counts, HeardCounts { packets: counts.packets, ..HeardCounts::default() });
    assert!(counts.packets > 2 * bundles);
    assert!(steps_ms(&records).iter().all(|step| *step == 20), "{:?}", steps_ms(&records));

    // From the audience to the stage: from then on every frame for itself, and no sequence number missing.
    plane.allow_sending(PeerKey(3), 9);
    listener.wait_for_packets(number, 50, SOON).await.expect("audio goes on");
    let (counts, records) = heard(&listener, number);
    assert_eq!((counts.lost, counts.late, counts.undecodable), (0, 0, 0));
    let last = &records[records.len() - 25..];
    assert!(steps_ms(last).iter().all(|step| *step == 20), "{:?}", steps_ms(last));
    let changed = steps_ms(&records).iter().filter(|step| ![20, 60].contains(*step)).count();
    assert!(changed <= 1, "at most one seam");
    listener.wait_for_tone(number, 440.0, SOON).await.expect("the tone");
    report(counts);
}

#[expect(clippy::print_stderr, reason = "the figures of docs/measurements.md")]
fn report(counts: HeardCounts) {
    let concealed = Duration::from_millis(20 * counts.concealed_frames);
    eprintln!("from bundles to single frames: {concealed:?} concealed");
}
