//! Prints the TypeScript declarations of the protocol.

#[expect(clippy::print_stdout, reason = "the declarations are this program's output")]
fn main() {
    print!("{}", palco_protocol::typescript::declarations());
}
