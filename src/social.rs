//! Signalling's view of the follow graph: the store behind its port.

use palco_protocol::{ErrorCode, Person, RoomId, UserId, http::Unread};
use palco_signaling::{Door, PortFuture, Social};

use crate::{
    notify::Notifier,
    store::{Cause, Store},
};

/// The store behind signalling's port.
pub(crate) struct Graph {
    pub(crate) store: Store,
    pub(crate) notices: Notifier,
}

impl Social for Graph {
    fn at_door(
        &self,
        room: RoomId,
        owner: UserId,
        person: UserId,
    ) -> PortFuture<'_, Result<Door, ErrorCode>> {
        Box::pin(async move { Ok(self.store.door(room, owner, person).await?) })
    }

    fn follows(
        &self,
        followers: Vec<UserId>,
        followed: UserId,
    ) -> PortFuture<'_, Result<bool, ErrorCode>> {
        Box::pin(async move { Ok(self.store.follows_any(&followers, followed).await?) })
    }

    fn unread(&self, user: UserId) -> PortFuture<'_, Result<Unread, ErrorCode>> {
        Box::pin(async move { Ok(self.notices.waiting(user).await?) })
    }

    fn call(&self, user: UserId, by: Person, room: RoomId) {
        let store = self.store.clone();
        tokio::spawn(async move {
            let cause = Cause::Pinged { user, by: by.id, room };
            if let Err(error) = store.announce(&cause).await {
                tracing::warn!(%error, "a call into a room was lost");
            }
        });
    }
}
