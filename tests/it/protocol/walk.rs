//! Does what the documents' examples say against a running server, and compares every message that comes.

use std::collections::{BTreeSet, HashMap};

use palco_client::{Client, Media, MediaOptions, ServerEvent, SrtpOffer};
use palco_protocol::ServerMessage;
use serde_json::Value;
use tokio::time::timeout;

use super::transcript::{Call, Step, What};
use crate::house::{House, SOON};

/// Come when they come: `counts` at most once a second, the media events when media is ready.
const UNTIMED: [&str; 2] = ["counts", "media_connected"];

/// Somebody in the examples.
struct Person {
    client: Client,
    media: Option<Media>,
    /// What came and was not expected yet.
    inbox: Vec<Value>,
    /// The last event of the room that was folded or in the snapshot.
    seq: u64,
}

pub(super) struct Walk {
    house: House,
    /// What the placeholders stand for.
    names: HashMap<String, Value>,
    people: HashMap<String, Person>,
    pub(super) sent: BTreeSet<String>,
    pub(super) got: BTreeSet<String>,
}

impl Walk {
    pub(super) async fn begin() -> Self {
        let (names, people) = (HashMap::new(), HashMap::new());
        let (sent, got) = (BTreeSet::new(), BTreeSet::new());
        Self { house: House::open().await, names, people, sent, got }
    }

    pub(super) async fn step(&mut self, step: &Step) {
        let at = &step.at;
        match &step.what {
            What::Http { call, status, answer } => self.call(at, call, *status, answer).await,
            What::Connects { who } => {
                let client = self.house.address.open_socket().await.expect("a socket");
                let former = self.people.remove(who);
                let media = former.and_then(|person| person.media);
                let person = Person { client, media, inbox: Vec::new(), seq: 0 };
                self.people.insert(who.clone(), person);
            }
            What::Loses { who } => {
                let person = self.people.get_mut(who).expect("somebody known");
                person.has_nothing_left(at, who);
                // Another socket in its place: dropping a client cuts its connection.
                person.client = self.house.address.open_socket().await.expect("a socket");
            }
            What::Closed { who, code } => {
                let person = self.people.get_mut(who).expect("somebody known");
                while person.take_in(at, who).await {}
                person.has_nothing_left(at, who);
                let closed = person.client.closed().expect("closed");
                assert_eq!(closed.code, Some(*code), "{at}");
            }
            What::Sends { who, message } => self.send(at, who, message).await,
            What::Gets { who, message } => {
                for one in who {
                    self.get(at, one, message).await;
                }
            }
        }
    }

