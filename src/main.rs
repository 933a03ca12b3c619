//! `payon-sim`: see the library's documentation for how it is built.

/// A request makes some thirty small allocations; with the allocator of libc they were a tenth of what it costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    payon_sim::cli::main()
}
