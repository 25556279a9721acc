//! Company for a browser that is measured: a large audience that enters a room, writes, reacts, raises hands, comes and
//! goes. Signalling only; nobody in it is measured.

use std::error::Error;
use std::net::SocketAddrV4;
use std::time::Duration;

use palco_protocol::http::{CreateGuest, Guest};
use palco_protocol::{ClientMessage, Reaction, RoomId};

use super::client::Client;
use super::http::Http;
use super::world::World;

/// Joins under way at a time.
const CONCURRENCY: usize = 32;
/// How long the crowd sits between two looks at its clock.
const STEP: Duration = Duration::from_millis(10);
/// Coprime to any crowd of 10^n: those who act are spread over it, and nobody acts too often for the server's limits.
const STRIDE: usize = 7919;
const REACTIONS: [Reaction; 4] = [Reaction::Clap, Reaction::Heart, Reaction::Laugh, Reaction::Fire];
const LINES: [&str; 4] = [
    "Good morning from Trieste",
    "Could you say that again, a little slower? The part about the second law was over my head",
    "👏👏",
    "I have wondered about this for years, and nobody ever put it so well",
];

/// What a crowd does in a second.
#[derive(Clone, Copy)]
pub struct Bustle {
    /// Lines of chat.
    pub lines: f64,
    /// Reactions; the server sums them.
    pub reactions: f64,
    /// Hands raised, each lowered by the next.
    pub hands: f64,
    /// Listeners who leave, each followed by one who comes back.
    pub leaves: f64,
}

/// An audience, all in one thread.
pub struct Crowd {
    world: World,
    room: RoomId,
    /// Whose turn it is to do something.
    next: usize,
}

impl Crowd {
    /// Guests for everybody, and all of them in the room.
    ///
    /// # Errors
    /// If the server refuses one.
    pub fn gather(
        server: SocketAddrV4,
        room: RoomId,
        count: usize,
    ) -> Result<Self, Box<dyn Error>> {
        crate::sys::raise_open_files()?;
        let mut http = Http::connect(server)?;
        let clients = (0..count).map(|number| {
            let name = format!("Listener {number}");
            let guest: Guest = http.post("/api/v1/guests", None, &CreateGuest { name })?;
            Ok(Client::new(guest.person.id, guest.token, false))
        });
        let clients = clients.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
        let mut world = World::new(server, room, clients, 1, false)?;
        super::join_all(&mut world, 0, CONCURRENCY)?;
        if world.failed > 0 {
            return Err(format!("not everybody got in: {:?}", world.failures).into());
        }
        Ok(Self { world, room, next: 0 })
    }

    /// Goes on until `over`. Gives how many sockets were lost meanwhile.
    ///
    /// # Errors
    /// If a system call fails.
    pub fn bustle(
        &mut self,
        bustle: Bustle,
        mut over: impl FnMut() -> bool,
    ) -> Result<usize, Box<dyn Error>> {
        let began = self.world.now();
        let mut done = [0_u64; 4];
        let rates = [bustle.lines, bustle.reactions, bustle.hands, bustle.leaves];
        let mut hand = None;
        let mut away = None;
        while !over() {
            let seconds = (self.world.now() - began).as_secs_f64();
            for (what, rate) in rates.into_iter().enumerate() {
                while (done[what] as f64) < seconds * rate {
                    let turn = done[what] as usize;
                    done[what] += 1;
                    match what {
                        0 => {
                            let text = LINES[turn % LINES.len()].to_owned();
                            self.one_says(ClientMessage::Chat { text });
                        }
                        1 => {
                            let reaction = REACTIONS[turn % REACTIONS.len()];
                            self.one_says(ClientMessage::React { reaction });
                        }
                        2 => {
                            let raised = self.one_says(ClientMessage::RaiseHand);
                            if let Some(lowers) = hand.replace(raised) {
                                self.say(lowers, ClientMessage::LowerHand);
                            }
                        }
                        _ => {
                            let left = self.one_says(ClientMessage::Leave);
                            if let Some(back) = away.replace(left) {
                                let offer = self.world.media.offer(back);
                                let room = self.room;
                                self.say(back, ClientMessage::Join { room, offer, link: None });
                            }
                        }
                    }
                }
            }
            self.world.turn(STEP)?;
        }
        Ok(self.world.failed)
    }

    /// Whoever's turn it is.
    fn one_says(&mut self, message: ClientMessage) -> usize {
        let client = self.next;
        self.next = (self.next + STRIDE) % self.world.clients.len();
        self.say(client, message);
        client
    }

    fn say(&mut self, client: usize, message: ClientMessage) {
        let (_, frame) = self.world.clients[client].request(message);
        self.world.send(client, &frame);
    }
}
