//! Where secrets come from: a file of `name=value` lines, or a directory with a file for each. They stay in memory and
//! reach only the connector that uses them. INVARIANT: SECRET-FREE

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use selvage_model::code;
use selvage_model::manifest::system::SecretName;

/// Reads all secrets of a file or a directory.
///
/// # Errors
/// When it cannot be read, or a line has no `=`.
pub(crate) fn load(path: &Path) -> anyhow::Result<BTreeMap<SecretName, String>> {
    let mut secrets = BTreeMap::new();
    if path.is_dir() {
        from_directory(path, "", &mut secrets)?;
    } else {
        from_file(path, &mut secrets)?;
    }
    Ok(secrets)
}

fn from_file(path: &Path, secrets: &mut BTreeMap<SecretName, String>) -> anyhow::Result<()> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("{}: cannot read the secrets in `{}`", code::SECRETS_UNREADABLE, path.display()))?;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line itself stays out of the message: it may be a secret.
        let (name, value) = line.split_once('=').with_context(|| {
            let line = index + 1;
            format!("{}: line {line} of `{}` is not `name=value`", code::SECRETS_UNREADABLE, path.display())
        })?;
        secrets.insert(SecretName(name.trim().to_owned()), value.trim().to_owned());
    }
    Ok(())
}

fn from_directory(directory: &Path, prefix: &str, secrets: &mut BTreeMap<SecretName, String>) -> anyhow::Result<()> {
    let wrong = || format!("{}: cannot read the secrets in `{}`", code::SECRETS_UNREADABLE, directory.display());
    for entry in fs::read_dir(directory).with_context(wrong)? {
        let entry = entry.with_context(wrong)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Mounted secrets come with hidden directories of their own.
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            from_directory(&path, &format!("{name}/"), secrets)?;
        } else {
            let value = fs::read_to_string(&path)
                .with_context(|| format!("{}: cannot read the secret `{name}`", code::SECRETS_UNREADABLE))?;
            secrets.insert(SecretName(name), value.trim_end().to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_a_directory_say_the_same() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("secrets");
        fs::write(&file, "# keys\nodoo/read = abc=d\n\nodoo/mrp=e\n").unwrap();
        let directory = place.path().join("mounted");
        fs::create_dir_all(directory.join("odoo")).unwrap();
        fs::write(directory.join("odoo/read"), "abc=d\n").unwrap();
        fs::write(directory.join("odoo/mrp"), "e").unwrap();
        assert_eq!(load(&file).unwrap(), load(&directory).unwrap());
    }

    #[test]
    fn a_wrong_line_is_named_by_number_and_not_shown() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("secrets");
        fs::write(&file, "odoo/read=a\nhunter2\n").unwrap();
        let error = load(&file).unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
    }
}
