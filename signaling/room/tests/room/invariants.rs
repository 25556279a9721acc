//! The invariants over random runs. The same runs are a fuzz target (tests/fuzz).

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use super::trial::{play, runs};

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
