//! Sequences of room commands: the bytes choose what people do, the room's own checks say whether it went well.

#[allow(dead_code, reason = "the room's other tests use the rest")]
#[path = "../../../signaling/room/tests/room/client.rs"]
mod client;
#[path = "../../../signaling/room/tests/room/model/mod.rs"]
mod model;
#[path = "../../../signaling/room/tests/room/trial.rs"]
mod trial;
#[allow(dead_code, reason = "the room's other tests use the rest")]
#[path = "../../../signaling/room/tests/room/world.rs"]
mod world;

use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// More randomness than a run uses. The generator's own padding, zeros, would have it draw again for ever.
const AMPLE: usize = 256 * 1024;

/// See the module. The bytes stand for the generator's randomness; what follows them is ever the same.
pub fn room(data: &[u8]) {
    let mut randomness = data.to_vec();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while randomness.len() < AMPLE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        randomness.extend_from_slice(&state.to_le_bytes());
    }
    let rng = TestRng::from_seed(RngAlgorithm::PassThrough, &randomness);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    if let Ok(run) = trial::runs().new_tree(&mut runner) {
        trial::play(run.current());
    }
}
