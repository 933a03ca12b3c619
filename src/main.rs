//! `payon-sim`: see the library's documentation for how it is built.

/// A request makes some thirty small allocations; with the allocator of libc they were a tenth of what it costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Called before Rust's own start, which opens /dev/null where the standard output is closed: then everything could be printed, and
/// would be lost.
#[cfg(target_os = "linux")]
#[used]
#[allow(unsafe_code, reason = "nothing else is called so early")]
#[unsafe(link_section = ".init_array")]
static KEEP_CLOSED: extern "C" fn() = keep_closed;

/// Opens /dev/null for reading only where the standard output is closed, so that what is printed cannot be written.
#[cfg(target_os = "linux")]
extern "C" fn keep_closed() {
    use std::os::fd::{BorrowedFd, IntoRawFd};
    for number in 0..2 {
        #[allow(unsafe_code, reason = "asks whether the descriptor is open, and nothing more")]
        let is_open = rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(number) }).is_ok();
        if !is_open {
            // It gets the lowest number that is free, which is this one.
            let _ = std::fs::File::open("/dev/null").map(IntoRawFd::into_raw_fd);
        }
    }
}

fn main() -> std::process::ExitCode {
    payon_sim::cli::main()
}
