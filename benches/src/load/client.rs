//! One client's signalling: from the TCP connection to being in the room. Bytes in, bytes and wishes out; no socket.

use std::time::Duration;

use palco_protocol::{
    ClientMessage, Reply, Request, RequestId, Resume, RoomId, ServerMessage, UserId,
};

use super::websocket;

/// How far a client has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Signal {
    Offline,
    Connecting,
    Upgrading,
    Greeting,
    Joining,
    /// In the room.
    In,
}

/// When a client reached what, since the run began.
#[derive(Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) started: Duration,
    pub(super) signalled: Option<Duration>,
    pub(super) connected: Option<Duration>,
}

/// One client's signalling state.
pub(super) struct Client {
    pub(super) user: UserId,
    token: String,
    /// The secret that resumes the session.
    session: Option<String>,
    pub(super) signal: Signal,
    pub(super) times: Times,
    /// A frame that has not come whole.
    partial: Vec<u8>,
    last_request: u32,
    /// Keeps messages for `World::request`: speakers' are followed, listeners' only counted.
    pub(super) followed: bool,
    pub(super) messages: Vec<ServerMessage>,
}

/// What the world is to do for a client.
pub(super) enum Wish {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Connect media by this answer.
    Media(String),
    /// The session goes on after a reconnection.
    Resumed,
    /// A stage event came.
    StageEvent,
}

/// How a client enters.
pub(super) struct Entrance<'a> {
    pub(super) room: RoomId,
    /// Makes the offer when it is needed.
    pub(super) offer: &'a dyn Fn() -> String,
}

impl Client {
    pub(super) fn new(user: UserId, token: String, followed: bool) -> Self {
        Self {
            user,
            token,
            session: None,
            signal: Signal::Offline,
            times: Times::default(),
            partial: Vec::new(),
            last_request: 0,
            followed,
            messages: Vec::new(),
        }
    }

    /// The socket stands: the first bytes on it.
    pub(super) fn opened(&mut self, authority: &str) -> Vec<u8> {
        self.signal = Signal::Upgrading;
        websocket::upgrade(authority, palco_protocol::SUBPROTOCOL)
    }

    /// The socket is gone; the session may be resumed.
    pub(super) fn closed(&mut self) {
        self.signal = Signal::Offline;
        self.partial = Vec::new();
    }

    /// A request as a frame, and the id its answer will name.
    pub(super) fn request(&mut self, message: ClientMessage) -> (RequestId, Vec<u8>) {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        let mut frame = Vec::new();
        let text =
            serde_json::to_string(&Request { id, message }).expect("invariant: requests serialise");
        websocket::write_text(&text, &mut frame);
        (id, frame)
    }

    /// Takes what came on the socket.
    pub(super) fn received(
        &mut self,
        now: Duration,
        bytes: &[u8],
        entrance: &Entrance<'_>,
        wishes: &mut Vec<Wish>,
    ) -> Result<(), String> {
        if self.partial.is_empty() {
            let used = self.read(now, bytes, entrance, wishes)?;
            self.partial.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(bytes);
        let used = self.read(now, &whole, entrance, wishes)?;
        // A fresh allocation of what is left: ten thousand clients keep no large buffers.
        self.partial = whole[used..].to_vec();
        Ok(())
    }

    /// Reads whole pieces; gives how many bytes they were.
    fn read(
        &mut self,
        now: Duration,
        bytes: &[u8],
        entrance: &Entrance<'_>,
        wishes: &mut Vec<Wish>,
    ) -> Result<usize, String> {
        let mut used = 0;
        if self.signal == Signal::Upgrading {
            let Some(len) = websocket::upgraded(bytes)? else { return Ok(0) };
            used = len;
            self.signal = Signal::Greeting;
            let resume = self.session.clone().map(|session| Resume { session });
            let hello = ClientMessage::Hello { token: Some(self.token.clone()), resume };
            wishes.push(Wish::Send(self.request(hello).1));
        }
        while let Some((opcode, payload)) = websocket::frame(&bytes[used..])? {
            let end = used + payload.end;
            let payload = &bytes[used + payload.start..end];
            match opcode {
                websocket::TEXT => self.text(now, payload, entrance, wishes)?,
                websocket::PING => {
                    let mut pong = Vec::new();
                    websocket::write_pong(payload, &mut pong);
                    wishes.push(Wish::Send(pong));
                }
                websocket::CLOSE => {
                    let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default());
                    return Err(format!("closed by the server: {reason}"));
                }
                _ => {}
            }
            used = end;
        }
        Ok(used)
    }

