//! The laws are shown to be broken by mappings that break them.

use selvage_model::read::{self, Sources};

use super::*;
use crate::lens::Spot;

const FABRIC: &str = r#"
kind: CodeSet
name: uom
codes: [{code: kg}, {code: g}]
systems: {erp: {KG: kg, G: g}}
---
kind: Object
name: thing
version: 1.0
owner: people
identity: [id]
attributes: {id: {type: string}, v: {type: quantity}, w: {type: code, set: uom}}
---
kind: Mapping
name: thing-erp
object: thing@1
system: erp
record: thing
fields:
  id: {at: id, record: true}
  v: {at: f, quantity: {unit: u, code: uom}}
  w: {at: u, code: uom, direction: read}
"#;

/// A mapping that compiles, with what a test breaks in it.
fn results(plant: impl FnOnce(&mut CompiledMapping)) -> Vec<LawResult> {
    let fabric = read::read(&Sources::of("f.yaml", FABRIC)).fabric;
    let mapping = fabric.mappings.values().next().unwrap();
    let mut mapping = CompiledMapping::compile(mapping, &fabric, 1).unwrap();
    plant(&mut mapping);
    run(&mapping, &fabric, 1, 200, 5)
}

#[test]
fn a_sound_mapping_holds() {
    assert!(results(|_| {}).iter().all(|law| law.broken.is_none() && law.held > 100));
}

#[test]
fn a_write_that_changes_another_attribute_is_caught() {
    let laws = results(|mapping| mapping.members_mut()[2].writable = true);
    let broken = laws[1].broken.as_deref().unwrap();
    assert!(broken.contains("put was") && broken.contains("the record was"), "{broken}");
}

#[test]
fn a_value_that_does_not_come_back_is_caught() {
    let words = [("KG", "kg"), ("G", "g"), ("KG", "x")].map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned()));
    let laws = results(|mapping| {
        let field = &mut mapping.members_mut()[2];
        field.lens = Lens::Enum(words.into_iter().rev().collect());
        field.writable = true;
    });
    assert!(laws[1].broken.is_some());
}

#[test]
fn a_record_that_cannot_be_read_is_caught() {
    let laws = results(|mapping| mapping.members_mut()[1].at = Some(Spot::new("", "w_missing")));
    assert!(laws.iter().all(|law| law.broken.is_none()), "fields are made as the lenses say: {laws:?}");
    let laws = results(|mapping| mapping.members_mut()[2].lens = Lens::Label);
    assert!(laws.iter().all(|law| law.broken.is_none()), "{laws:?}");
    let laws = results(|mapping| mapping.members_mut()[2].lens = Lens::Enum(Vec::new()));
    assert!(laws[0].broken.as_deref().unwrap().contains("cannot be read"));
}
