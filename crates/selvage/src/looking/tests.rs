//! Whom the gate of tests keeps out: whose own examples do not hold, and nobody else.

use super::*;

const GROUP: &str = "kind: Object
name: item
version: 1.0
owner: people
identity: [code]
attributes: {code: {type: string}}
---
kind: System
name: erp
connector: odoo
owner: people
zone: cloud
---
kind: System
name: mes
connector: odoo
owner: people
zone: cloud
";

/// A mapping of an object, with an example that holds or does not.
fn mapping(object: &str, system: &str, code: &str) -> String {
    format!(
        "kind: Mapping\nname: {object}-{system}\nobject: {object}@1\nsystem: {system}\nrecord: {object}\nfields: {{code: {{at: code}}}}\n\
         examples:\n  - {{version: 18, local: {{code: A}}, canonical: {{code: {code}}}}}\n"
    )
}

#[test]
fn a_broken_example_keeps_its_own_domain_out_and_who_it_stands_on() {
    let part = "---\nkind: Object\nname: part\nversion: 1.0\nowner: people\nidentity: [code]\nattributes: {code: {type: string}}\n";
    let files = Files::from([
        ("fabric.yaml".to_owned(), GROUP.to_owned()),
        ("domains/ghent/m.yaml".to_owned(), mapping("item", "erp", "B")),
        ("domains/brno/m.yaml".to_owned(), format!("{}{part}", mapping("item", "mes", "A"))),
        ("domains/lier/m.yaml".to_owned(), mapping("part", "mes", "C")),
    ]);
    let fabric = Looking.read(&files);
    assert_eq!(fabric.mappings.len(), 3, "{fabric:#?}");
    let looked = Looked { fabric, findings: Vec::new(), files };
    for (domain, failed, elsewhere) in [
        ("ghent", vec!["item-erp"], vec!["part-mes"]),
        ("brno", vec!["part-mes"], vec!["item-erp"]),
        ("lier", vec!["part-mes"], vec!["item-erp"]),
        ("group", vec!["item-erp", "part-mes"], vec![]),
    ] {
        let tried = Looking.tests(&looked, &domain.parse().unwrap());
        let names = |said: &[String]| -> Vec<String> {
            let mut names: Vec<String> =
                said.iter().filter_map(|it| Some(it.split_once(": example")?.0.to_owned())).collect();
            names.sort();
            names
        };
        assert_eq!(
            (names(&tried.failed), names(&tried.elsewhere)),
            (failed.into_iter().map(str::to_owned).collect(), elsewhere.into_iter().map(str::to_owned).collect(),),
            "{domain}: {tried:#?}"
        );
    }
}