    /// Nothing came that no example speaks of.
    pub(super) async fn end(mut self) {
        for (who, person) in &mut self.people {
            if person.client.closed().is_some() {
                continue;
            }
            // What was under way before the second ping has come before its answer.
            for id in [4_000_000_001_u32, 4_000_000_002] {
                let ping = format!(r#"{{"id":{id},"type":"ping"}}"#);
                person.client.send_text(&ping).await.expect("sent");
                let answered = |message: &Value| message["re"] == id;
                while !person.inbox.iter().any(answered) {
                    assert!(person.take_in("the end", who).await, "{who} is closed");
                }
                person.inbox.retain(|message| !answered(message));
            }
            person.has_nothing_left("the end", who);
        }
        drop(self.people);
        self.house.close().await;
    }

    async fn call(&mut self, at: &str, call: &Call, status: u16, answer: &Value) {
        let path = self.filled(at, &Value::from(call.path.as_str()));
        let path = path.as_str().expect("a path");
        let token = call.by.as_ref().map(|who| format!("<{}-token>", who.to_lowercase()));
        let token = token.map(|name| self.names[&name].as_str().expect("a token").to_owned());
        let body = call.body.as_ref().map(|body| self.filled(at, body).to_string().into_bytes());
        let came = self.house.address.http(&call.method, path, token.as_deref(), body).await;
        let came = came.expect("an HTTP answer");
        assert_eq!(came.status, status, "{at}");
        let expected = if status < 400 { "application/json" } else { "application/problem+json" };
        assert_eq!(came.content_type, expected, "{at}");
        let came: Value = serde_json::from_slice(&came.body).expect("JSON");
        self.compare(at, answer, &came);
    }

    async fn send(&mut self, at: &str, who: &str, message: &Value) {
        self.sent.insert(message["type"].as_str().expect("a type").to_owned());
        let media = self.house.media.ip();
        let person = self.people.get_mut(who).unwrap_or_else(|| panic!("{at}: {who} is unknown"));
        let mut message = message.clone();
        match message["offer"].as_str() {
            Some("<offer>") => {
                let options = MediaOptions { server: media, srtp: SrtpOffer::All };
                let (media, offer) = Media::offer(options).await.expect("an offer");
                person.media = Some(media);
                message["offer"] = offer.into();
            }
            Some("<restart-offer>") => {
                let media = person.media.as_ref().expect("a media connection");
                message["offer"] = media.restart_ice().await.expect("an offer").into();
            }
            _ => {}
        }
        let text = self.filled(at, &message).to_string();
        self.people[who]
            .client
            .send_text(&text)
            .await
            .unwrap_or_else(|error| panic!("{at}: {error}"));
    }

    async fn get(&mut self, at: &str, who: &str, message: &Value) {
        self.got.insert(message["type"].as_str().expect("a type").to_owned());
        loop {
            let place = self.place_of(at, who, message);
            let person = self.people.get_mut(who).expect("somebody known");
            if let Some(place) = place {
                let came = person.inbox.remove(place);
                self.compare(at, message, &came);
                if message["answer"] == "<answer>" {
                    let media = self.people[who].media.as_ref().expect("a media connection");
                    let answer = came["answer"].as_str().expect("an answer");
                    media.answer(answer).await.unwrap_or_else(|error| panic!("{at}: {error}"));
                }
                return;
            }
            let open = person.take_in(at, who).await;
            assert!(
                open,
                "{at}: {who} is closed and did not get {message}; left: {:?}",
                person.inbox
            );
        }
    }

    /// Where in the inbox the expected message is: an answer by its id, an event in the order of events.
    fn place_of(&self, at: &str, who: &str, message: &Value) -> Option<usize> {
        let inbox = &self.people.get(who).unwrap_or_else(|| panic!("{at}: {who} is unknown")).inbox;
        if let Some(re) = message.get("re") {
            return inbox.iter().position(|came| came.get("re") == Some(re));
        }
        if is_untimed(message) {
            return inbox.iter().position(|came| self.matched(message, came).is_ok());
        }
        inbox.iter().position(|came| came.get("re").is_none() && !is_untimed(came))
    }

    fn compare(&mut self, at: &str, expected: &Value, came: &Value) {
        match self.matched(expected, came) {
            Ok(names) => self.names.extend(names),
            Err(why) => panic!("{at}: {why}\nexpected {expected}\n     got {came}"),
        }
    }

    /// The placeholders that become known by taking `came` for `expected`.
    fn matched(&self, expected: &Value, came: &Value) -> Result<HashMap<String, Value>, String> {
        let mut names = HashMap::new();
        self.matches("$", expected, came, &mut names).map(|()| names)
    }

    fn matches(
        &self,
        path: &str,
        expected: &Value,
        came: &Value,
        names: &mut HashMap<String, Value>,
    ) -> Result<(), String> {
        let equal = |same: bool| if same { Ok(()) } else { Err(format!("{path} differs")) };
        match (expected, came) {
            (Value::Object(expected), Value::Object(came)) => {
                for (key, came) in came {
                    let expected = expected
                        .get(key)
                        .ok_or_else(|| format!("{path}.{key} is not described"))?;
                    self.matches(&format!("{path}.{key}"), expected, came, names)?;
                }
                let missing = expected.keys().find(|key| !came.contains_key(*key));
                missing.map_or(Ok(()), |key| Err(format!("{path}.{key} is missing")))
            }
            (Value::Array(expected), Value::Array(came)) => {
                let open = expected.last().is_some_and(|last| last == "<more>");
                let shown = expected.len() - usize::from(open);
                equal(came.len() == shown || (open && came.len() > shown))?;
                for (index, (expected, came)) in expected.iter().zip(came).take(shown).enumerate() {
                    self.matches(&format!("{path}[{index}]"), expected, came, names)?;
                }
                Ok(())
            }
            (Value::String(text), came) if text.starts_with('<') && text.ends_with('>') => {
                match (text.as_str(), self.names.get(text).or_else(|| names.get(text))) {
                    ("<any>", _) => equal(!came.is_null()),
                    ("<ms>" | "<seq>", _) => equal(came.is_u64()),
                    ("<answer>", _) => {
                        equal(came.as_str().is_some_and(|sdp| sdp.starts_with("v=0")))
                    }
                    (_, Some(known)) => equal(known == came),
                    (name, None) => {
                        equal(came.as_str().is_some_and(|value| !value.is_empty()))?;
                        names.insert(name.to_owned(), came.clone());
                        Ok(())
                    }
                }
            }
            (Value::String(text), came) => {
                let text = replaced(text, self.names.iter().chain(names.iter()));
                equal(came.as_str() == Some(&text))
            }
            _ => equal(expected == came),
        }
    }

    /// With what the placeholders stand for in their places.
    fn filled(&self, at: &str, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let text = replaced(text, &self.names);
                let unknown = text.starts_with('<') && text.ends_with('>');
                assert!(!unknown, "{at}: {text} is not known yet");
                text.into()
            }
            Value::Array(items) => items.iter().map(|item| self.filled(at, item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (key.clone(), self.filled(at, value))).collect()
            }
            other => other.clone(),
        }
    }
}

