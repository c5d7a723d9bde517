//! `selvage new KIND NAME`: a manifest to fill in. What the fabric leaves no choice about is filled in already; what is left is
//! named with its line. It asks nothing, so it works in a pipe.

mod operations;
mod template;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use jiff::ToSpan as _;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::InterfaceBody;

use super::{Outcome, say};
use crate::directory;
use operations::Operations;
use template::Filled;
pub(super) use template::offered;

/// Writes a manifest to fill in.
#[derive(Args)]
pub(crate) struct New {
    /// What is to be declared.
    #[arg(value_enum)]
    kind: What,
    /// Its name. A grant and a subscription are named by their consumer, a waiver by the code of its rule.
    #[arg(value_parser = line)]
    name: String,
    /// The fabric's directory.
    #[arg(long, value_name = "DIR", default_value = ".")]
    fabric: PathBuf,
    /// The file that is made in it; where not given, `NAME.yaml` in the directory of its kind, as `interfaces/suppliers.yaml`.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Fills in a blank, as `owner=erp-team`; as often as there are blanks.
    #[arg(long = "set", value_name = "BLANK=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Prints the manifest and writes nothing.
    #[arg(long)]
    print: bool,
}

/// What there are templates for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// An api that serves an object.
    Interface,
    /// An api that passes requests to an upstream.
    DirectInterface,
    /// Facts, captured from a system.
    EventInterface,
    /// What a system calls when something has happened.
    WebhookInterface,
    /// Files in a system's folder.
    FileInterface,
    /// What governs a flow.
    FlowInterface,
    /// A business object.
    Object,
    /// A translation between records and an object.
    Mapping,
    /// Codes, and the systems' words for them.
    CodeSet,
    /// An application that takes part.
    System,
    /// Who vouches for consumers by tokens.
    Issuer,
    /// An application that uses interfaces.
    Consumer,
    /// A consumer's lease on an interface.
    Grant,
    /// Who is told of which events.
    Subscription,
    /// An orchestration.
    Flow,
    /// People.
    Team,
    /// A plant.
    Site,
    /// A part that one board governs.
    Domain,
    /// A check of your own.
    Rule,
    /// Which changes need whose approval.
    ApprovalRule,
    /// A rule set aside for a time.
    Waiver,
}

impl New {
    /// Writes the manifest and names its blanks.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let shown = self.fabric.display();
        let is_there = self.fabric.is_dir();
        anyhow::ensure!(
            is_there || self.print,
            "{}: there is no directory `{shown}`; `selvage init {shown}` makes one",
            code::NEW_UNFIT
        );
        let fabric = if is_there { directory::check(&self.fabric)?.fabric } else { Fabric::default() };
        let mut values = self.values(&fabric);
        let mut candidates = candidates(&fabric);
        if let Some(interface) = values.get("interface") {
            let Operations { all, reads } = Operations::of(&fabric, interface);
            if !reads.is_empty() {
                values.entry("operations".to_owned()).or_insert_with(|| reads.join(", "));
            }
            candidates.insert("operations", all);
        }
        let filled = template::fill(self.kind.template(), &values, &candidates);
        if let Some(stray) = self.set.iter().map(|(name, _)| name).find(|name| !filled.known.contains(name.as_str())) {
            let known: Vec<String> = filled.known.iter().map(|name| format!("`{name}`")).collect();
            anyhow::bail!("{}: there is no blank `{stray}` here, but {}", code::NEW_UNFIT, known.join(", "));
        }
        if self.print {
            say(filled.text.trim_end())?;
            return Ok(Outcome::Well);
        }
        let file = self.file.clone().unwrap_or_else(|| self.kind.file(&self.name));
        let path = self.fabric.join(file);
        write_new(&path, &filled.text)?;
        say(told(&path, &filled))?;
        Ok(Outcome::Well)
    }

    /// What is known of the blanks: what was said, and what the fabric leaves no choice about.
    fn values(&self, fabric: &Fabric) -> BTreeMap<String, String> {
        let today = jiff::Zoned::now().date();
        let day = today.saturating_add(1.year());
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        values.insert("name".to_owned(), self.name.clone());
        values.insert("until_day".to_owned(), day.to_string());
        values.insert("until".to_owned(), format!("{day}T18:00:00Z"));
        if let Some(object) = object_of(fabric, &self.name) {
            values.insert("object".to_owned(), object);
        }
        for (blank, known) in candidates(fabric) {
            if let [only] = known.as_slice() {
                values.entry(blank.to_owned()).or_insert_with(|| only.clone());
            }
        }
        values.extend(self.set.iter().cloned());
        values
    }
}

