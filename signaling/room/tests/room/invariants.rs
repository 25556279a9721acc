//! The invariants over random runs. The same runs are a fuzz target (tests/fuzz).

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use palco_room::Settings;

use super::trial::{PEOPLE, Step, opening, play, steps};

/// All that a run depends on: the room's settings, how many come at first, and what happens then.
fn runs() -> impl Strategy<Value = (Settings, u8, Vec<Vec<Step>>)> {
    (opening(), 0..PEOPLE, prop::collection::vec(steps(), 1..200))
}

proptest! {
    // One seed, so that a run is like the last; PROPTEST_CASES (256 if not set) makes it longer.
    #![proptest_config(Config {
        cases: 4 * Config::default().cases,
        rng_seed: RngSeed::Fixed(4),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn whatever_people_do_the_invariants_hold(run in runs()) {
        play(run);
    }
}
