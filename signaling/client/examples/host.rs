//! Opens a room, plays a tone in it and invites every hand, for trying `palco listen`,
//! `palco speak` and `palco probe` by hand:
//!
//! ```text
//! cargo run --release -p palco-client --example host -- http://127.0.0.1:8080 440
//! ```

#![expect(clippy::print_stdout, reason = "the link is the output")]

use std::{env, error::Error, time::Duration};

use palco_client::{Server, ServerEvent};
use palco_protocol::{ClientMessage, DirectEvent, RoomEvent};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let server: Server = arguments.next().ok_or("which server?")?.parse()?;
    let hz: f64 = arguments.next().map_or(Ok(440.0), |hz| hz.parse())?;

    let guest = server.guest("Host").await?;
    let room = server.create_room(&guest.token, "A tone").await?;
    let mut client = server.connect(&guest.token).await?;
    let session = Box::pin(client.join(room.id, None)).await?;
    session.media.connected(Duration::from_secs(10)).await?;
    client.request(ClientMessage::Unmute).await?;
    session.media.play_tone(hz)?;
    println!("{server}{}", room.path);

    while let Some(event) = client.next_event().await {
        match event {
            ServerEvent::Direct(DirectEvent::HandRaised { hand }) => {
                client.request(ClientMessage::Invite { user: hand.person.id }).await?;
            }
            ServerEvent::Room(event) => match event.event {
                RoomEvent::RoomEnded { reason } => {
                    println!("ended: {reason:?}");
                    break;
                }
                RoomEvent::StageUpdated { member } => {
                    println!("{} is number {}", member.person.name, member.number.0);
                }
                _ => {}
            },
            ServerEvent::Direct(_) | ServerEvent::Unasked { .. } => {}
        }
    }
    Ok(())
}
