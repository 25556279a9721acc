//! The native client: joins a room, speaks, listens and measures.
