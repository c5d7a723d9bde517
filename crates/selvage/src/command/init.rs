//! `selvage init [DIR]`: a small fabric to begin with, which passes the check and says in comments what each part is for.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use jiff::ToSpan as _;
use selvage_model::code;
use selvage_model::name::FabricName;

use super::{Outcome, say};

/// The files of a new fabric, by their names.
const FILES: &[(&str, &str)] = &[
    ("fabric.yaml", include_str!("init/fabric.yaml")),
    ("teams.yaml", include_str!("init/teams.yaml")),
    ("systems.yaml", include_str!("init/systems.yaml")),
    ("interfaces.yaml", include_str!("init/interfaces.yaml")),
    ("consumers.yaml", include_str!("init/consumers.yaml")),
    (".gitignore", include_str!("init/gitignore")),
];

/// Makes a new fabric directory that passes the check, with comments that teach.
#[derive(Args)]
pub(crate) struct Init {
    /// The directory, made where it is missing; nothing in it is overwritten.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// The fabric's name; the directory's where not given.
    #[arg(long, value_name = "NAME")]
    name: Option<FabricName>,
}

impl Init {
    /// Writes the files.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let shown = self.directory.display().to_string();
        std::fs::create_dir_all(&self.directory).with_context(|| format!("cannot make the directory `{shown}`"))?;
        if let Some(there) = occupied(&self.directory)? {
            anyhow::bail!("{}: `{there}` is in `{shown}` already; nothing was written", code::FABRIC_EXISTS);
        }
        let name = self.name.map_or_else(|| name_of(&self.directory), |name| name.to_string());
        let until = jiff::Zoned::now().date().saturating_add(1.year());
        for (file, text) in FILES {
            let text = text.replace("{name}", &name).replace("{until}", &until.to_string());
            let path = self.directory.join(file);
            std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
        }
        let files = FILES.iter().filter(|(file, _)| !file.starts_with('.')).map(|(file, _)| *file);
        say(format_args!("made the fabric `{name}` in `{shown}`: {}", files.collect::<Vec<_>>().join(", ")))?;
        let shown = for_shells(&shown);
        say(format_args!(
            "\nnext:\n  selvage check {shown}\n  selvage new interface NAME --fabric {shown}\n  selvage graph {shown}"
        ))?;
        Ok(Outcome::Well)
    }
}

/// A path as a shell takes it.
fn for_shells(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~' | ':');
    if !path.is_empty() && path.chars().all(is_plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// What stands in the way: a manifest, or a file that would be written over.
fn occupied(directory: &Path) -> anyhow::Result<Option<String>> {
    let listed = std::fs::read_dir(directory).with_context(|| format!("cannot read `{}`", directory.display()))?;
    for entry in listed {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_manifest = name.ends_with(".yaml") || name.ends_with(".yml");
        if is_manifest || FILES.iter().any(|(file, _)| *file == name) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The directory's name as a fabric's, as far as it is one.
fn name_of(directory: &Path) -> String {
    let name = directory.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let name = name.unwrap_or_default().to_lowercase();
    let word: String =
        name.chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }).collect();
    let word = word.trim_matches('-');
    match word.parse::<FabricName>() {
        Ok(name) => name.to_string(),
        Err(_) => "my-fabric".to_owned(),
    }
}
