//! The `palco` command.
fn main() {}
