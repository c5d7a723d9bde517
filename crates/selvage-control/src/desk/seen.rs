//! What the store knows of use, for impact.

use jiff::{SignedDuration, Timestamp};
use selvage_governance::compare::Difference;
use selvage_governance::impact::{Impact, Known, impact as impact_of};
use selvage_model::fabric::Fabric;
use selvage_store::{Store, StoreError};

/// How long use is kept: 15 months.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 458);

/// Who would break by these differences.
///
/// # Errors
/// Those of the store.
pub async fn impact(store: &Store, fabric: &Fabric, differences: &[Difference]) -> Result<Impact, StoreError> {
    let [impact] = impacts(store, fabric, [differences]).await?;
    Ok(impact)
}

/// The same of several lists, with what was known at one time.
pub(super) async fn impacts<const N: usize>(
    store: &Store,
    fabric: &Fabric,
    lists: [&[Difference]; N],
) -> Result<[Impact; N], StoreError> {
    let now = Timestamp::now();
    let since = now.checked_sub(KEPT).unwrap_or(Timestamp::UNIX_EPOCH);
    let usage = store.usage_since(since, now).await?;
    let used_in = store.used_in_environments(since, now).await?;
    let (gaps, access) = (store.usage_gaps(since).await?, store.access_state().await?);
    let (counted_since, granted) = (store.usage_began().await?, store.granted().await?);
    let (grants, subscriptions) = (&access.grants, &access.subscriptions);
    let (granted, delivered) = (&granted, &store.subscriptions_moved().await?);
    let (usage, used_in, gaps) = (&usage, &used_in, &gaps);
    let known = Known { fabric, usage, used_in, gaps, counted_since, grants, granted, subscriptions, delivered, now };
    Ok(lists.map(|differences| impact_of(differences, &known)))
}
