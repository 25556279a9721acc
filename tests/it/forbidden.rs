//! Clients that do what they may not: each gets its stable code, and nothing changes for anybody.

mod frames;
mod order;
mod table;

use palco_protocol::{ClientMessage, ErrorCode, Reply, Snapshot};

use crate::rules::venue::{Venue, Visitor};

/// Who would notice: everything that moderators and everybody get to know.
struct Witness {
    visitor: Visitor,
    before: Snapshot,
}

impl Witness {
    async fn of(venue: &Venue, mut visitor: Visitor) -> Self {
        let before = visitor.resumes(venue).await.expect("in the room");
        assert!(before.hands.is_some(), "a moderator, who sees most");
        Self { visitor, before }
    }

    /// Nothing was told, not so much as an event's number was used, and the room is what it was.
    async fn saw_nothing(&mut self, venue: &Venue, of: &str) {
        assert_eq!(self.visitor.news().await, [], "told of {of}");
        let now = self.visitor.resumes(venue).await.expect("in the room");
        let now_ms = self.before.now_ms;
        assert_eq!(Snapshot { now_ms, ..now }, self.before, "changed by {of}");
    }
}

fn code(reply: &Reply) -> Option<ErrorCode> {
    match reply {
        Reply::Error { error } => Some(error.code),
        _ => None,
    }
}

fn chat(text: &str) -> ClientMessage {
    ClientMessage::Chat { text: text.to_owned() }
}
