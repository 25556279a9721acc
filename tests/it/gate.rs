//! The server's gate is the authority: who may not send is not heard, whatever their client does.

use palco_protocol::{ClientMessage, ErrorCode};
use palco_sfu::stats::DropCause;

use crate::house::{House, QUIET, number_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_who_sends_all_the_same_is_not_heard() {
    let house = House::open().await;
    let host = house.host("Host").await;
    let host_number = number_of(&host.snapshot, host.id());
    host.ask(ClientMessage::Unmute).await.expect("unmuted");
    let _speaking = host.media.play_tone(440.0).expect("a tone");
    let intruder = house.listener("Intruder", host.room()).await;
    let witness = house.listener("Witness", host.room()).await;
    witness.hears(host_number, 440.0).await;

    let dropped_before = house.dropped(DropCause::NotAllowed).await;
    let _intrusion = intruder.media.play_tone(880.0).expect("a tone");
    let sent = async {
        while intruder.media.packets_sent() < 50 {
            tokio::time::sleep(QUIET / 4).await;
        }
    };
    tokio::time::timeout(crate::house::SOON, sent).await.expect("the intruder sends");
    witness
        .media
        .wait_for_packets(host_number, 20, crate::house::SOON)
        .await
        .expect("audio goes on");
    let heard: u64 = (0..palco_client::SLOTS).map(|slot| witness.media.counts(slot).packets).sum();
    assert_eq!(heard, witness.media.packets_from(host_number), "only the host is heard");
    let dropped = house.dropped(DropCause::NotAllowed).await - dropped_before;
    assert!(dropped >= 40, "the intrusion is counted: {dropped}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_muted_by_a_moderator_stays_silent() {
    let house = House::open().await;
    let mut host = house.host("Host").await;
    let mut speaker = house.listener("Speaker", host.room()).await;
    let number = speaker.brought_on_stage_by(&mut host).await;
    let _speaking = speaker.media.play_tone(880.0).expect("a tone");
    speaker.ask(ClientMessage::Unmute).await.expect("unmuted");
    host.hears(number, 880.0).await;

    host.ask(ClientMessage::MuteSpeaker { user: speaker.id() }).await.expect("muted");
    host.hears_no_more(number).await;
    assert_eq!(speaker.ask(ClientMessage::Unmute).await, Err(ErrorCode::MutedByModerator));
    host.hears_no_more(number).await;

    host.ask(ClientMessage::AllowUnmute { user: speaker.id() }).await.expect("allowed");
    host.hears_no_more(number).await;
    speaker.ask(ClientMessage::Unmute).await.expect("unmuted by their own will");
    host.hears(number, 880.0).await;

    host.ask(ClientMessage::Remove { user: speaker.id(), ban: false }).await.expect("removed");
    host.hears_no_more(number).await;
    house.close().await;
}
