//! `selvage graph`: who uses what. Consumers, interfaces, objects and systems as layers from left to right, as a picture, for
//! Graphviz, or as data.

mod dot;
mod layout;
mod svg;
mod web;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use selvage_model::code;
use selvage_model::read::nearest;

use super::{Outcome, say};
use crate::directory;
use web::Web;

/// Draws who uses what: consumers, interfaces, objects, systems.
#[derive(Args)]
pub(crate) struct Graph {
    /// The fabric's directory.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// How it is drawn.
    #[arg(long, value_enum, default_value_t = Format::Svg)]
    format: Format,
    /// Only what hangs together with this: a consumer, an interface, an object or a system.
    #[arg(long, value_name = "NAME")]
    around: Option<String>,
}

/// How a graph is drawn.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A picture.
    Svg,
    /// For Graphviz.
    Dot,
    /// Nodes and edges as data.
    Json,
}

impl Graph {
    /// Draws the fabric as far as it can be read.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let checked = directory::check(&self.directory)?;
        directory::must_hold_manifests(&self.directory, &checked)?;
        if !checked.runs() {
            eprintln!("selvage: not all of it can be read, so not all of it is drawn; `selvage check` says why");
        }
        let mut web = Web::of(&checked.fabric);
        if let Some(name) = &self.around {
            let known: Vec<String> = web.nodes.keys().map(|id| id.1.clone()).collect();
            let like = nearest(name, known.iter().map(String::as_str));
            let hint = like.map_or_else(String::new, |like| format!("; did you mean `{like}`?"));
            let code = code::NAME_UNKNOWN;
            anyhow::ensure!(web.keep_around(name), "{code}: the fabric has no `{name}` that uses or is used{hint}");
        }
        match self.format {
            Format::Svg => say(svg::draw(&web).trim_end())?,
            Format::Dot => say(dot::draw(&web).trim_end())?,
            Format::Json => say(format_args!("{:#}", web.to_value()))?,
        }
        Ok(Outcome::Well)
    }
}
