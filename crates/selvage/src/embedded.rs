//! What the binary carries with it: the pages of error codes, the examples of differences, the packs and the sample fabric.

use include_dir::{Dir, include_dir};

static ERROR_PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/errors");
static COMPARISONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/comparison");
static PACKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../packs");
static SAMPLE_FABRIC: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../examples/factory");

/// The page of a code, in Markdown.
pub(crate) fn error_page(code: &str) -> Option<&'static str> {
    ERROR_PAGES.get_file(format!("{code}.md"))?.contents_utf8()
}

/// The example of a class of differences, in YAML.
pub(crate) fn comparison_example(area: &str, class: &str) -> Option<&'static str> {
    COMPARISONS.get_file(format!("{area}/{class}.yaml"))?.contents_utf8()
}

/// The manifests of a pack by their paths in it; none where there is no such pack.
pub(crate) fn pack(name: &str) -> Vec<(String, &'static str)> {
    let mut files = Vec::new();
    if let Some(pack) = PACKS.get_dir(name) {
        collect(pack, pack.path(), &mut files);
    }
    files
}

fn collect(directory: &'static Dir<'_>, root: &std::path::Path, files: &mut Vec<(String, &'static str)>) {
    for file in directory.files() {
        let path = file.path().strip_prefix(root).unwrap_or(file.path());
        if let Some(text) = file.contents_utf8() {
            files.push((path.display().to_string(), text));
        }
    }
    for inner in directory.dirs() {
        collect(inner, root, files);
    }
}

/// The packs that ship.
pub(crate) fn pack_names() -> Vec<String> {
    PACKS.dirs().map(|pack| pack.path().display().to_string()).collect()
}

/// Writes the sample fabric into a directory.
///
/// # Errors
/// When the directory cannot be written.
pub(crate) fn unpack_sample(directory: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    SAMPLE_FABRIC.extract(directory)
}

#[cfg(test)]
mod tests {
    use selvage_model::code::catalogue;

    use super::*;

    #[test]
    fn the_page_of_every_code_is_carried() {
        for (code, _) in catalogue() {
            assert!(error_page(code.as_str()).is_some(), "{code}");
        }
        assert_eq!(error_page("FAB0000"), None);
    }

    #[test]
    fn a_pack_is_a_set_of_manifests() {
        assert!(pack_names().contains(&"odoo".to_owned()));
        assert!(
            pack("odoo").iter().any(|(path, text)| path == "mappings/product.yaml" && text.contains("kind: Mapping"))
        );
        assert!(pack("nothing").is_empty());
    }
}
