//! All benchmarks, one table.

fn main() {}
