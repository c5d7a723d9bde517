//! What the documents say is so: invariants and the tests that show them, links, codes, commands.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use selvage_factory::{Factory, FactoryConfig};

use crate::fixture::selvage;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The files under a directory with this ending, and what is in them.
fn files(directory: &Path, ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

fn documents() -> Vec<(PathBuf, String)> {
    let mut found = files(&root().join("docs"), "md");
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let path = root().join(name);
        found.push((path.clone(), fs::read_to_string(path).unwrap()));
    }
    found
}

/// What stands between two marks, each time.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    text.split(open).skip(1).filter_map(|rest| rest.split_once(close)).map(|(inner, _)| inner).collect()
}

#[test]
fn invariants_that_are_cited_are_in_the_table_with_tests_that_exist() {
    let mut sources = files(&root().join("crates"), "rs");
    sources.extend(files(&root().join("xtask"), "rs"));
    let this = Path::new(file!()).file_name();
    sources.retain(|(path, _)| path.file_name() != this);
    let mut cited = BTreeSet::new();
    for (_, text) in &sources {
        for rest in text.split("INVARIANT: ").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_uppercase() || *c == '-').collect();
            cited.insert(name);
        }
    }
    let table = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, table) = table.split_once("## Where invariants are kept").unwrap();
    let rows: Vec<Vec<&str>> =
        table.lines().filter(|line| line.starts_with("| ")).map(|l| l.split('|').collect()).collect();
    let listed: BTreeSet<String> = rows.iter().skip(1).map(|row| row[1].trim().to_owned()).collect();
    assert_eq!(cited, listed);
    for row in rows.iter().skip(1) {
        let shown_by: Vec<&str> = row[3].split('`').skip(1).step_by(2).filter(|test| !test.contains(' ')).collect();
        assert!(!shown_by.is_empty(), "{} is shown by nothing", row[1]);
        for test in shown_by {
            let definition = format!("fn {test}(");
            assert!(sources.iter().any(|(_, text)| text.contains(&definition)), "there is no test {test}");
        }
    }
}

#[test]
fn links_and_codes_lead_somewhere() {
    for (path, text) in documents() {
        for link in between(&text, "](", ")").into_iter().filter(|link| !link.contains("://")) {
            let target = path.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{} links to {link}", path.display());
        }
        for rest in text.split("FAB").skip(1) {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            if digits.len() == 4 {
                let page = root().join(format!("docs/errors/FAB{digits}.md"));
                assert!(page.exists(), "{} names FAB{digits}", path.display());
            }
        }
    }
}

#[test]
fn commands_are_taken_as_they_are_written() {
    let mut tried = 0;
    for (path, text) in documents() {
        for line in between(&text, "```sh\n", "```").iter().flat_map(|block| block.lines()) {
            let command = line.split(['#', '>', '&', '|']).next().unwrap();
            let words = command.strip_prefix("selvage ").or_else(|| command.strip_prefix("cargo run --release -- "));
            let Some(words) = words else { continue };
            // What stands between quotes is one word, as it is to a shell.
            let parts = words.split('"').enumerate();
            let mut arguments: Vec<&str> = Vec::new();
            for (n, part) in parts {
                if n % 2 == 1 { arguments.push(part) } else { arguments.extend(part.split_whitespace()) }
            }
            arguments.push("--help");
            let output = selvage(&arguments);
            assert!(output.status.success(), "{}: {line}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
            tried += 1;
        }
    }
    assert!(tried >= 12, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fault_that_the_guide_asks_for_is_injected() {
    let guide = fs::read_to_string(root().join("docs/guide/factory.md")).unwrap();
    let faults = guide.lines().filter(|line| line.contains("/_factory/faults -d '"));
    let bodies: Vec<_> = faults.flat_map(|line| between(line, "-d '", "'")).collect();
    assert!(!bodies.is_empty());
    let factory = Factory::start(FactoryConfig::default()).await.unwrap();
    for body in bodies {
        let url = format!("{}/_factory/faults", factory.odoo_url());
        let answer = reqwest::Client::new().post(url).body(body.to_owned()).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{body}");
    }
    factory.shutdown().await;
}
