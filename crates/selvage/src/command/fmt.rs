//! `selvage fmt [PATH]…`: manifests in one form: keys in the order of their kind, indentation, quotes. Comments and meaning stay: what
//! is written is compared with what was read before a file is touched, and a file is replaced whole or not at all.

mod order;
mod text;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use selvage_model::code;

use super::{Outcome, say};
use crate::directory;

/// Puts manifests into one form; comments and meaning stay.
#[derive(Args)]
pub(crate) struct Fmt {
    /// Directories and files.
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Changes nothing, names the files that would change, and exits with 1 if there are any.
    #[arg(long)]
    check: bool,
}

impl Fmt {
    /// Formats every file that holds manifests; wrong where one cannot be, or with `--check` would change.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let (mut changed, mut kept, mut refused) = (0_u32, 0_u32, 0_u32);
        for path in self.files()? {
            let before = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
            if !text::holds_manifests(&before) {
                continue;
            }
            match text::format(&before) {
                Ok(after) if after == before => kept += 1,
                Ok(after) => {
                    changed += 1;
                    if !self.check {
                        replace(&path, &after).with_context(|| format!("cannot write `{}`", path.display()))?;
                    }
                    say(path.display())?;
                }
                Err(why) => {
                    refused += 1;
                    eprintln!("selvage: {}: `{}` is left as it is: {why}", code::FMT_KEPT, path.display());
                }
            }
        }
        let done = if self.check { "would change" } else { "changed" };
        eprintln!("selvage: {changed} {done}, {kept} stay as they are");
        Ok(if refused > 0 || (self.check && changed > 0) { Outcome::Wrong } else { Outcome::Well })
    }

    /// The YAML files that are meant, each once.
    fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for path in &self.paths {
            if !path.is_dir() {
                files.push(path.clone());
                continue;
            }
            let sources = directory::load(path)?;
            let names = sources.iter().map(|(name, _)| name).filter(|name| is_yaml(name));
            files.extend(names.map(|name| path.join(name)));
        }
        files.sort();
        files.dedup();
        Ok(files)
    }
}

fn is_yaml(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}

/// Writes beside the file and puts that in its place: whoever watches sees the old one or the new one.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    // A link stays one: what it leads to is replaced.
    let target = path.canonicalize()?;
    let directory = target.parent().context("the file is in no directory")?;
    let aside = tempfile::Builder::new().prefix(".selvage-fmt-").tempfile_in(directory)?;
    std::fs::write(aside.path(), text)?;
    std::fs::set_permissions(aside.path(), std::fs::metadata(&target)?.permissions())?;
    aside.as_file().sync_all()?;
    aside.persist(&target)?;
    Ok(())
}