impl What {
    fn template(self) -> &'static str {
        match self {
            Self::Interface => include_str!("new/templates/interface.yaml"),
            Self::DirectInterface => include_str!("new/templates/direct-interface.yaml"),
            Self::EventInterface => include_str!("new/templates/event-interface.yaml"),
            Self::WebhookInterface => include_str!("new/templates/webhook-interface.yaml"),
            Self::FileInterface => include_str!("new/templates/file-interface.yaml"),
            Self::FlowInterface => include_str!("new/templates/flow-interface.yaml"),
            Self::Object => include_str!("new/templates/object.yaml"),
            Self::Mapping => include_str!("new/templates/mapping.yaml"),
            Self::CodeSet => include_str!("new/templates/code-set.yaml"),
            Self::System => include_str!("new/templates/system.yaml"),
            Self::Issuer => include_str!("new/templates/issuer.yaml"),
            Self::Consumer => include_str!("new/templates/consumer.yaml"),
            Self::Grant => include_str!("new/templates/grant.yaml"),
            Self::Subscription => include_str!("new/templates/subscription.yaml"),
            Self::Flow => include_str!("new/templates/flow.yaml"),
            Self::Team => include_str!("new/templates/team.yaml"),
            Self::Site => include_str!("new/templates/site.yaml"),
            Self::Domain => include_str!("new/templates/domain.yaml"),
            Self::Rule => include_str!("new/templates/rule.yaml"),
            Self::ApprovalRule => include_str!("new/templates/approval-rule.yaml"),
            Self::Waiver => include_str!("new/templates/waiver.yaml"),
        }
    }

    fn file(self, name: &str) -> PathBuf {
        let directory = match self {
            Self::Interface
            | Self::DirectInterface
            | Self::EventInterface
            | Self::WebhookInterface
            | Self::FileInterface
            | Self::FlowInterface => "interfaces",
            Self::Object => "objects",
            Self::Mapping => "mappings",
            Self::CodeSet => "codes",
            Self::System => "systems",
            Self::Issuer => "issuers",
            Self::Consumer => "consumers",
            Self::Grant => "grants",
            Self::Subscription => "subscriptions",
            Self::Flow => "flows",
            Self::Team => "teams",
            Self::Site => "sites",
            Self::Domain => "domains",
            Self::Rule | Self::ApprovalRule => "rules",
            Self::Waiver => "waivers",
        };
        // What is no name makes no path that leads elsewhere; the check says what is wrong with it.
        let plain: String = name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '-' }).collect();
        Path::new(directory).join(format!("{plain}.yaml"))
    }
}

/// The names that the fabric has for each blank.
fn candidates(fabric: &Fabric) -> BTreeMap<&'static str, Vec<String>> {
    let types = fabric.interfaces.values().filter_map(|interface| match &interface.body {
        InterfaceBody::Event(body) => Some(body.events.iter().map(|kind| kind.name.value.clone())),
        _ => None,
    });
    BTreeMap::from([
        ("event", types.flatten().collect()),
        ("owner", fabric.teams.keys().map(ToString::to_string).collect()),
        ("system", fabric.systems.keys().map(ToString::to_string).collect()),
        ("object", fabric.objects.keys().map(ToString::to_string).collect()),
        ("interface", fabric.interfaces.keys().map(ToString::to_string).collect()),
    ])
}

/// The object that a name begins with: `products` and `product-odoo` are of `product`.
fn object_of(fabric: &Fabric, name: &str) -> Option<String> {
    let of = fabric.objects.keys().filter(|object| {
        let own = object.name.as_str();
        name == own || name == object.name.plural() || name.strip_prefix(own).is_some_and(|rest| rest.starts_with('-'))
    });
    of.max_by_key(|object| (object.name.as_str().len(), object.major)).map(ToString::to_string)
}

fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let shown = path.display();
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make `{}`", directory.display()))?;
    }
    let file = std::fs::File::create_new(path);
    let mut file = match file {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            anyhow::bail!("{}: `{shown}` is there already; say another with --file", code::NEW_UNFIT)
        }
        file => file.with_context(|| format!("cannot make `{shown}`"))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write `{shown}`"))
}

fn told(path: &Path, filled: &Filled) -> String {
    let mut told = format!("wrote {}", path.display());
    if filled.blanks.is_empty() {
        told.push_str("; nothing is left to fill in");
    }
    for blank in &filled.blanks {
        told.push_str(&format!("\n  line {}: `{}` is {}", blank.line, blank.name, blank.about));
    }
    told
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| "write `owner=erp-team`".to_owned())?;
    Ok((name.to_owned(), line(value)?))
}

fn line(text: &str) -> Result<String, String> {
    if text.contains(char::is_control) {
        return Err("a name and a value are one line, without tabs and the like".to_owned());
    }
    Ok(text.to_owned())
}
