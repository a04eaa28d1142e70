//! Every shipped scenario against the reference server.

fn main() -> std::process::ExitCode {
    fermoposta::testing::main("../scenarios")
}
