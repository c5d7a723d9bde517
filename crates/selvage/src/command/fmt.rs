//! `selvage fmt [PATH]…`: manifests in one form: keys in the order of their kind, indentation, quotes. Comments and meaning stay: what
//! is written is compared with what was read before a file is touched, and a file is replaced whole or not at all. What a link leads to
//! is never written, so that nothing outside the directories that were named is touched.

mod blanks;
mod order;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use selvage_model::code;
use selvage_model::read::{Source, Sources};

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
        for (path, found) in self.files()? {
            match formed(found) {
                Ok(Form::None) => {}
                Ok(Form::Kept) => kept += 1,
                Ok(Form::Changed(after)) => {
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
        let left =
            if refused > 0 { format!(", {refused} left as they are for what is said above") } else { String::new() };
        eprintln!("selvage: {changed} {done}, {kept} stay as they are{left}");
        Ok(if refused > 0 || (self.check && changed > 0) { Outcome::Wrong } else { Outcome::Well })
    }

    /// The YAML files that are meant, each once.
    fn files(&self) -> anyhow::Result<BTreeMap<PathBuf, Found>> {
        let mut files = BTreeMap::new();
        for path in &self.paths {
            if !path.is_dir() {
                files.insert(path.clone(), named(path));
                continue;
            }
            let real = path.canonicalize()?;
            let sources = directory::load(path)?;
            for (name, source) in sources.iter().filter(|(name, _)| Sources::is_manifest(name)) {
                let file = path.join(name);
                let target = file.canonicalize().ok().filter(|target| target != &real.join(name));
                let own = target.as_ref().and_then(|target| target.strip_prefix(&real).ok()?.to_str());
                // What a link leads to stands there by its own name too, unless that is hidden.
                if own.is_some_and(|own| Sources::is_manifest(own) && sources.get(own).is_some()) {
                    continue;
                }
                files.insert(file, Found { source: source.clone(), linked: target.is_some() });
            }
        }
        Ok(files)
    }
}

/// A file as it was read.
struct Found {
    source: Source,
    /// A link leads to it.
    linked: bool,
}

/// A file that was named itself.
fn named(path: &Path) -> Found {
    let linked = path.is_symlink();
    let source = match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Source::Unreadable("it is no file".to_owned()),
        Ok(metadata) if metadata.len() > Sources::MOST_BYTES => Source::Oversized(metadata.len()),
        Ok(_) => std::fs::read(path).map_or_else(|error| Source::Unreadable(error.to_string()), Source::Bytes),
        Err(error) => Source::Unreadable(error.to_string()),
    };
    Found { source, linked }
}

/// What becomes of a file.
enum Form {
    /// It holds no manifest.
    None,
    /// It has its form.
    Kept,
    /// It is to be this.
    Changed(String),
}

/// The form of what was read, or why it has none.
fn formed(found: Found) -> Result<Form, String> {
    let bytes = match found.source {
        Source::Bytes(bytes) => bytes,
        Source::Oversized(bytes) => return Err(format!("with {bytes} bytes it is larger than is read")),
        Source::Unreadable(why) => return Err(why),
    };
    let before = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    if !text::holds_manifests(&before)? {
        return Ok(Form::None);
    }
    match text::format(&before)? {
        after if after == before => Ok(Form::Kept),
        _ if found.linked => Err("a link leads to it; name the file itself".to_owned()),
        after => Ok(Form::Changed(after)),
    }
}

/// A text of manifests in its form; none where that would say something else.
pub(super) fn form(text: &str) -> Option<String> {
    text::format(text).ok()
}

/// Writes beside the file and puts that in its place: whoever watches sees the old one or the new one.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let directory = path.parent().context("the file is in no directory")?;
    // The file `a.yaml` stands in the directory with the empty name.
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let aside = tempfile::Builder::new().prefix(".selvage-fmt-").tempfile_in(directory)?;
    std::fs::write(aside.path(), text)?;
    std::fs::set_permissions(aside.path(), std::fs::symlink_metadata(path)?.permissions())?;
    aside.as_file().sync_all()?;
    aside.persist(path)?;
    Ok(())
}
