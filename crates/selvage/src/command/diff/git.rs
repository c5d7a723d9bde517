//! Files of a directory as a git revision has them. The program `git` is asked; nothing is checked out.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::Context;
use selvage_model::code;
use selvage_model::read::Sources;

use crate::directory::MOST_FILES;

/// A file that a revision has.
struct Entry {
    path: String,
    object: String,
    is_link: bool,
}

/// The files of a revision of a directory: `REVISION`, or `REVISION:PATH` with the path from the repository's root.
///
/// # Errors
/// When git cannot be run, or does not know the revision or the directory in it.
pub(super) fn files(revision: &str, directory: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let tree = tree(revision, directory)?;
    let listed = git(directory, &["ls-tree", "-r", "-z", "-l", "--full-tree", &tree])?;
    must_succeed(revision, &listed)?;
    let entries = entries(&String::from_utf8_lossy(&listed.stdout))?;
    let mut texts = contents(directory, &entries)?;
    follow(&entries, &mut texts);
    Ok(texts)
}

/// The text of a file as a revision has it: `REVISION`, or `REVISION:PATH` with the path from the repository's root.
///
/// # Errors
/// When git cannot be run, or does not know the revision or the file in it.
pub(super) fn text(revision: &str, file: &Path) -> anyhow::Result<String> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let named = if revision.contains(':') { revision.to_owned() } else { format!("{revision}:./{name}") };
    // What begins with a dash would be taken for an option.
    let is_option = named.starts_with('-');
    let found = git(directory, &["cat-file", "blob", if is_option { "" } else { &named }])?;
    anyhow::ensure!(
        found.status.success(),
        "{}: `{revision}` is no file, and git knows no such revision of `{}`",
        code::REVISION_UNKNOWN,
        file.display()
    );
    let size = u64::try_from(found.stdout.len()).unwrap_or(u64::MAX);
    anyhow::ensure!(size <= Sources::MOST_BYTES, "{}: `{named}` has {size} bytes", code::TOO_LARGE);
    Ok(String::from_utf8_lossy(&found.stdout).into_owned())
}

/// The id of the directory's tree in the revision.
fn tree(revision: &str, directory: &Path) -> anyhow::Result<String> {
    let named = match revision.contains(':') {
        true => revision.to_owned(),
        false => {
            let prefix = git(directory, &["rev-parse", "--show-prefix"])?;
            must_succeed(revision, &prefix)?;
            let prefix = String::from_utf8_lossy(&prefix.stdout);
            format!("{revision}:{}", prefix.trim_end_matches(['\n', '/']))
        }
    };
    // What begins with a dash would be taken for an option.
    let is_option = named.starts_with('-');
    let found = git(directory, &["rev-parse", "--verify", "--quiet", if is_option { "" } else { &named }])?;
    anyhow::ensure!(
        found.status.success(),
        "{}: `{revision}` is no directory, and git knows no such revision of `{}`",
        code::REVISION_UNKNOWN,
        directory.display()
    );
    Ok(String::from_utf8_lossy(&found.stdout).trim().to_owned())
}

fn git(directory: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    command(directory, arguments).stdin(Stdio::null()).output().map_err(unrunnable)
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(arguments);
    command
}

fn unrunnable(error: std::io::Error) -> anyhow::Error {
    let code = code::GIT_MISSING;
    match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("{code}: the program `git` is not installed, or not in PATH"),
        _ => anyhow::Error::new(error).context(format!("{code}: the program `git` cannot be run")),
    }
}

fn must_succeed(revision: &str, output: &Output) -> anyhow::Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    let code = code::REVISION_UNKNOWN;
    anyhow::ensure!(output.status.success(), "{code}: `{revision}` cannot be read: {}", said.trim());
    Ok(())
}

