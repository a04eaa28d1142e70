//! The `fermoposta` command.

fn main() -> std::process::ExitCode {
    fermoposta::cli::main()
}
