//! The media plane: one UDP port a shard, same packet, many keys.

pub mod loudest;
pub mod offer;
pub mod packet;
pub mod rtcp;
pub mod rtp;
pub mod slot;