    fn text(
        &mut self,
        now: Duration,
        text: &[u8],
        entrance: &Entrance<'_>,
        wishes: &mut Vec<Wish>,
    ) -> Result<(), String> {
        let is_stage_event = || text.windows(STAGE_EVENT.len()).any(|window| window == STAGE_EVENT);
        if self.signal == Signal::In && !self.followed {
            // The audience's messages are not parsed: ten thousand of them come at once.
            if is_stage_event() {
                wishes.push(Wish::StageEvent);
            }
            return Ok(());
        }
        let message: ServerMessage =
            serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match message {
            ServerMessage::Reply { reply: Reply::Error { error }, .. }
                if self.signal != Signal::In =>
            {
                return Err(format!("{:?} refused: {}", self.signal, error.code.as_str()));
            }
            ServerMessage::Reply { reply: Reply::Welcome(welcome), .. } => {
                self.session = Some(welcome.session);
                if welcome.room.is_some() {
                    self.signal = Signal::In;
                    wishes.push(Wish::Resumed);
                } else {
                    self.signal = Signal::Joining;
                    let offer = (entrance.offer)();
                    let join = ClientMessage::Join { room: entrance.room, offer, link: None };
                    wishes.push(Wish::Send(self.request(join).1));
                }
            }
            ServerMessage::Reply { reply: Reply::Joined(joined), .. } => {
                self.signal = Signal::In;
                self.times.signalled = Some(now);
                wishes.push(Wish::Media(joined.answer));
            }
            message if self.followed => self.messages.push(message),
            _ => {}
        }
        Ok(())
    }
}

/// As the server writes it (`RoomEvent::StageUpdated`).
const STAGE_EVENT: &[u8] = br#""type":"stage_updated""#;

#[cfg(test)]
mod tests {
    use super::*;
    use palco_protocol::{Event, Person, Role, RoomEvent, SpeakerNumber, StageMember, Welcome};
    use uuid::Uuid;

    fn server_frame(message: &ServerMessage) -> Vec<u8> {
        let text = serde_json::to_vec(message).unwrap();
        let mut frame = vec![0x81, 126];
        frame.extend_from_slice(&(text.len() as u16).to_be_bytes());
        frame.extend_from_slice(&text);
        frame
    }

    fn person() -> Person {
        serde_json::from_str(r#"{"id":"00000000-0000-0000-0000-000000000000","name":"a"}"#).unwrap()
    }

    fn stage_event() -> ServerMessage {
        let member = StageMember {
            person: person(),
            number: SpeakerNumber(1),
            role: Role::Host,
            muted: false,
            muted_by_moderator: false,
            present: true,
            since_ms: 0,
        };
        ServerMessage::Event(Event { seq: 1, event: RoomEvent::StageUpdated { member } })
    }

    #[test]
    fn it_enters_byte_by_byte_and_sees_stage_events() {
        let mut client = Client::new(UserId(Uuid::nil()), "token".to_owned(), false);
        let entrance = Entrance { room: RoomId(Uuid::nil()), offer: &|| "the offer".to_owned() };
        assert!(client.opened("x").starts_with(b"GET /ws"));
        let welcome = Welcome {
            session: "s".to_owned(),
            person: person(),
            reconnect_grace_ms: 1,
            notices: None,
            room: None,
        };
        let welcome =
            ServerMessage::Reply { re: RequestId(1), reply: Reply::Welcome(Box::new(welcome)) };
        let upgraded =
            b"HTTP/1.1 101 S\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
                .to_vec();
        let mut wishes = Vec::new();
        for byte in [upgraded, server_frame(&welcome)].concat() {
            client.received(Duration::ZERO, &[byte], &entrance, &mut wishes).unwrap();
        }
        // hello, then join.
        assert!(matches!(wishes[..], [Wish::Send(_), Wish::Send(_)]));
        assert_eq!((client.signal, client.partial.len()), (Signal::Joining, 0));

        client.signal = Signal::In;
        wishes.clear();
        let two = [server_frame(&stage_event()), server_frame(&stage_event())].concat();
        client.received(Duration::ZERO, &two, &entrance, &mut wishes).unwrap();
        assert!(matches!(wishes[..], [Wish::StageEvent, Wish::StageEvent]));
    }

    #[test]
    fn a_refusal_says_what_was_refused() {
        let mut client = Client::new(UserId(Uuid::nil()), "token".to_owned(), false);
        client.signal = Signal::Joining;
        let entrance = Entrance { room: RoomId(Uuid::nil()), offer: &String::new };
        let error = palco_protocol::ErrorCode::RoomNotFound.into();
        let refusal = ServerMessage::Reply { re: RequestId(2), reply: Reply::Error { error } };
        let result =
            client.received(Duration::ZERO, &server_frame(&refusal), &entrance, &mut Vec::new());
        assert_eq!(result, Err("Joining refused: room_not_found".to_owned()));
    }
}
