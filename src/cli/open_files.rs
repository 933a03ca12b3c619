//! Largest number of files, and so connections, that the process may have open.

/// Enough for ten thousand idle connections and what else is open.
const ENOUGH: u64 = 10_240;

/// Raises the limit as far as the system lets us, and says where that is not far.
pub(super) fn raise() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < ENOUGH => tracing::warn!(
            limit,
            "few files may be open at once; past that, connections wait. Raise the hard limit (ulimit -Hn)"
        ),
        Ok(limit) => tracing::debug!(limit, "files that may be open at once"),
        Err(error) => tracing::warn!(%error, "cannot raise the number of files that may be open"),
    }
}
