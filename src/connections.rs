//! How many connections an address holds: of one who opens them without end, others must not feel anything.
//!
//! Counted from when TCP is accepted, before TLS, until it is closed, a WebSocket's as well. Trusted proxies hold as
//! many as they want; of what comes through them each client's WebSockets are counted.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::api::{Origin, address::Proxies};

/// Everybody's. Clones share it.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Shared>);

struct Shared {
    /// Who holds any. Locked for a look-up at a time.
    held: Mutex<HashMap<Origin, u32>>,
    most: u32,
    proxies: Arc<Proxies>,
    refused: AtomicU64,
}

/// One connection of an address, until it is dropped.
pub(crate) struct Place {
    of: Origin,
    shared: Arc<Shared>,
}

/// The address holds as many as it may.
pub(crate) struct Full;

impl Connections {
    pub(crate) fn new(most: u32, proxies: Arc<Proxies>) -> Self {
        Self(Arc::new(Shared { held: Mutex::default(), most, proxies, refused: AtomicU64::new(0) }))
    }

    /// For a connection that comes from here; none is needed for a trusted proxy's.
    pub(crate) fn accept(&self, peer: std::net::IpAddr) -> Result<Option<Place>, Full> {
        if self.0.proxies.trust(peer.to_canonical()) {
            return Ok(None);
        }
        self.take(peer.into()).map(Some)
    }

    /// For a WebSocket that came from here through a trusted proxy; one that came by itself has its place already.
    pub(crate) fn pass(
        &self,
        peer: std::net::IpAddr,
        client: Origin,
    ) -> Result<Option<Place>, Full> {
        if !self.0.proxies.trust(peer.to_canonical()) {
            return Ok(None);
        }
        self.take(client).map(Some)
    }

    fn take(&self, of: Origin) -> Result<Place, Full> {
        let most = self.0.most.saturating_mul(of.times());
        let mut held = self.0.held();
        let count = held.entry(of).or_default();
        if *count >= most {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Full);
        }
        *count += 1;
        Ok(Place { of, shared: Arc::clone(&self.0) })
    }

    /// How many were refused since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, HashMap<Origin, u32>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.shared.held();
        if let Entry::Occupied(mut count) = held.entry(self.of) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}
