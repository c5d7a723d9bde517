//! Going back to what was active in an environment just so: it was judged then, and is not judged again, since a line stands while somebody
//! waits for it.

use selvage_model::name::EnvironmentName;
use selvage_store::{DomainActivation, SignedRelease};

use super::activate::declared;
use super::{Desk, DeskError, Files, Looked, Releases, union};

impl Desk {
    /// What would run by going back, where just that was active there before: it was judged then, and is only read. A line stands while
    /// somebody waits for it. What a node cannot run any more it says itself, and goes on with what it runs.
    pub(super) async fn seen_there(
        &self,
        release: &SignedRelease,
        environment: &EnvironmentName,
        history: &[DomainActivation],
        is_rollback: bool,
    ) -> Result<Option<Looked>, DeskError> {
        let mut releases = states(history, environment).next_back().unwrap_or_default();
        releases.insert(release.domain.clone(), release.id.clone());
        if !is_rollback || !states(history, environment).any(|state| state == releases) {
            return Ok(None);
        }
        let mut files = Files::new();
        union::add(release, &mut files)?;
        for (_, other) in releases.iter().filter(|(domain, _)| **domain != release.domain) {
            union::add(&union::find(&self.store, other).await?, &mut files)?;
        }
        let fabric = self.hard(|| self.look.read(&files)).await;
        declared(&fabric, environment)?;
        Ok(Some(Looked { fabric, findings: Vec::new(), files }))
    }
}

/// What was active in an environment, from the first activation there to the newest.
fn states(history: &[DomainActivation], environment: &EnvironmentName) -> impl DoubleEndedIterator<Item = Releases> {
    let mut state = Releases::new();
    let mut states = Vec::new();
    // The newest comes first.
    for it in history.iter().rev().filter(|it| &it.environment == environment) {
        state.insert(it.domain.clone(), it.release.clone());
        states.push(state.clone());
    }
    states.into_iter()
}
