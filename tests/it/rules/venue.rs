//! A house whose people have no media, and for each of them everything they were told.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use palco::config::Rooms;
use palco_client::{Client, Media, MediaOptions, ServerEvent, SrtpOffer};
use palco_protocol::{
    ClientMessage, Counts, DirectEvent, ErrorBody, ErrorCode, Person, Reply, RequestId, RoomEvent,
    RoomId, Snapshot, UserId,
};
use palco_room::Settings;
use tokio::time::timeout;

use crate::house::{House, SOON};

/// Something a person was told besides answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    /// With everybody in the room.
    All(RoomEvent),
    /// Alone, or with the other moderators.
    Me(DirectEvent),
}

pub(crate) struct Venue {
    pub(crate) house: House,
    /// One offer serves everybody: nobody connects. It is good as long as its owner lives.
    offer: Arc<str>,
    _media: Media,
}

impl Venue {
    pub(crate) async fn open() -> Self {
        Self::open_with(Rooms::default()).await
    }

    pub(crate) async fn open_with(rooms: Rooms) -> Self {
        Self::around(House::open_with(rooms).await).await
    }

    pub(crate) async fn around(house: House) -> Self {
        let options = MediaOptions { server: house.media.ip(), srtp: SrtpOffer::All };
        let (media, offer) = Media::offer(options).await.expect("an offer");
        Self { house, offer: offer.into(), _media: media }
    }

    /// Somebody with a socket, in no room.
    pub(crate) async fn visitor(&self, name: &str) -> Visitor {
        let (token, client) = self.house.guest(name).await;
        self.device(token, client)
    }

    /// The same person on another device, in no room.
    pub(crate) async fn second_device(&self, of: &Visitor) -> Visitor {
        let client = self.house.address.connect(&of.token).await.expect("hello");
        self.device(of.token.clone(), client)
    }

    pub(crate) fn device(&self, token: String, client: Client) -> Visitor {
        let welcome = client.welcome().expect("welcomed");
        Visitor {
            token,
            session: welcome.session.clone(),
            person: welcome.person.clone(),
            counts: Vec::new(),
            offer: Arc::clone(&self.offer),
            client: Some(client),
            room: None,
            seq: 0,
            marks: 0,
            unread: VecDeque::new(),
        }
    }

    /// Somebody who opened a room that anybody may enter, and is in it.
    pub(crate) async fn host(&self) -> Visitor {
        let mut host = self.visitor("Host").await;
        let room = self.house.address.create_room(&host.token, "A room").await.expect("a room").id;
        host.enter(room, None).await.expect("one's own room");
        host
    }

    /// Somebody with a room of another kind, and in it.
    pub(crate) async fn host_of(&self, change: impl FnOnce(&mut Settings)) -> Visitor {
        let mut host = self.visitor("Host").await;
        let room = RoomId(uuid::Uuid::now_v7());
        let mut settings = Settings::new(room, "A room", host.id());
        change(&mut settings);
        self.house.open_room(settings);
        host.enter(room, None).await.expect("one's own room");
        host
    }

    /// Somebody who came into a room by the open door.
    pub(crate) async fn listener(&self, name: &str, room: RoomId) -> Visitor {
        let mut visitor = self.visitor(name).await;
        visitor.enter(room, None).await.expect("an open door");
        visitor
    }

    pub(crate) async fn speaker(&self, name: &str, host: &Visitor) -> Visitor {
        let visitor = self.listener(name, host.room()).await;
        host.does(ClientMessage::Invite { user: visitor.id() }).await;
        visitor.does(ClientMessage::AcceptInvite).await;
        visitor
    }

    pub(crate) async fn moderator(&self, name: &str, host: &Visitor) -> Visitor {
        let visitor = self.speaker(name, host).await;
        host.does(ClientMessage::MakeModerator { user: visitor.id() }).await;
        visitor
    }

    pub(crate) async fn close(self) {
        self.house.close().await;
    }
}

/// Somebody with a session.
pub(crate) struct Visitor {
    pub(crate) token: String,
    pub(crate) session: String,
    pub(crate) person: Person,
    /// All the counts they were told; `news` leaves them out, for they come by the clock.
    pub(crate) counts: Vec<Counts>,
    offer: Arc<str>,
    /// None while the socket is lost.
    client: Option<Client>,
    room: Option<RoomId>,
    /// The last event of the room that they know of.
    seq: u64,
    marks: u32,
    unread: VecDeque<Told>,
}

impl Visitor {
    pub(crate) fn id(&self) -> UserId {
        self.person.id
    }

    pub(crate) fn room(&self) -> RoomId {
        self.room.expect("in a room")
    }

    pub(crate) fn client(&self) -> &Client {
        self.client.as_ref().expect("connected")
    }

    pub(crate) async fn request(&self, message: ClientMessage) -> Result<Reply, ErrorBody> {
        self.client().request(message).await.map_err(|error| match error {
            palco_client::Error::Refused(body) => body,
            other => panic!("{}: {other}", self.person.name),
        })
    }

    pub(crate) async fn ask(&self, message: ClientMessage) -> Result<(), ErrorCode> {
        match self.request(message).await {
            Ok(Reply::Ok) => Ok(()),
            Ok(reply) => panic!("not an ok: {reply:?}"),
            Err(error) => Err(error.code),
        }
    }

    pub(crate) async fn does(&self, message: ClientMessage) {
        let answer = self.ask(message.clone()).await;
        assert_eq!(answer, Ok(()), "{} asks {message:?}", self.person.name);
    }