impl Person {
    /// Waits for a message; false when the connection is closed. Checks the room's sequence.
    async fn take_in(&mut self, at: &str, who: &str) -> bool {
        let event = timeout(SOON, self.client.next_event()).await;
        let event = event
            .unwrap_or_else(|_| panic!("{at}: nothing came for {who}; left: {:?}", self.inbox));
        let Some(event) = event else { return false };
        let message = serde_json::to_value(match event {
            ServerEvent::Room(event) => ServerMessage::Event(event),
            ServerEvent::Direct(event) => ServerMessage::Direct(event),
            ServerEvent::Unasked { re, reply } => ServerMessage::Reply { re, reply },
        });
        let message = message.expect("messages serialise");
        let snapshot = message.get("snapshot").or_else(|| message.pointer("/room/snapshot"));
        if let Some(snapshot) = snapshot {
            self.seq = snapshot["seq"].as_u64().expect("a number");
        } else if let Some(seq) = message.get("seq").and_then(Value::as_u64) {
            if seq <= self.seq {
                // In the snapshot already: the document says to ignore it.
                return true;
            }
            assert_eq!(seq, self.seq + 1, "{at}: {who}'s events have a gap");
            self.seq = seq;
        }
        self.inbox.push(message);
        true
    }

    fn has_nothing_left(&self, at: &str, who: &str) {
        let left: Vec<_> = self.inbox.iter().filter(|message| !is_untimed(message)).collect();
        assert!(left.is_empty(), "{at}: {who} got what no example speaks of: {left:?}");
    }
}

fn replaced<'a>(text: &str, names: impl IntoIterator<Item = (&'a String, &'a Value)>) -> String {
    names.into_iter().fold(text.to_owned(), |text, (name, known)| {
        text.replace(name.as_str(), known.as_str().expect("placeholders stand for texts"))
    })
}

fn is_untimed(message: &Value) -> bool {
    message["type"].as_str().is_some_and(|kind| UNTIMED.contains(&kind))
}
