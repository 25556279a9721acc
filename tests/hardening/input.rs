//! Bad input at the whole server: offers without measure, and who speaks before the address is proved.

use std::time::Duration;

use palco_protocol::{ClientMessage, ErrorCode};
use palco_sfu::stats::DropCause;
use tokio::net::UdpSocket;

use crate::{
    hostile::{changed_offer, goes_on, running_room},
    house::{House, SOON},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_of_ten_thousand_lines_doubled_mids_and_impossible_payload_types_are_refused() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let (_token, client) = house.guest("Odd").await;
    let (_media, real) = changed_offer(&house, str::to_owned).await;
    // Ten thousand lines do not fit into a message; of those that do, too many are too many.
    let (_token, mut verbose) = house.guest("Verbose").await;
    let offer = real.clone() + &"a=x\r\n".repeat(10_000);
    let join = ClientMessage::Join { room: host.room(), offer, link: None };
    let _ = verbose.request(join).await.expect_err("refused");
    let closed = verbose.wait_closed(SOON).await.expect("closed");
    assert_eq!(closed.code, ErrorCode::TooLarge.close_code());
    let lines = real.clone() + &"a=\r\n".repeat(2_500);
    assert!(lines.len() < palco_protocol::limits::OFFER_MAX_BYTES);
    let mids = real.replace("a=mid:1\r\n", "a=mid:0\r\n");
    let types = real.replace("UDP/TLS/RTP/SAVPF 111", "UDP/TLS/RTP/SAVPF 300");
    for (what, offer) in [("lines", lines), ("mids", mids), ("payload types", types)] {
        assert_ne!(offer, real, "{what}");
        let join = ClientMessage::Join { room: host.room(), offer, link: None };
        let code = client.request(join).await.expect_err("refused").code();
        assert_eq!(code, Some(ErrorCode::BadOffer), "{what}");
    }
    goes_on(&host, &listener).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_hello_from_an_address_that_is_not_proved_gets_no_answer() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    socket.connect(house.media).await.expect("connected");
    // RFC 6347, sections 4.1 and 4.2.2: a record of a whole ClientHello without extensions.
    let mut hello = vec![0xfe, 0xfd];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
    let len = hello.len() as u8;
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, len + 12];
    record.extend([1, 0, 0, len, 0, 0, 0, 0, 0, 0, 0, len]);
    record.extend(hello);
    let before = house.dropped(DropCause::UnknownPath).await;
    for _ in 0..20 {
        socket.send(&record).await.expect("sent");
    }
    let mut answer = [0; 1_500];
    let answered = tokio::time::timeout(Duration::from_millis(300), socket.recv(&mut answer)).await;
    assert!(answered.is_err(), "nothing is answered");
    assert_eq!(house.dropped(DropCause::UnknownPath).await, before + 20);
    goes_on(&host, &listener).await;
    house.close().await;
}
