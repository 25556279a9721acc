//! WebSocket sessions, room tasks, outboxes and the directory of live rooms.
