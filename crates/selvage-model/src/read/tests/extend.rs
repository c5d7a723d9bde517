//! What a fabric says instead of its pack, and what is said about it when that cannot be.

use super::*;
use crate::manifest::mapping::Mapping;
use crate::manifest::object::Object;

const PACK: &str = r#"
kind: Object
name: part
version: 1.2
owner: people
identity: [code]
attributes:
  code: {type: string, max: 20}
  weight: {type: quantity, dimension: mass}
  color: {type: string}
---
kind: CodeSet
name: uom
codes: [{code: "1"}, {code: kg, name: kilo}]
systems: {erp: {Units: "1", kg: kg}}
---
kind: Mapping
name: part-erp
object: part@1
system: erp
record: product.product
versions: ">=16"
fields:
  code: {at: default_code}
  weight: {at: weight, quantity: kg}
  color: {at: color}
examples: [{local: {default_code: a}, canonical: {code: a}}]
"#;

fn extended(text: &str) -> Reading {
    let mut sources = Sources::new();
    sources.insert("pack:test/all.yaml", PACK);
    sources.insert("own.yaml", text);
    read(&sources)
}

fn object(reading: &Reading) -> &Object {
    &reading.fabric.objects[&"part@1".parse().unwrap()]
}

fn mapping(reading: &Reading) -> &Mapping {
    &reading.fabric.mappings[&"part-erp".parse().unwrap()]
}

#[test]
fn what_is_said_takes_the_place_of_what_the_pack_says_and_the_rest_stays() {
    let reading = extended(
        "kind: Mapping\nextends: part-erp\nfields:\n  weight: {at: weight, quantity: g}\n  color: null\n  size: {at: size}\nexamples: []\n---\n\
         kind: Object\nextends: part@1\nattributes:\n  weight: {optional: true, description: Net}\n  size: {type: string, optional: true}\n  color: null\n---\n\
         kind: CodeSet\nextends: uom\ncodes: [{code: g}, {code: kg, name: kilogram}]\nsystems: {erp: {Grams: g, Units: null}, wms: {KGM: kg}}\n",
    );
    assert_eq!(reading.findings, []);
    assert_eq!(reading.manifests, 6);
    let names: Vec<&str> = mapping(&reading).fields.iter().map(|field| field.attribute.value.as_str()).collect();
    assert_eq!(names, ["code", "weight", "size"]);
    assert_eq!((mapping(&reading).examples.len(), mapping(&reading).record.as_str()), (0, "product.product"));
    assert_eq!(&*mapping(&reading).fields[1].attribute.place.file, "own.yaml");
    assert_eq!(&*mapping(&reading).fields[0].attribute.place.file, "pack:test/all.yaml");
    let part = object(&reading);
    let weight = part.attribute(&"weight".parse().unwrap()).unwrap();
    assert!(weight.optional && matches!(weight.shape, Shape::Quantity { dimension: Some(_) }));
    assert_eq!(part.attributes.iter().map(|it| it.name.value.as_str()).collect::<Vec<_>>(), ["code", "weight", "size"]);
    assert_eq!((part.version.major, part.version.minor), (1, 2));
    let codes = &reading.fabric.code_sets[&"uom".parse().unwrap()];
    assert_eq!(codes.codes.iter().map(|it| it.code.value.as_str()).collect::<Vec<_>>(), ["1", "kg", "g"]);
    assert_eq!(codes.codes[1].name.as_deref(), Some("kilogram"));
    assert_eq!(codes.systems.iter().map(|(_, words)| words.len()).collect::<Vec<_>>(), [2, 1]);
    assert_ne!(reading.digest, extended("kind: Mapping\nextends: part-erp\nfields: {color: null}\n").digest);
}

#[test]
fn what_cannot_be_extended_is_told_where_it_stands() {
    let table = [
        ("kind: Mapping\nextends: part-epr\n", "FAB1017", 2, Some("part-erp")),
        ("kind: Object\nextends: part@2\n", "FAB1017", 2, Some("part@1")),
        (
            "kind: Mapping\nname: own\nobject: part@1\nsystem: erp\nrecord: r\nfields: {code: {at: c}}\n---\nkind: Mapping\nextends: own\n",
            "FAB1017",
            9,
            None,
        ),
        (
            "kind: CodeSet\nextends: uom\ncodes: [{code: g}]\n---\nkind: CodeSet\nextends: uom\ncodes: [{code: t}]\n",
            "FAB1018",
            6,
            None,
        ),
        ("kind: Mapping\nextends: part-erp\nfields:\n  colour: null\n", "FAB1019", 4, Some("color")),
        ("kind: Mapping\nextends: part-erp\nfields:\n  color: {at: color}\n", "FAB1019", 4, None),
        ("kind: Mapping\nextends: part-erp\nversions: '>=16'\n", "FAB1019", 3, None),
        ("kind: Object\nextends: part@1\nattributes:\n  wieght: {optional: true}\n", "FAB1017", 4, Some("weight")),
        ("kind: Object\nextends: part@1\nattributes:\n  weight: {optionl: true}\n", "FAB1006", 4, Some("optional")),
        ("kind: Mapping\nextends: part-erp\nfeilds: {}\n", "FAB1006", 3, Some("fields")),
        ("kind: Mapping\nextends: part-erp\nfields:\n  code: {at: code, cdoe: uom}\n", "FAB1006", 4, Some("code")),
        ("kind: CodeSet\nextends: uom\nsystems: {erp: {Grams: gram}}\n", "FAB1009", 3, None),
    ];
    for (text, code, line, like) in table {
        let reading = extended(text);
        let [finding] = reading.findings.as_slice() else { panic!("{text}: {:#?}", reading.findings) };
        assert_eq!((finding.code.as_str(), finding.place.line), (code, line), "{text}: {finding:?}");
        assert_eq!(&*finding.place.file, "own.yaml", "{text}");
        if let Some(like) = like {
            assert!(finding.fix.as_deref().unwrap().contains(like), "{text}: {finding:?}");
        }
    }
}

#[test]
fn without_a_word_of_the_fabric_a_pack_is_as_it_is() {
    let reading = extended("kind: Team\nname: people\nroles: {owner: [a.b]}\n");
    assert_eq!(reading.findings, []);
    assert_eq!(mapping(&reading).fields.len(), 3);
}
