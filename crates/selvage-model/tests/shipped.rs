//! The manifests that ship, the sample fabric and the packs, are read without findings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::fs;
use std::path::Path;

use selvage_model::read::{Sources, read};
use selvage_model::verb::Verb;

fn collect(root: &Path, directory: &Path, sources: &mut Sources) {
    collect_as("", root, directory, sources);
}

/// The same with a prefix before their paths.
fn collect_as(prefix: &str, root: &Path, directory: &Path, sources: &mut Sources) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_as(prefix, root, &path, sources);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            sources.insert(format!("{prefix}{name}"), fs::read(&path).unwrap());
        }
    }
}

#[test]
fn the_sample_fabric_and_the_packs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let pack = root.join("packs/odoo");
    for directory in ["examples/factory", "packs/odoo"] {
        let directory = root.join(directory);
        let mut sources = Sources::new();
        collect(&directory, &directory, &mut sources);
        if directory != pack {
            collect_as("pack:odoo/", &pack, &pack, &mut sources);
        }
        let reading = read(&sources);
        let told: Vec<String> = reading
            .findings
            .iter()
            .map(|finding| format!("{} {} {}", finding.place, finding.code, finding.message))
            .collect();
        assert_eq!(told, Vec::<String>::new(), "{}", directory.display());
        assert!(reading.manifests > 0, "{}", directory.display());
    }
}

/// What a verb's answer adds stands beside the attributes of its object, in the place of none.
#[test]
fn no_answer_of_a_verb_hides_an_attribute() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/odoo");
    let mut sources = Sources::new();
    collect(&root, &root, &mut sources);
    let fabric = read(&sources).fabric;
    let mut looked = 0;
    for mapping in fabric.mappings.values() {
        let verbs = Verb::all().filter(|verb| verb.record().is_none_or(|record| record == mapping.record));
        for added in verbs.filter_map(Verb::adds) {
            let object = &fabric.objects[&mapping.object.value];
            let hidden = object.attributes.iter().any(|attribute| attribute.name.value.as_str() == added);
            assert!(!hidden, "{}: {added}", mapping.name);
            looked += 1;
        }
    }
    assert!(looked > 5);
}