/// What is listed, as `<mode> <type> <object> <size>\t<path>\0`, without what is hidden.
fn entries(listed: &str) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for line in listed.split_terminator('\0') {
        let (head, path) = line.split_once('\t').context("git lists what cannot be read")?;
        let mut parts = head.split_whitespace();
        let (mode, kind, object, size) = (parts.next(), parts.next(), parts.next(), parts.next());
        let is_hidden = path.split('/').any(|part| part.starts_with('.'));
        if kind != Some("blob") || is_hidden {
            continue;
        }
        let size: u64 = size.and_then(|size| size.parse().ok()).unwrap_or(u64::MAX);
        anyhow::ensure!(size <= Sources::MOST_BYTES, "{}: `{path}` has {size} bytes", code::TOO_LARGE);
        let (path, object) = (path.to_owned(), object.unwrap_or_default().to_owned());
        entries.push(Entry { path, object, is_link: mode == Some("120000") });
        anyhow::ensure!(entries.len() <= MOST_FILES, "the revision holds more than {MOST_FILES} files");
    }
    Ok(entries)
}

/// The texts of files, and where links lead.
fn contents(directory: &Path, entries: &[Entry]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut child = command(directory, &["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(unrunnable)?;
    let mut input = child.stdin.take().context("git takes no input")?;
    let asked: String = entries.iter().map(|entry| format!("{}\n", entry.object)).collect();
    // Written beside reading: git answers while it is still asked.
    let writer = std::thread::spawn(move || input.write_all(asked.as_bytes()));
    let output = child.wait_with_output().map_err(unrunnable)?;
    let asked = writer.join().map_err(|_| anyhow::anyhow!("git could not be asked"))?;
    asked.context("git could not be asked")?;
    let mut rest = output.stdout.as_slice();
    let mut texts = BTreeMap::new();
    for entry in entries {
        let (text, after) = one(rest).with_context(|| format!("git does not give `{}`", entry.path))?;
        texts.insert(entry.path.clone(), String::from_utf8_lossy(text).into_owned());
        rest = after;
    }
    Ok(texts)
}

/// The first of the answers, `<object> <type> <size>\n<content>\n`, and those behind it.
fn one(answers: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = answers.iter().position(|byte| *byte == b'\n')?;
    let (head, rest) = answers.split_at_checked(end)?;
    let size: usize = std::str::from_utf8(head).ok()?.rsplit(' ').next()?.parse().ok()?;
    let (content, rest) = rest.get(1..)?.split_at_checked(size)?;
    Some((content, rest.get(1..)?))
}

/// A link to a file of the revision has its text; any other is as if it were not there.
fn follow(entries: &[Entry], texts: &mut BTreeMap<String, String>) {
    for entry in entries.iter().filter(|entry| entry.is_link) {
        let target = texts.remove(&entry.path).and_then(|target| within(&entry.path, &target));
        if let Some(text) = target.and_then(|target| texts.get(&target)).cloned() {
            texts.insert(entry.path.clone(), text);
        }
    }
}

/// Where a link leads, from the root of the tree.
fn within(link: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = link.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." => {}
            "" => return None,
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_one_by_one() {
        let answers = b"ab blob 3\na\nb\ncd blob 0\n\n";
        let (first, rest) = one(answers).unwrap();
        assert_eq!(first, b"a\nb");
        assert_eq!(one(rest).unwrap(), (&b""[..], &b""[..]));
        assert_eq!(one(b"ab missing\n"), None);
        assert_eq!(one(b"ab blob 9\na\n"), None);
    }

    #[test]
    fn links_lead_within() {
        for (link, target, expected) in [
            ("a/b.yaml", "c.yaml", Some("a/c.yaml")),
            ("a/b.yaml", "../c.yaml", Some("c.yaml")),
            ("a/b.yaml", "./../d/c.yaml", Some("d/c.yaml")),
            ("b.yaml", "../c.yaml", None),
            ("b.yaml", "/etc/passwd", None),
        ] {
            assert_eq!(within(link, target).as_deref(), expected, "{link} -> {target}");
        }
    }
}
