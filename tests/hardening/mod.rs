//! What attackers and bad days do: the tests of README.md that stand nowhere else. A module of `tests/it`, whose server
//! and people they share.

mod abuse;
mod addresses;
mod clock;
mod connections;
mod floods;
mod index;
mod input;
mod isolation;
mod limits;
mod log;
mod soak;
