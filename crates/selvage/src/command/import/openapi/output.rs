//! Writes the drafts and tells of them: what was made, what a person decides, what was left out and why, what to do next. A file that
//! is there is never written over; when one cannot be written, none stays.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use selvage_model::code;
use serde_json::{Value, json};

use super::note::{self, Note};
use super::work::{Drafted, DraftedFile};
use super::{ImportOpenapi, Refusal};
use crate::report::visible;

/// Places that are shown of notes which say the same.
const MOST_PLACES: usize = 3;
/// Operations that are shown.
const MOST_OPERATIONS: usize = 12;
/// What stands in a draft that a person must decide.
const BLANK: &str = "# fill in: ";

/// That no file is in the way, and that none would be made elsewhere.
///
/// # Errors
/// Which are.
pub(super) fn free(fabric: &Path, files: &[DraftedFile]) -> Result<(), Refusal> {
    let is_there = |file: &&DraftedFile| fabric.join(&file.path).symlink_metadata().is_ok();
    let there: Vec<String> = files.iter().filter(is_there).map(|file| format!("`{}`", file.path)).collect();
    if !there.is_empty() {
        let message = format!("{} is in the fabric's directory already; nothing was written", there.join(", "));
        return Err(Refusal::new(code::IMPORT_THERE, message, "say another name with --name, or move what is there"));
    }
    let Ok(root) = fabric.canonicalize() else { return Ok(()) };
    for file in files {
        let path = fabric.join(&file.path);
        let mut above = path.ancestors().skip(1);
        let deepest = above.find(|above| above.symlink_metadata().is_ok());
        // A link that leads nowhere has no real place.
        let is_within = deepest.is_none_or(|it| it.canonicalize().is_ok_and(|real| real.starts_with(&root)));
        if !is_within {
            let message = format!("`{}` would be made outside the fabric's directory, through a link", file.path);
            return Err(Refusal::new(code::IMPORT_THERE, message, "put a directory in the place of the link"));
        }
    }
    Ok(())
}

/// Makes the files, all or none.
pub(super) fn write(fabric: &Path, files: &[DraftedFile]) -> anyhow::Result<()> {
    let mut made = Made::default();
    for file in files {
        let path = fabric.join(&file.path);
        if let Err(error) = made.file(&path, &file.bytes) {
            made.undo();
            return Err(error).with_context(|| format!("cannot write `{}`; nothing was written", path.display()));
        }
    }
    Ok(())
}

/// What was made so far.
#[derive(Default)]
struct Made {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Made {
    fn file(&mut self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let missing: Vec<&Path> = path.ancestors().skip(1).take_while(|above| !above.exists()).collect();
        for directory in missing.into_iter().rev().filter(|directory| !directory.as_os_str().is_empty()) {
            std::fs::create_dir(directory)?;
            self.directories.push(directory.to_owned());
        }
        let mut file = std::fs::File::create_new(path)?;
        self.files.push(path.to_owned());
        file.write_all(bytes)
    }

    /// What remains all the same would be in the way of the next try, and is named by it.
    fn undo(&self) {
        self.files.iter().for_each(|path| drop(std::fs::remove_file(path)));
        self.directories.iter().rev().for_each(|path| drop(std::fs::remove_dir(path)));
    }
}

/// What is left for a person to decide.
struct Open {
    path: String,
    line: usize,
    about: String,
}

fn open(files: &[DraftedFile]) -> Vec<Open> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.is_manifest) {
        for (number, line) in String::from_utf8_lossy(&file.bytes).lines().enumerate() {
            let Some((key, about)) = line.split_once(BLANK) else { continue };
            let about = format!("`{}`: {about}", key.trim().trim_end_matches(':'));
            found.push(Open { path: file.path.clone(), line: number + 1, about });
        }
    }
    found
}

