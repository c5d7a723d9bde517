//! `selvage test --system NAME`: the mappings of a system tried on the live one. Records are read and put back on paper, and
//! a copy of one is made in a transaction that the system gives up.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use selvage_engine::{Made, Rehearsal, Trial};
use selvage_model::manifest::api::Operation;
use selvage_model::name::{EnvironmentName, ObjectRef, SystemName};

use crate::by_hand::{ByHand, ObjectChoice, Place, passing_store};
use crate::command::{Outcome, say};
use crate::node::release;
use crate::report::refusal;

/// What is tried, and where.
#[derive(Args)]
pub(super) struct Live {
    /// Tries the mappings on this live system, instead of on examples and generated records.
    #[arg(long, value_name = "NAME")]
    system: Option<SystemName>,
    /// The environment whose addresses and accounts are used; it must not be a protected one.
    #[arg(long, value_name = "NAME", default_value = "dev", requires = "system")]
    env: EnvironmentName,
    /// The technical account to use there.
    #[arg(long, value_name = "NAME", default_value = "default", requires = "system")]
    account: String,
    /// The secrets that systems' accounts name: a file of `name=value` lines, or a directory with a file for each.
    #[arg(long, value_name = "PATH", requires = "system")]
    secrets: Option<PathBuf>,
    /// Only this object, as `product` or `product@1`; several may be named.
    #[arg(long = "object", value_name = "OBJECT", requires = "system")]
    objects: Vec<String>,
    /// How many records of each object are read.
    #[arg(long, value_name = "N", default_value_t = 50, requires = "system", value_parser = clap::value_parser!(u32).range(1..=1000))]
    sample: u32,
    /// Really makes a copy of a record of each object, reads it back and takes it away again.
    #[arg(long, requires = "system")]
    write: bool,
}

impl Live {
    /// Whether a live system is meant.
    pub(super) fn is_meant(&self) -> bool {
        self.system.is_some()
    }

    /// Tries the mappings; wrong when one does not hold.
    pub(super) async fn run(self, directory: &Path) -> anyhow::Result<Outcome> {
        let Some(system) = self.system.clone() else { anyhow::bail!("no system is named") };
        let objects = self.mapped(directory, &system)?;
        let progress = ProgressBar::new(objects.len() as u64);
        progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?);
        let (mut held, mut failed) = (0_u32, 0_u32);
        for object in objects {
            progress.set_message(object.to_string());
            let tried = self.one(directory, &system, &object).await?;
            let (lines, holds) = match &tried {
                Ok(rehearsal) => (lines(&object, rehearsal), rehearsal.holds()),
                Err(refused) => (format!("{object}\n  FAILED  {}", refused.replace('\n', "\n          ")), false),
            };
            progress.suspend(|| say(lines))?;
            *(if holds { &mut held } else { &mut failed }) += 1;
            progress.inc(1);
        }
        progress.finish_and_clear();
        say(format_args!("{held} hold, {failed} do not"))?;
        Ok(if failed == 0 { Outcome::Well } else { Outcome::Wrong })
    }

    /// The objects that are mapped to the system, or those of them that were named.
    fn mapped(&self, directory: &Path, system: &SystemName) -> anyhow::Result<Vec<ObjectRef>> {
        let fabric = release::read(directory, &self.env)?.fabric;
        let mappings = fabric.mappings.values().filter(|mapping| &mapping.system.value == system);
        let mut mapped: Vec<ObjectRef> = mappings.map(|mapping| mapping.object.value.clone()).collect();
        mapped.sort();
        mapped.dedup();
        anyhow::ensure!(!mapped.is_empty(), "no object is mapped to `{system}`");
        if self.objects.is_empty() {
            return Ok(mapped);
        }
        let mut chosen = Vec::new();
        for wanted in &self.objects {
            let names = |object: &&ObjectRef| &object.to_string() == wanted || object.name.as_str() == wanted;
            let known: Vec<String> = mapped.iter().map(ToString::to_string).collect();
            let found = mapped.iter().rfind(names);
            chosen.push(found.cloned().ok_or_else(|| {
                anyhow::anyhow!("`{wanted}` is not mapped to `{system}`; there is {}", known.join(", "))
            })?);
        }
        Ok(chosen)
    }

    async fn one(
        &self,
        directory: &Path,
        system: &SystemName,
        object: &ObjectRef,
    ) -> anyhow::Result<Result<Rehearsal, String>> {
        let place = tempfile::tempdir()?;
        let store = passing_store(place.path()).await?;
        let choice = ObjectChoice {
            object: object.to_string(),
            system: Some(system.clone()),
            place: Place {
                fabric: directory.to_owned(),
                env: self.env.clone(),
                account: self.account.clone(),
                secrets: self.secrets.clone(),
                wait: std::time::Duration::from_secs(60),
            },
        };
        let by_hand = ByHand::begin(&choice, &[Operation::List], store).await?;
        let mark = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect();
        let trial = Trial { sample: usize::try_from(self.sample).unwrap_or(1), really: self.write, mark };
        let tried = by_hand.rehearse(&trial).await;
        by_hand.end().await;
        Ok(tried.map_err(|problem| refusal::write(&problem)))
    }
}

fn lines(object: &ObjectRef, rehearsal: &Rehearsal) -> String {
    let Rehearsal { server, record, absent, read, unshown, unlawful, made } = rehearsal;
    let mut lines = vec![format!("{object} ({record} of {server})")];
    if let Some(because) = absent {
        lines.push(format!("  -       the system has no such records: {because}"));
        return lines.join("\n");
    }
    for (id, why) in unshown {
        lines.push(format!("  FAILED  {id} cannot be shown: {why}"));
    }
    for (id, what) in unlawful {
        lines.push(format!("  FAILED  {id} would change by putting back what was got: {what}"));
    }
    if unshown.is_empty() && unlawful.is_empty() {
        lines.push(match read {
            0 => "  -       no record to read".to_owned(),
            read => format!("  ok      {read} read; put back, nothing changes"),
        });
    }
    lines.push(match made {
        None => "  -       only read: nothing of it is made by a create".to_owned(),
        Some(Made::Rehearsed { copy_of }) => {
            format!("  ok      a copy of {copy_of} was made and given up in one transaction")
        }
        Some(Made::Cleaned { id }) => format!("  ok      {id} was made, read back as meant, and taken away"),
        Some(Made::Untried { because }) => format!("  -       no create tried: {because}"),
        Some(Made::Refused { because }) => format!("  FAILED  a create is refused: {because}"),
        Some(Made::Differs { how }) => format!("  FAILED  what was made reads otherwise: {how}"),
        Some(Made::Left { id, because }) => {
            format!("  FAILED  {id} was made and could not be taken away, so a person has to: {because}")
        }
    });
    lines.join("\n")
}
