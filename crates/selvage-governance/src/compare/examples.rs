//! Every class of differences has an example, `docs/comparison/<area>/<code>.yaml`, that holds what was `before` and what is
//! `after`: comparing the two yields this class and no other. The table in docs/comparison is made of the classes.

mod manifests;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::{Date, date};
use selvage_model::fabric::Fabric;
use selvage_model::yaml::{self, Limits, Node};

use super::{Area, Class, Difference, TABLES, asyncapi, judge_by_day, openapi, schema};

/// The day on which the examples are looked at.
const TODAY: Date = date(2026, 6, 1);

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/comparison")
}

/// Whether the table is to be written rather than compared.
#[allow(clippy::disallowed_methods, reason = "how a test is run is said by its environment")]
fn is_blessed() -> bool {
    std::env::var_os("SELVAGE_BLESS").is_some()
}

fn classes() -> impl Iterator<Item = &'static Class> {
    TABLES.iter().copied().flatten().copied()
}

/// Where the example of a class stands, within docs/comparison.
fn file(class: &Class) -> String {
    format!("{}/{}.yaml", class.area.as_str(), class.code)
}

fn example(class: &Class) -> Node {
    let path = directory().join(file(class));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (mut nodes, findings) = yaml::parse(text.as_bytes(), &Arc::from(file(class)), &Limits::CONTRACT);
    assert_eq!(findings, [], "{}", path.display());
    assert_eq!(nodes.len(), 1, "{} is one document", path.display());
    nodes.swap_remove(0)
}

/// What comparing the pair of an example yields.
fn compared(class: &Class, before: &Node, after: &Node) -> Vec<Difference> {
    match class.area {
        Area::OpenApi => {
            let mut found = openapi(before, after);
            judge_by_day(&mut found, &Fabric::default(), TODAY);
            found
        }
        Area::AsyncApi => asyncapi(before, after),
        Area::Schema => schema(before, after, class.direction),
        _ => manifests::compared(class, before, after),
    }
}

#[test]
fn an_example_yields_exactly_its_class() {
    let mut wrong = Vec::new();
    for class in classes() {
        let example = example(class);
        let part = |name: &str| example.get(name).unwrap_or_else(|| panic!("{} has no `{name}`", file(class)));
        let found = compared(class, part("before"), part("after"));
        let codes: BTreeSet<&str> = found.iter().map(|difference| difference.class.code).collect();
        let is_as_grave = found.iter().all(|difference| difference.verdict == class.verdict);
        if codes != BTreeSet::from([class.code]) || !is_as_grave {
            let told = found.iter().map(|difference| (difference.class.code, difference.verdict, &difference.at));
            wrong.push(format!("{}: {:?}", class.code, told.collect::<Vec<_>>()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_code_says_area_element_action_and_direction() {
    let mut codes = BTreeSet::new();
    for class in classes() {
        let base = format!("{}.{}.{}", class.area.as_str(), class.element, class.action);
        let whole = format!("{base}.{}", class.direction.as_str());
        assert!(class.code == base || class.code == whole, "{} is not {whole}", class.code);
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        assert!(class.code.chars().all(is_plain), "{}", class.code);
        assert!(class.because.ends_with('.'), "{} says why in a sentence", class.code);
        assert!(codes.insert(class.code), "{} stands twice", class.code);
    }
}

/// No example is left over from a class that is gone.
#[test]
fn every_example_has_its_class() {
    let known: BTreeSet<String> = classes().map(file).collect();
    for area in std::fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path()) {
        if !area.is_dir() {
            continue;
        }
        for path in std::fs::read_dir(area).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(directory()).unwrap().to_string_lossy().replace('\\', "/");
            assert!(known.contains(&name), "docs/comparison/{name} is of no class");
        }
    }
}

/// The table of the classes. `SELVAGE_BLESS=1` writes it.
#[test]
fn the_table_has_every_class() {
    let path = directory().join("README.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, _) = page.split_once("## The classes\n").unwrap();
    let mut text = format!("{head}## The classes\n");
    let mut area = None;
    for table in TABLES {
        for class in *table {
            if area != Some(class.area) {
                area = Some(class.area);
                writeln!(text, "\n### {}\n", class.area.as_str()).unwrap();
                writeln!(text, "| class | element | action | direction | verdict | why |\n|---|---|---|---|---|---|")
                    .unwrap();
            }
            let Class { code, element, action, direction, verdict, because, .. } = class;
            let (direction, verdict) = (direction.as_str(), verdict.as_str());
            let example = file(class);
            writeln!(text, "| [{code}]({example}) | {element} | {action} | {direction} | {verdict} | {because} |")
                .unwrap();
        }
    }
    if is_blessed() {
        std::fs::write(&path, text).unwrap();
    } else {
        assert_eq!(page, text, "{} is not current: SELVAGE_BLESS=1 writes it", path.display());
    }
}
