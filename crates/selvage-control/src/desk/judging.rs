//! By what access is judged: leases count in every environment of a store, so what is protected says who decides, wherever somebody asks,
//! and never what an environment runs that takes what nobody approved. The commands, the control API and the console judge alike.
//! INVARIANT: APPROVED

use std::sync::{Arc, Mutex, PoisonError};

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::EnvironmentName;
use selvage_store::StoreError;

use super::{Desk, DeskError, Files, active_in, files_of};

/// What is active in an environment.
#[derive(Clone)]
pub struct Judging {
    /// Where.
    pub environment: EnvironmentName,
    /// What.
    pub fabric: Arc<Fabric>,
}

/// What is active where, as it was read, until something else is active.
pub(super) type Read = Arc<Mutex<Option<(Vec<Active>, Vec<Judging>)>>>;
/// An environment, and what is active there.
type Active = (EnvironmentName, Vec<String>);

/// What access can be judged by: what is protected, where anything is.
pub fn counting(mut every: Vec<Judging>) -> Vec<Judging> {
    let is_protected = |it: &Judging| is_protected(&it.fabric, &it.environment);
    if every.iter().any(is_protected) {
        every.retain(is_protected);
    }
    every
}

fn is_protected(fabric: &Fabric, environment: &EnvironmentName) -> bool {
    let mut declared = fabric.settings.iter().flat_map(|settings| &settings.environments);
    declared.any(|it| it.protected && &it.name.value == environment)
}

impl Desk {
    /// What is active in every environment of the store.
    ///
    /// # Errors
    /// Those of the store; [`DeskError::Refused`] for a release that is not what was signed.
    pub async fn active_everywhere(&self) -> Result<Vec<Judging>, DeskError> {
        let mut active = Vec::new();
        for environment in self.store.active_environments().await? {
            let releases = active_in(&self.store, &environment).await?;
            let ids = match releases.is_empty() {
                true => self.store.active(&environment).await?.into_iter().map(|it| it.release).collect(),
                false => releases.into_values().collect(),
            };
            active.push((environment, ids));
        }
        let known = self.judges.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, judges)) = known.filter(|(known, _)| known == &active) {
            return Ok(judges);
        }
        let mut judges = Vec::new();
        for (environment, _) in &active {
            let fabric = Arc::new(self.active_fabric(environment).await?);
            judges.push(Judging { environment: environment.clone(), fabric });
        }
        *self.judges.lock().unwrap_or_else(PoisonError::into_inner) = Some((active, judges.clone()));
        Ok(judges)
    }

    /// What is active in an environment, read again as it was recorded: the releases of its domains together, each as it was signed, or a
    /// directory that was served whole.
    ///
    /// # Errors
    /// Those of the store; [`DeskError::Refused`] where nothing is, and for a release that is not what was signed.
    pub async fn active_fabric(&self, environment: &EnvironmentName) -> Result<Fabric, DeskError> {
        let releases = active_in(&self.store, environment).await?;
        let files = match releases.is_empty() {
            true => self.directory_of(environment).await?,
            false => files_of(&self.store, &releases, None).await?,
        };
        Ok(self.ahead().hard(|| self.look.read(&files)).await)
    }

    /// The files of a directory that is served whole.
    async fn directory_of(&self, environment: &EnvironmentName) -> Result<Files, DeskError> {
        let Some(active) = self.store.active(environment).await? else {
            let message = format!("nothing is active in `{environment}` of this store");
            return Err(DeskError::refused(code::NOTHING_ACTIVE, message, "activate a release there, or name another"));
        };
        let found = self.store.release(&active.release).await?;
        let release = found.ok_or_else(|| StoreError::NotFound { what: "release", id: active.release.clone() })?;
        let files = release.content.as_object().into_iter().flatten();
        Ok(files.map(|(path, text)| (path.clone(), text.as_str().unwrap_or_default().to_owned())).collect())
    }

    /// By what access is judged at a node that runs this: by that where its environment is protected, or none is; else by what is active
    /// in the one that is. Where several are, it is for a node of one of them to say.
    pub(crate) async fn access_by(&self, runs: Arc<Fabric>) -> Result<Arc<Fabric>, DeskError> {
        let Some(here) = self.here.as_ref().filter(|here| !is_protected(&runs, here)) else { return Ok(runs) };
        let mut counting = counting(self.active_everywhere().await?);
        if !counting.iter().any(|it| is_protected(&it.fabric, &it.environment)) {
            return Ok(runs);
        }
        let names = counting.iter().map(|it| it.environment.to_string()).collect::<Vec<_>>().join(", ");
        match (counting.pop(), counting.is_empty()) {
            (Some(one), true) => Ok(one.fabric),
            _ => {
                let message = format!("a grant counts in every environment, and `{here}` takes what nobody approved");
                Err(DeskError::refused(code::JUDGE_UNCLEAR, message, format!("ask a node of one of these: {names}")))
            }
        }
    }
}
