//! The pages of docs/objects are what the manifests that ship say. `cargo xtask docs --bless` writes them anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and is told by its environment to write"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use selvage_mapping::page;
use selvage_model::read::{self, Sources};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn wanted() -> BTreeMap<String, String> {
    let mut sources = Sources::new();
    for folder in ["codes", "objects", "mappings"] {
        for file in fs::read_dir(root().join("packs/odoo").join(folder)).unwrap() {
            let path = file.unwrap().path();
            sources
                .insert(format!("{folder}/{}", path.file_name().unwrap().to_string_lossy()), fs::read(path).unwrap());
        }
    }
    page::pages(&read::read(&sources).fabric)
}

#[test]
fn the_pages_of_objects_are_current() {
    let directory = root().join("docs/objects");
    let wanted = wanted();
    if std::env::var_os("SELVAGE_BLESS").is_some() {
        drop(fs::remove_dir_all(&directory));
        fs::create_dir_all(&directory).unwrap();
        for (name, text) in &wanted {
            fs::write(directory.join(name), text).unwrap();
        }
    }
    let mut found = BTreeMap::new();
    for file in fs::read_dir(&directory).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        found.insert(name, fs::read_to_string(&path).unwrap());
    }
    let stale: Vec<&String> =
        found.keys().chain(wanted.keys()).filter(|name| found.get(*name) != wanted.get(*name)).collect();
    assert!(stale.is_empty(), "not current: {stale:?}; run `cargo xtask docs --bless`");
}
