//! What only a race shows: ports of the test's own, at whose question something else happens.

use std::sync::{OnceLock, atomic::AtomicBool};

use palco_protocol::{SpeakerNumber, http::Unread};

use super::*;
use crate::{Config, Happened, History, Identity, Media, PortFuture, Ports, Signaling, Social};

/// Nobody is asked for media here, nor for what people are to each other.
struct Nothing;

impl Media for Nothing {
    fn connect(
        &self,
        _: RoomId,
        _: PeerId,
        _: String,
    ) -> PortFuture<'_, Result<String, MediaRefusal>> {
        Box::pin(async { Err(MediaRefusal::Full) })
    }

    fn restart_ice(&self, _: PeerId, _: String) -> PortFuture<'_, Result<String, MediaRefusal>> {
        Box::pin(async { Err(MediaRefusal::Gone) })
    }

    fn allow_sending(&self, _: PeerId, _: SpeakerNumber) {}

    fn stop_sending(&self, _: PeerId) {}

    fn disconnect(&self, _: PeerId) {}

    fn close_room(&self, _: RoomId) {}
}

impl Social for Nothing {
    fn at_door(&self, _: RoomId, _: UserId, _: UserId) -> PortFuture<'_, Result<Door, ErrorCode>> {
        Box::pin(async { Ok(Door::default()) })
    }

    fn follows(&self, _: Vec<UserId>, _: UserId) -> PortFuture<'_, Result<bool, ErrorCode>> {
        Box::pin(async { Ok(false) })
    }

    fn unread(&self, _: UserId) -> PortFuture<'_, Result<Unread, ErrorCode>> {
        Box::pin(async { Ok(Unread { unread: 0, newest: None }) })
    }

    fn call(&self, _: UserId, _: Person, _: RoomId) {}
}

impl History for Nothing {
    fn record(&self, _: RoomId, _: palco_protocol::RoomTimeMs, _: Happened) {}
}

/// Whose token is good until the account is suspended, right after it was looked at.
struct SuspendedMeanwhile {
    signaling: OnceLock<Signaling>,
    suspended: AtomicBool,
}

impl Identity for SuspendedMeanwhile {
    fn identify<'a>(&'a self, _: &'a str) -> PortFuture<'a, Result<Identified, ErrorCode>> {
        Box::pin(async move {
            if self.suspended.swap(true, Ordering::SeqCst) {
                return Err(ErrorCode::TokenExpired);
            }
            let signaling = self.signaling.get().expect("a server");
            signaling.expel(ErrorCode::Suspended, |person, _| person.name == "Ada").await;
            let id = UserId(Uuid::nil());
            let (name, handle) = ("Ada".to_owned(), Some("ada".to_owned()));
            let person = Person { id, name, handle, headline: None, avatar: None, guest: false };
            Ok(Identified { person, grants: None, until: None })
        })
    }
}

#[tokio::test]
async fn whoever_is_suspended_between_token_and_session_is_not_let_in() {
    let identity = Arc::new(SuspendedMeanwhile {
        signaling: OnceLock::new(),
        suspended: AtomicBool::new(false),
    });
    let ports = Ports {
        media: Arc::new(Nothing),
        identity: identity.clone(),
        social: Arc::new(Nothing),
        history: Arc::new(Nothing),
    };
    let signaling = Signaling::new(Config::default(), ports);
    let _ = identity.signaling.set(signaling.clone());
    let outbox = Arc::new(Outbox::default());
    let greeted = hello(&signaling.shared, "a token", None, None, &outbox).await;
    assert_eq!(greeted.err().map(|error| error.code), Some(ErrorCode::TokenExpired));
    assert!(!signaling.is_online(UserId(Uuid::nil())), "no session is left");
}