/// The drafts as they would be written.
pub(super) fn texts(files: &[DraftedFile]) -> String {
    let mut text = String::new();
    for file in files {
        text.push_str(&format!("# {}\n", file.path));
        if file.is_manifest {
            text.push_str(&visible(&String::from_utf8_lossy(&file.bytes), true));
        } else {
            text.push_str(&format!("# the contract, {} bytes\n", file.bytes.len()));
        }
        text.push_str("---\n");
    }
    text.trim_end().trim_end_matches("---").trim_end().to_owned()
}

/// The report for people.
pub(super) fn human(asked: &ImportOpenapi, drafted: &Drafted) -> String {
    let mut text = format!("read {}\n", drafted.read);
    let some: Vec<&str> = drafted.operations.iter().take(MOST_OPERATIONS).map(String::as_str).collect();
    let more = drafted.operations.len().saturating_sub(some.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    text.push_str(&format!("operations {}{more}\n", some.join(", ")));
    for file in &drafted.files {
        let done = if asked.dry_run { "would write" } else { "wrote" };
        text.push_str(&format!("{done} {}\n", asked.fabric.join(&file.path).display()));
    }
    let open: Vec<String> =
        open(&drafted.files).iter().map(|it| format!("{}:{}: {}", it.path, it.line, it.about)).collect();
    section("to decide", &open, &mut text);
    section("left out", &shortened(&drafted.notes.left_out), &mut text);
    section("other than in the contract", &shortened(&drafted.notes.changed), &mut text);
    section("good to know", &shortened(&drafted.notes.hints), &mut text);
    section("next", &next(asked, drafted), &mut text);
    visible(text.trim_end(), true)
}

fn section(title: &str, lines: &[String], text: &mut String) {
    if !lines.is_empty() {
        text.push_str(&format!("\n{title}:\n"));
        lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
}

/// Each once, with some of its places.
fn shortened(notes: &[Note]) -> Vec<String> {
    let line = |(text, places): (&str, Vec<&str>)| {
        let some: Vec<String> = places.iter().take(MOST_PLACES).map(|place| visible(place, false)).collect();
        let more = places.len().saturating_sub(some.len());
        let more = if more > 0 { format!(" and {more} more (--format json names all)") } else { String::new() };
        format!("{}: {}{more}", visible(text, false), some.join(", "))
    };
    note::grouped(notes).into_iter().map(line).collect()
}

fn next(asked: &ImportOpenapi, drafted: &Drafted) -> Vec<String> {
    let fabric = asked.fabric.display();
    let mut next = vec![format!("selvage check {fabric}")];
    let first = drafted.interfaces.first();
    if asked.mediated {
        next.extend(first.map(|interface| format!("selvage openapi {interface} --fabric {fabric}")));
    }
    next.extend(first.map(|it| format!("selvage new grant CONSUMER --set interface={it} --fabric {fabric}")));
    next
}

/// The report for other tools, with every place.
pub(super) fn json(asked: &ImportOpenapi, drafted: &Drafted) -> String {
    let notes = |notes: &[Note]| -> Value {
        let groups = note::grouped(notes);
        groups.into_iter().map(|(text, places)| json!({"text": text, "at": places})).collect()
    };
    let files = drafted.files.iter().map(|file| {
        let mut told = json!({"path": file.path});
        if let (true, Some(members)) = (asked.dry_run, told.as_object_mut()) {
            members.insert("text".to_owned(), String::from_utf8_lossy(&file.bytes).into());
        }
        told
    });
    let open = open(&drafted.files);
    let open: Value =
        open.iter().map(|it| json!({"file": it.path, "line": it.line, "about": it.about})).collect::<Vec<_>>().into();
    let report = json!({
        "read": drafted.read,
        "written": !asked.dry_run,
        "operations": drafted.operations,
        "files": files.collect::<Vec<_>>(),
        "interfaces": drafted.interfaces,
        "to_decide": open,
        "left_out": notes(&drafted.notes.left_out),
        "changed": notes(&drafted.notes.changed),
        "hints": notes(&drafted.notes.hints),
        "next": next(asked, drafted),
    });
    format!("{report:#}")
}
