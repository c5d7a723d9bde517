//! `selvage openapi INTERFACE`: the contract of a mediated interface, for those who call it and for their tools. The control API's own
//! description is `selvage openapi --control-api`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use selvage_mapping::openapi;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::InterfaceRef;
use selvage_model::read::nearest;
use serde_json::Value;

use super::{Outcome, say};
use crate::{directory, report};

/// Prints the contract of a mediated interface, or of the control API, as OpenAPI 3.1.
#[derive(Args)]
pub(crate) struct Openapi {
    /// The interface, as `products@1`; without its version where there is one only.
    #[arg(required_unless_present = "control_api")]
    interface: Option<String>,
    /// The control API of a node, in the place of an interface.
    #[arg(long, conflicts_with_all = ["interface", "fabric"])]
    control_api: bool,
    /// The fabric's directory.
    #[arg(long, value_name = "DIR", default_value = ".")]
    fabric: PathBuf,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
    /// Where it is called, as `https://api.example.com`; the control API stands below `/api` there.
    #[arg(long, value_name = "URL", default_value = "/")]
    server: String,
}

/// How the contract is written.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

impl Openapi {
    /// Prints the contract, or what is wrong with the fabric.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let Some(interface) = &self.interface else {
            return self.format.print(&selvage_control::description(&self.server));
        };
        let checked = directory::check(&self.fabric)?;
        directory::must_hold_manifests(&self.fabric, &checked)?;
        if !checked.runs() {
            // Not where a contract is expected: the output often goes into a file.
            eprintln!("{}", report::human::write(&checked));
            return Ok(Outcome::Wrong);
        }
        let interface = find(&checked.fabric, interface)?;
        let document = openapi::document(&checked.fabric, &interface, &self.server)
            .map_err(|error| anyhow::anyhow!("{}: {error}", code::CONTRACT_UNMADE))?;
        self.format.print(&document)
    }
}

impl Format {
    /// Prints a document.
    pub(super) fn print(self, document: &Value) -> anyhow::Result<Outcome> {
        match self {
            Self::Yaml => say(openapi::yaml(document).trim_end())?,
            Self::Json => say(format_args!("{document:#}"))?,
        }
        Ok(Outcome::Well)
    }
}

/// The interface of this name, in its version or the only one.
pub(super) fn find(fabric: &Fabric, text: &str) -> anyhow::Result<InterfaceRef> {
    let known: Vec<String> = fabric.interfaces.keys().map(InterfaceRef::to_string).collect();
    let of_name = fabric.interfaces.keys().filter(|it| it.to_string() == text || it.name.as_str() == text);
    let found: Vec<&InterfaceRef> = of_name.collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let like = nearest(text, known.iter().map(String::as_str));
            let hint = like.map_or_else(String::new, |like| format!("; did you mean `{like}`?"));
            anyhow::bail!("{}: the fabric declares no interface `{text}`{hint}", code::CONTRACT_UNMADE)
        }
        several => {
            let names: Vec<String> = several.iter().map(|one| format!("`{one}`")).collect();
            anyhow::bail!("{}: `{text}` is {}; say which", code::CONTRACT_UNMADE, names.join(" or "))
        }
    }
}