    pub(crate) async fn enter(
        &mut self,
        room: RoomId,
        link: Option<&str>,
    ) -> Result<Snapshot, ErrorCode> {
        // What was told of a room before is not to be taken for news of this one.
        self.news().await;
        let link = link.map(str::to_owned);
        let join = ClientMessage::Join { room, offer: self.offer.to_string(), link };
        match self.request(join).await {
            Ok(Reply::Joined(joined)) => Ok(self.knows(room, joined.snapshot)),
            Ok(reply) => panic!("not joined: {reply:?}"),
            Err(error) => Err(error.code),
        }
    }

    fn knows(&mut self, room: RoomId, snapshot: Snapshot) -> Snapshot {
        self.room = Some(room);
        self.seq = snapshot.seq;
        self.unread.clear();
        snapshot
    }

    /// The network fails them.
    pub(crate) fn loses_socket(&mut self) {
        self.client = None;
    }

    /// Continues the session on a new socket; the room as it is now, if they are still in one.
    pub(crate) async fn resumes(&mut self, venue: &Venue) -> Option<Snapshot> {
        let client = venue.house.address.resume(&self.token, &self.session).await.expect("hello");
        let welcome = client.welcome().expect("welcomed").clone();
        self.session = welcome.session;
        self.client = Some(client);
        let resumed = welcome.room?;
        Some(self.knows(resumed.room, resumed.snapshot))
    }

    /// Sends a text as it is, and returns the answer to this id.
    pub(crate) async fn sends(&mut self, text: &str, id: u32) -> Reply {
        self.client().send_text(text).await.expect("sent");
        loop {
            match self.next_event().await {
                ServerEvent::Unasked { re, reply } if re == RequestId(id) => return reply,
                event => self.read(event),
            }
        }
    }

    /// What they were told since they were last asked. Whatever was done before is in it: what happened
    /// before a request is told before its answer.
    pub(crate) async fn news(&mut self) -> Vec<Told> {
        self.marks += 1;
        // Far from the ids that the client counts up.
        let mark = RequestId(u32::MAX - self.marks);
        // Refused by the rate limit it marks the place as well.
        let ping = format!(r#"{{"id":{},"type":"ping"}}"#, mark.0);
        self.client().send_text(&ping).await.expect("sent");
        loop {
            match self.next_event().await {
                ServerEvent::Unasked { re, .. } if re == mark => {
                    return self.unread.drain(..).collect();
                }
                event => self.read(event),
            }
        }
    }

    /// The one thing they were told since they were last asked.
    pub(crate) async fn one_news(&mut self) -> Told {
        let mut news = self.news().await;
        assert_eq!(news.len(), 1, "{} was told {news:?}", self.person.name);
        news.remove(0)
    }

    /// Waits for what only time brings.
    pub(crate) async fn next_news(&mut self) -> Told {
        loop {
            if let Some(told) = self.unread.pop_front() {
                return told;
            }
            let event = self.next_event().await;
            self.read(event);
        }
    }

    /// Waits until they are told this, and returns all that came until then, this included.
    pub(crate) async fn news_until(&mut self, last: impl Fn(&Told) -> bool) -> Vec<Told> {
        let mut news = Vec::new();
        while news.last().is_none_or(|told| !last(told)) {
            news.push(self.next_news().await);
        }
        news
    }

    /// Waits until the counts are these.
    pub(crate) async fn sees_counts(&mut self, listeners: u32, hands: u32) {
        let counts = Counts { listeners, hands };
        while self.counts.last() != Some(&counts) {
            let event = self.next_event().await;
            self.read(event);
        }
    }

    /// Waits until the server closes the socket, and says with which code.
    pub(crate) async fn is_closed(&mut self) -> Option<u16> {
        let client = self.client.as_mut().expect("connected");
        client.wait_closed(SOON).await.expect("closed").code
    }

    async fn next_event(&mut self) -> ServerEvent {
        let client = self.client.as_mut().expect("connected");
        match timeout(SOON, client.next_event()).await {
            Ok(Some(event)) => event,
            Ok(None) => panic!("{} was closed: {:?}", self.person.name, client.closed()),
            Err(_) => panic!("{} waits in vain; unread: {:?}", self.person.name, self.unread),
        }
    }

    fn read(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::Room(event) if event.seq <= self.seq => {}
            ServerEvent::Room(event) => {
                assert_eq!(event.seq, self.seq + 1, "{} misses an event", self.person.name);
                self.seq = event.seq;
                match event.event {
                    RoomEvent::Counts { counts } => self.counts.push(counts),
                    event => self.unread.push_back(Told::All(event)),
                }
            }
            ServerEvent::Direct(event) => self.unread.push_back(Told::Me(event)),
            ServerEvent::Unasked { re, reply } => panic!("not asked: {re:?} {reply:?}"),
        }
    }
}

/// Everybody is told the same, in the same order, and nothing else.
pub(crate) async fn all_are_told<const N: usize>(people: [&mut Visitor; N], expected: &[Told]) {
    for person in people {
        assert_eq!(person.news().await, expected, "{}", person.person.name);
    }
}

/// Long enough for something of so many milliseconds at the server to be over.
pub(crate) async fn pass(ms: u64) {
    // The room counts whole milliseconds.
    tokio::time::sleep(Duration::from_millis(ms + 2)).await;
}
