//! The `palco` command: parses the command line and calls into the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    palco::cli::main()
}
