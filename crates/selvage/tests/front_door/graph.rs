//! `selvage graph`: the sample as picture, for Graphviz and as data; and a fabric of two thousand interfaces.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::fixture::{sample, selvage, stdout};

fn graph(directory: &str, more: &[&str]) -> String {
    let output = selvage(&[&["graph", directory], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    stdout(&output)
}

#[test]
fn the_sample_shows_who_uses_what() {
    let sample = sample().display().to_string();
    let data: Value = serde_json::from_str(&graph(&sample, &["--format", "json"])).unwrap();
    let edges: BTreeSet<(&str, &str)> = data["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| (edge["from"].as_str().unwrap(), edge["to"].as_str().unwrap()))
        .collect();
    for edge in [
        ("consumer:planning", "interface:products@1"),
        ("interface:products@1", "object:product@1"),
        ("object:product@1", "system:odoo"),
        ("interface:legacy-stock@1", "system:wms-central"),
    ] {
        assert!(edges.contains(&edge), "{edge:?} in {edges:?}");
    }
    let names: BTreeSet<&str> =
        data["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert!(edges.iter().all(|(from, to)| names.contains(from) && names.contains(to)));
    let dot = graph(&sample, &["--format", "dot"]);
    assert!(dot.starts_with("digraph fabric {") && dot.contains("\"consumer:planning\" -> \"interface:products@1\""));
    let picture = graph(&sample, &[]);
    assert!(picture.starts_with("<svg ") && picture.trim_end().ends_with("</svg>"));
    assert_eq!(picture.matches("<path class=\"line").count(), edges.len());
    assert_eq!(picture, graph(&sample, &[]), "the same each time");
    // What it is of, and what its marks mean.
    for word in ["velo-works", "8 consumers", "tier-1: stops a plant", "direct: the system", "on its way out"] {
        assert!(picture.contains(word), "{word}");
    }

    let around: Value =
        serde_json::from_str(&graph(&sample, &["--format", "json", "--around", "legacy-stock"])).unwrap();
    let around: Vec<&str> =
        around["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(around, ["shop-floor-board", "legacy-stock@1", "wms-central"]);
    let unknown = selvage(&["graph", &sample, "--around", "legacy-stok"]);
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(unknown.status.code() == Some(2) && unknown.stdout.is_empty(), "{said}");
    assert!(said.contains("FAB2001") && said.contains("did you mean `legacy-stock@1`?"), "{said}");
}

#[test]
fn two_thousand_interfaces_have_a_row_each() {
    let place = tempfile::tempdir().unwrap();
    let mut text = String::from("kind: Fabric\nname: large\nenvironments: {dev: {}}\n");
    for n in 0..9 {
        let _ = write!(text, "---\nkind: System\nname: s{n}\nconnector: http\nowner: it\nzone: cloud\n");
    }
    for n in 0..31 {
        let _ = write!(text, "---\nkind: Consumer\nname: c{n}\nowner: it\nidentity: {{api_key: {{}}}}\n");
    }
    std::fs::write(place.path().join("all.yaml"), text).unwrap();
    for file in 0..10 {
        let mut text = String::new();
        for n in file * 200..(file + 1) * 200 {
            let (system, consumer) = (n % 9, n % 31);
            let _ = write!(
                text,
                "---\nkind: Interface\nname: i{n}\ntype: event\nversion: 1.0\nproduced_by: s{system}\nevents: {{a.b{n}.made: {{object: o@1}}}}\n\
                 ---\nkind: Subscription\nconsumer: c{consumer}\ninterface: i{n}@1\nevents: [a.b{n}.made]\n"
            );
        }
        std::fs::write(place.path().join(format!("i{file}.yaml")), text).unwrap();
    }
    let picture = graph(&place.path().display().to_string(), &[]);
    assert_eq!(picture.matches("class=\"interface ").count(), 2_000);
    assert_eq!(picture.matches("<path class=\"line").count(), 4_000);
    let rows: BTreeSet<&str> = picture
        .split("class=\"interface ")
        .skip(1)
        .filter_map(|rest| rest.split_once(" y=\"")?.1.split('"').next())
        .collect();
    assert_eq!(rows.len(), 2_000, "none lies over another");
}
