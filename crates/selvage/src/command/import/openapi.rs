//! `selvage import openapi FILE`: drafts of an interface and of the objects behind it, from a contract that a system has. Files beside
//! the contract are read, addresses are never asked; nothing that is there is written over, and what a person must decide stays open.

mod attribute;
mod bundle;
mod contract;
mod draft;
mod file;
mod grammar;
mod lens;
mod listing;
mod measure;
mod naming;
mod nested;
mod note;
mod output;
mod pointer;
mod resource;
mod schema;
mod told;
mod work;
mod write;

use std::fmt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use selvage_model::code::{self, Code};
use selvage_model::fabric::Fabric;
use selvage_model::name::{InterfaceName, ObjectName, SystemName, TeamName};

use super::super::{Outcome, say};
use crate::{directory, report};

/// Drafts an interface and its objects from an OpenAPI contract.
#[derive(Args)]
pub(crate) struct ImportOpenapi {
    /// The contract, OpenAPI 3.0 or 3.1 in YAML or JSON. Files beside it that it refers to are read; addresses are not asked.
    file: PathBuf,
    /// The fabric's directory, in which drafts are written; nothing in it is overwritten.
    #[arg(long, value_name = "DIR", default_value = ".")]
    fabric: PathBuf,
    /// The interface's name. Default: the contract's title.
    #[arg(long, value_name = "NAME")]
    name: Option<InterfaceName>,
    /// Drafts what Selvage serves itself: for each object an interface and a mapping, instead of one that passes requests on.
    #[arg(long)]
    mediated: bool,
    /// Drafts this object only; may be repeated. Default: all that the contract's paths are about.
    #[arg(long = "object", value_name = "NAME")]
    objects: Vec<ObjectName>,
    /// Drafts no object.
    #[arg(long, conflicts_with_all = ["mediated", "objects"])]
    no_objects: bool,
    /// The team that owns what is drafted. Left open where not given.
    #[arg(long, value_name = "TEAM")]
    owner: Option<TeamName>,
    /// The system behind it. Default: the one at the address of the contract's first server, or left open.
    #[arg(long, value_name = "SYSTEM")]
    system: Option<SystemName>,
    /// Prints the drafts, tells what was left out on standard error, and writes nothing.
    #[arg(long)]
    dry_run: bool,
    /// How it is told what was drafted and what was left out.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How it is told.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, shortened.
    Human,
    /// One JSON document with every place.
    Json,
}

/// Why there is no draft.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    code: Code,
    message: String,
    fix: String,
}

impl Refusal {
    fn new(code: Code, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { code, message: message.into(), fix: fix.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.code, self.message, self.fix)
    }
}

impl ImportOpenapi {
    /// Writes the drafts, or says why there are none.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        if !self.fabric.is_dir() && !self.dry_run {
            let shown = self.fabric.display();
            anyhow::bail!("{}: there is no directory `{shown}`; `selvage init {shown}` makes one", code::NEW_UNFIT);
        }
        let fabric = if self.fabric.is_dir() { directory::check(&self.fabric)?.fabric } else { Fabric::default() };
        let drafted = work::draft(&self, &fabric).and_then(|drafted| {
            output::free(&self.fabric, &drafted.files).map_err(|refusal| vec![refusal])?;
            Ok(drafted)
        });
        let drafted = match drafted {
            Ok(drafted) => drafted,
            Err(refusals) => {
                for refusal in refusals {
                    eprintln!("selvage: {}", report::visible(&refusal.to_string(), false));
                }
                return Ok(Outcome::Wrong);
            }
        };
        if !self.dry_run {
            output::write(&self.fabric, &drafted.files)?;
        }
        match (self.format, self.dry_run) {
            (Format::Json, _) => say(output::json(&self, &drafted))?,
            (Format::Human, false) => say(output::human(&self, &drafted))?,
            (Format::Human, true) => {
                say(output::texts(&drafted.files))?;
                eprintln!("{}", output::human(&self, &drafted));
            }
        }
        Ok(Outcome::Well)
    }
}
