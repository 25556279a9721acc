//! Sequences of room commands: the bytes choose what people do, the room's own checks say whether all is well.

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
    strategy::{Strategy, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// Four bytes name the room's settings, the next one how many come at first, each four after them a step: what is
/// changed, left out or put in changes that step alone.
pub fn room(data: &[u8]) {
    let Some((settings, data)) = data.split_first_chunk::<4>() else {
        return;
    };
    let Some((there, data)) = data.split_first() else {
        return;
    };
    let (steps, _) = data.as_chunks::<4>();
    let steps = steps.iter().take(200).map(|name| named(&trial::steps(), *name));
    trial::play((named(&trial::opening(), *settings), *there, steps.collect()));
}

/// The value that a strategy makes of this seed.
fn named<T: std::fmt::Debug>(strategy: &impl Strategy<Value = T>, name: [u8; 4]) -> T {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&name);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    strategy.new_tree(&mut runner).expect("a strategy that refuses nothing").current()
}
