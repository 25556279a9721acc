//! Staying in a room until it is over for us: shared by `listen` and `speak`.

use std::time::Duration;

use palco_protocol::{ClientMessage, DirectEvent, ErrorCode, RoomEvent};
use tokio::time::{Instant, sleep};

use crate::{Client, Error, Server, ServerEvent};

/// The time in which media must connect.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// The server keeps a lost session this long (design, section 4).
const RESUME_FOR: Duration = Duration::from_secs(30);
const RESUME_EVERY: Duration = Duration::from_secs(1);

/// Why nothing more will be heard here, if this event says so.
pub(crate) fn over(event: &ServerEvent) -> Option<&'static str> {
    match event {
        ServerEvent::Room(event) if matches!(event.event, RoomEvent::RoomEnded { .. }) => {
            Some("the room ended")
        }
        ServerEvent::Direct(DirectEvent::Removed { .. }) => Some("removed by a moderator"),
        ServerEvent::Direct(DirectEvent::MediaClosed) => Some("the media connection is gone"),
        _ => None,
    }
}

/// A new socket for the session of one that was lost; nothing if the server does not want it, or
/// the room is gone. What happened meanwhile is in the new greeting's snapshot.
pub(crate) async fn resumed(server: &Server, token: &str, lost: &Client) -> Option<Client> {
    if lost.closed().and_then(|closed| closed.code).is_some_and(is_final) {
        return None;
    }
    let until = Instant::now() + RESUME_FOR;
    while Instant::now() < until {
        match server.resume(token, lost.session()).await {
            Ok(client) => {
                let in_room = client.welcome().is_some_and(|welcome| welcome.room.is_some());
                return in_room.then_some(client);
            }
            Err(Error::Refused(_)) => return None,
            Err(error) => tracing::debug!(%error, "resuming"),
        }
        sleep(RESUME_EVERY).await;
    }
    None
}

/// Leaves and closes. That the connection is gone already is as good.
pub(crate) async fn goodbye(client: Client) {
    let _ = client.request(ClientMessage::Leave).await;
    client.close().await;
}

/// Closed because of who we are or what we did: coming back would not help.
fn is_final(close_code: u16) -> bool {
    [
        ErrorCode::BadMessage,
        ErrorCode::TooLarge,
        ErrorCode::Unauthorized,
        ErrorCode::TokenExpired,
        ErrorCode::TakenOver,
        ErrorCode::Removed,
    ]
    .iter()
    .any(|code| code.close_code() == Some(close_code))
}
