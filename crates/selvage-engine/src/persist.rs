//! Writes to the store that are made again while it is briefly away. Never made again once another holds the operation.

use std::time::Duration;

use selvage_store::StoreError;

const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Makes a write, and again after a pause where that may help: every such write of a claimant names its epoch and says
/// the same thing twice without harm.
pub(crate) async fn persist<T, F>(write: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match write().await {
            Err(error) if error.is_transient() => tokio::time::sleep(pause).await,
            outcome => return outcome,
        }
        pause *= 2;
    }
    write().await
}
