//! A server of its own for each test, and people in it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use palco::config::Rooms;
use palco_client::{Client, Media, Server as Address, ServerEvent};
use palco_protocol::{
    ClientMessage, DirectEvent, ErrorCode, Person, Reply, RoomEvent, RoomId, Snapshot,
    SpeakerNumber, UserId,
};

use palco_sfu::stats::DropCause;

/// Long enough for a loaded machine; only a failing test waits for it.
pub(crate) const SOON: Duration = Duration::from_secs(15);
/// How much silence proves silence: ten packets' time.
pub(crate) const QUIET: Duration = Duration::from_millis(200);

/// A running server with a data directory of its own.
pub(crate) struct House {
    server: palco::Server,
    data: PathBuf,
    pub(crate) address: Address,
    /// Where audio goes.
    pub(crate) media: SocketAddr,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::open_with(Rooms::default()).await
    }

    /// With other limits and timers than the usual.
    pub(crate) async fn open_with(rooms: Rooms) -> Self {
        Self::open_as(palco::Config { rooms, ..palco::Config::default() }).await
    }

    /// On this PostgreSQL database.
    pub(crate) async fn open_on(database: &str) -> Self {
        let database_url = Some(database.to_owned());
        Self::open_as(palco::Config { database_url, ..palco::Config::default() }).await
    }

    /// As configured, but on ports and in a data directory of its own.
    pub(crate) async fn open_as(config: palco::Config) -> Self {
        let data = std::env::temp_dir().join(format!("palco-it-{}", uuid::Uuid::new_v4()));
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = palco::Server::start(palco::Config {
            listen: loopback,
            udp: loopback,
            data: data.clone(),
            ..config
        })
        .await
        .expect("the server starts");
        let address = format!("http://{}", server.address()).parse().expect("an address");
        let media = server.media().addresses()[0];
        Self { server, data, address, media }
    }

    /// What the media plane dropped for this cause so far.
    pub(crate) async fn dropped(&self, cause: DropCause) -> u64 {
        self.server.media().stats().await.dropped(cause)
    }

    pub(crate) fn data(&self) -> &std::path::Path {
        &self.data
    }

    /// Where HTTP is spoken.
    pub(crate) fn http(&self) -> SocketAddr {
        self.server.address()
    }

    /// For what only its own program could ask of it.
    pub(crate) fn server(&self) -> &palco::Server {
        &self.server
    }

    pub(crate) fn load(&self) -> (usize, usize) {
        self.server.load()
    }

    /// A room that the API does not open: of another kind, with a filter.
    pub(crate) fn open_room(&self, settings: palco_room::Settings) {
        self.server.open_room(settings).expect("a room");
    }

    /// Somebody with a token and an open socket, not in a room yet.
    pub(crate) async fn guest(&self, name: &str) -> (String, Client) {
        let guest = self.address.guest(name).await.expect("a guest's token");
        let client = self.address.connect(&guest.token).await.expect("hello");
        (guest.token, client)
    }

    /// Somebody who opened a room and is in it as host.
    pub(crate) async fn host(&self, name: &str) -> Guest {
        let (token, client) = self.guest(name).await;
        let room = self.address.create_room(&token, "A room").await.expect("a room").id;
        Guest::enter(token, client, room).await
    }

    /// Somebody who came into the room by its link.
    pub(crate) async fn listener(&self, name: &str, room: RoomId) -> Guest {
        let (token, client) = self.guest(name).await;
        Guest::enter(token, client, room).await
    }

    pub(crate) async fn close(self) {
        self.server.stop().await;
        std::fs::remove_dir_all(&self.data).expect("the data directory is ours");
    }
}

/// Somebody in a room.
pub(crate) struct Guest {
    pub(crate) token: String,
    pub(crate) client: Client,
    pub(crate) media: Media,
    pub(crate) snapshot: Snapshot,
}

