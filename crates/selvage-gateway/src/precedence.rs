//! Which threads of a process the machine runs first: the data path's before all that works beside it, so that a snapshot being
//! compiled, the store or the engine take a core only where no request waits for it. It never asks for more than others have.

/// How far threads beside the data path stand back; 0 is how every thread begins, 19 would starve them.
const BEHIND: i32 = 5;

/// Lets the calling thread, and what it starts, stand behind the data path's. To be called once by each thread that works beside it;
/// where the system knows no such order, nothing changes.
pub fn stand_behind_the_data_path() {
    // On Linux this concerns the calling thread alone.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(BEHIND) {
        tracing::debug!("a thread does not stand behind the data path: {error}");
    }
}
