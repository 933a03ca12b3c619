//! `payon-sim`: see the library's documentation for how it is built.

fn main() -> std::process::ExitCode {
    payon_sim::cli::main()
}
