//! The media plane: one UDP port a shard, same packet, many keys.
