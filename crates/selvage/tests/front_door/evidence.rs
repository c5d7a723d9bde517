//! Packages of evidence: what is written in them by others stays text, they are judged by a directory that is served too, and they go
//! when their time is over and not before.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use selvage_control::evidence::{Package, page};
use serde_json::Value;

use crate::fixture::{Place, selvage, stdout};

/// Runs a command over the store of this place.
fn run(place: &Place, arguments: &[&str]) -> (bool, String) {
    let data = place.data();
    let all: Vec<&str> = arguments.iter().copied().chain(data.iter().map(String::as_str)).collect();
    let output = selvage(&all);
    (output.status.success(), stdout(&output) + &String::from_utf8_lossy(&output.stderr))
}

/// Puts this in the place of every text that people write.
fn rewrite(value: &mut Value, text: &str) {
    match value {
        Value::String(old) => text.clone_into(old),
        Value::Array(values) => values.iter_mut().for_each(|value| rewrite(value, text)),
        Value::Object(members) => members.values_mut().for_each(|value| rewrite(value, text)),
        _ => {}
    }
}

fn with(package: &Value, text: &str) -> String {
    let mut package = package.clone();
    for part in ["name", "title", "controls", "declared_by"] {
        rewrite(&mut package[part], text);
    }
    for section in package["sections"].as_array_mut().unwrap() {
        for part in ["title", "says", "rows"] {
            rewrite(&mut section[part], text);
        }
    }
    let package: Package = serde_json::from_value(package).unwrap();
    page(&package, "sha256:0", Some(text))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_stays_text_on_the_page() {
    let place = Place::new().await;
    let served = place.serve(&place.data(), &[]);
    place.key(&place.data(), "planning");
    let hostile = "\"><script>alert(1)</script>";
    assert!(run(&place, &["block", "interface", "inventory@2", "--because", hostile]).0);
    let out = place.path("out").display().to_string();
    let (well, said) = run(&place, &["evidence", "interface", "inventory@2", "--out", &out]);
    assert!(!well && said.contains("FAB7164") && said.contains("--env"), "nothing was released: {said}");
    let (well, said) =
        run(&place, &["evidence", "interface", "inventory@2", "--env", "dev", "--by", hostile, "--out", &out]);
    assert!(well, "{said}");
    drop(served);
    let files: Vec<&str> = said.lines().take(2).collect();
    let html = std::fs::read_to_string(files[1]).unwrap();
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !html.contains("<script"), "{html}");
    let document: Value = serde_json::from_str(&std::fs::read_to_string(files[0]).unwrap()).unwrap();
    let package = &document["package"];
    let sections = package["sections"].to_string();
    assert!(sections.contains("nothing is promised") && sections.contains("served from a directory"), "{sections}");
    // Whatever somebody writes, the page has the marks that it has for something as long without any, and no other.
    let marks = |html: &str| html.matches(['<', '>', '"']).count();
    let pieces = prop::sample::select(vec![
        "<",
        ">",
        "\"",
        "'",
        "&",
        "<script>",
        "</style>",
        "</title>",
        "<!--",
        "-->",
        "]]>",
        "&lt;",
        "\u{202e}",
        "é",
        "\0",
        "a",
        "javascript:",
        " onload=",
        "<svg/onload=alert(1)>",
    ]);
    let texts = prop::collection::vec(pieces, 1..8).prop_map(|pieces| pieces.concat());
    let kept = TestRunner::default().run(&texts, |text| {
        let harmless = text.replace(['<', '>', '"', '\'', '&'], "x");
        prop_assert_eq!(marks(&with(package, &text)), marks(&with(package, &harmless)));
        Ok(())
    });
    kept.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_goes_when_its_time_is_over_and_only_unaltered() {
    let place = Place::new().await;
    drop(place.serve(&place.data(), &[]));
    let out = place.path("out").display().to_string();
    let make = |until: &str| {
        let (well, said) = run(
            &place,
            &[
                "evidence",
                "domain",
                "group",
                "--env",
                "dev",
                "--from",
                "2026-01-01",
                "--keep-until",
                until,
                "--out",
                &out,
            ],
        );
        assert!(well, "{said}");
        said.lines().next().unwrap().to_owned()
    };
    let [over, kept, altered] = ["2026-01-01", "2099-01-01", "2099-01-02"].map(make);
    let text = std::fs::read_to_string(&altered).unwrap().replace("2099-01-02", "2026-01-02");
    std::fs::write(&altered, text).unwrap();
    let prune = |more: &[&str]| {
        let output = selvage(&[&["evidence", "prune", &out], more].concat());
        (output.status.code(), stdout(&output))
    };
    let (code, said) = prune(&["--dry-run"]);
    assert!(code == Some(1) && said.contains("FAB7160") && said.contains(&over), "{said}");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 6);
    prune(&[]);
    let is_there =
        |path: &str| (std::path::Path::new(path).exists(), std::path::Path::new(path).with_extension("html").exists());
    assert_eq!([over, kept, altered].map(|path| is_there(&path)), [(false, false), (true, true), (true, true)]);
    let (_, listed) = run(&place, &["evidence", "controls", "--env", "dev"]);
    assert!(listed.contains("four-eyes") && listed.contains("emergency-ratification"), "{listed}");
    let wrong = ["evidence", "domain", "group", "--from", "2027-02-30", "--out", &out];
    assert!(run(&place, &wrong).1.contains("is no time"));
}