impl Guest {
    pub(crate) async fn enter(token: String, client: Client, room: RoomId) -> Self {
        let session = client.join(room, None).await.expect("joined");
        session.media.connected(SOON).await.expect("media connects");
        Self { token, client, media: session.media, snapshot: session.snapshot }
    }

    pub(crate) fn person(&self) -> &Person {
        &self.snapshot.you.person
    }

    pub(crate) fn id(&self) -> UserId {
        self.person().id
    }

    pub(crate) fn room(&self) -> RoomId {
        self.snapshot.room.id
    }

    pub(crate) async fn ask(&self, message: ClientMessage) -> Result<(), ErrorCode> {
        match self.client.request(message).await {
            Ok(Reply::Ok) => Ok(()),
            Ok(reply) => panic!("not an ok: {reply:?}"),
            Err(error) => Err(error.code().unwrap_or_else(|| panic!("no refusal: {error}"))),
        }
    }

    pub(crate) async fn room_event<T>(
        &mut self,
        what: &'static str,
        mut pick: impl FnMut(RoomEvent) -> Option<T>,
    ) -> T {
        let picked = self.client.wait_for(what, SOON, |event| match event {
            ServerEvent::Room(event) => pick(event.event),
            _ => None,
        });
        picked.await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    pub(crate) async fn direct_event<T>(
        &mut self,
        what: &'static str,
        mut pick: impl FnMut(DirectEvent) -> Option<T>,
    ) -> T {
        let picked = self.client.wait_for(what, SOON, |event| match event {
            ServerEvent::Direct(event) => pick(event),
            _ => None,
        });
        picked.await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Waits until this person is on stage, and says under which number.
    pub(crate) async fn sees_on_stage(&mut self, user: UserId) -> SpeakerNumber {
        self.room_event("on stage", |event| match event {
            RoomEvent::StageUpdated { member } if member.person.id == user => Some(member.number),
            _ => None,
        })
        .await
    }

    /// The way from the audience to the stage: hand, invitation, acceptance.
    pub(crate) async fn brought_on_stage_by(&mut self, host: &mut Self) -> SpeakerNumber {
        self.ask(ClientMessage::RaiseHand).await.expect("a raised hand");
        let me = self.id();
        let raised = |event| match event {
            DirectEvent::HandRaised { hand } => (hand.person.id == me).then_some(()),
            _ => None,
        };
        host.direct_event("the hand", raised).await;
        host.ask(ClientMessage::Invite { user: me }).await.expect("an invitation");
        let invited = |event| match event {
            DirectEvent::YourInvitation { invitation } => invitation,
            _ => None,
        };
        assert_eq!(self.direct_event("the invitation", invited).await.by, host.id());
        self.ask(ClientMessage::AcceptInvite).await.expect("accepted");
        self.sees_on_stage(me).await
    }

    pub(crate) async fn hears(&self, number: SpeakerNumber, hz: f64) {
        let heard = self.media.wait_for_tone(number, hz, SOON).await;
        heard.unwrap_or_else(|error| {
            panic!("{} does not hear {hz} Hz of {number:?}: {error}", self.person().name)
        });
    }

    /// Nothing more of this speaker comes: what is under way is let pass, then all is quiet.
    pub(crate) async fn hears_no_more(&self, number: SpeakerNumber) {
        let quiet = async {
            loop {
                let before = self.media.packets_from(number);
                tokio::time::sleep(QUIET).await;
                if self.media.packets_from(number) == before {
                    return;
                }
            }
        };
        let stopped = tokio::time::timeout(SOON, quiet).await;
        stopped.unwrap_or_else(|_| panic!("{} still hears {number:?}", self.person().name));
    }
}

/// The host's own number on the stage.
pub(crate) fn number_of(snapshot: &Snapshot, user: UserId) -> SpeakerNumber {
    let member = snapshot.stage.iter().find(|member| member.person.id == user);
    member.expect("on stage").number
}
