//! What an operator relies on, with the real program: settings, HTTPS, proxies, draining, logs, documents.

mod acme;
mod documents;
mod drain;
mod https;
mod logs;
mod proxies;
mod settings;

use palco_client::{Client, Server as Address, Session};
use palco_protocol::ClientMessage;

use crate::house::SOON;

/// Somebody who speaks in a room of their own.
struct Host {
    token: String,
    client: Client,
    session: Session,
}

impl Host {
    async fn speaks_at(address: &Address) -> Self {
        let token = address.guest("Host").await.expect("a guest's token").token;
        let client = address.connect(&token).await.expect("hello");
        let room = address.create_room(&token, "A room").await.expect("a room").id;
        let session = client.join(room, None).await.expect("joined");
        session.media.connected(SOON).await.expect("media connects");
        client.request(ClientMessage::Unmute).await.expect("unmuted");
        session.media.play_tone(440.0).expect("a tone");
        Self { token, client, session }
    }
}
