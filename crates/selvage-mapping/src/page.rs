//! Objects and their mappings as pages for people, in Markdown: what each attribute is, who is its record, where it stands in
//! each system and which ways it goes. Made of the manifests alone; nothing here is written by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Operation;
use selvage_model::manifest::mapping::{Example, Mapping};
use selvage_model::manifest::object::{Attribute, Authority, Object};
use selvage_model::verb::{Proof, Verb};

pub(crate) mod field;
mod words;

use words::{allowed, cell, code, ranged, shape};

/// Most examples that a page shows of a mapping.
const MOST_EXAMPLES: usize = 3;

/// A page for each object, by its file's name, and `README.md` that lists them.
pub fn pages(fabric: &Fabric) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    for object in newest(fabric) {
        pages.insert(format!("{}.md", object.name), page(fabric, object));
    }
    pages.insert("README.md".to_owned(), index(fabric));
    pages
}

fn newest(fabric: &Fabric) -> impl Iterator<Item = &Object> {
    fabric
        .objects
        .values()
        .filter(|object| fabric.newest_object(&object.name).map(|it| it.version) == Some(object.version))
}

fn mappings<'f>(fabric: &'f Fabric, object: &Object) -> Vec<&'f Mapping> {
    let reference = object.reference();
    fabric.mappings.values().filter(|mapping| mapping.object.value == reference).collect()
}

fn index(fabric: &Fabric) -> String {
    let mut text = String::from(
        "# Objects\n\nThe objects that ship, and where each stands in Odoo. `packs: [odoo]` in the `kind: Fabric` manifest takes \
         them; [Mappings](../guide/mappings.md) says what the lenses do and how to change a part of one. These pages are made by \
         `cargo xtask docs --bless`.\n\n| object | what it is | records | versions |\n|---|---|---|---|\n",
    );
    for object in newest(fabric) {
        let mappings = mappings(fabric, object);
        let each = |word: fn(&Mapping) -> String| mappings.iter().map(|it| word(it)).collect::<Vec<_>>().join(", ");
        let records = each(|mapping| code(&mapping.record));
        let versions = each(|mapping| {
            let unverified = if mapping.unverified { " (unverified)" } else { "" };
            format!("{}{unverified}", ranged(mapping.versions))
        });
        let about = cell(object.description.as_deref().unwrap_or_default());
        let _ = writeln!(text, "| [{name}]({name}.md) | {about} | {records} | {versions} |", name = object.name);
    }
    text
}

fn page(fabric: &Fabric, object: &Object) -> String {
    let mut text = format!("# {}\n\n", object.name);
    if let Some(description) = &object.description {
        let _ = writeln!(text, "{}.\n", description.trim_end_matches('.'));
    }
    let identity: Vec<String> = object.identity.iter().map(|name| code(name.value.as_str())).collect();
    let _ = writeln!(text, "Version {}. Business key: {}.\n", object.version, identity.join(" with "));
    text.push_str("| attribute | type | given | record | what it is |\n|---|---|---|---|---|\n");
    attributes(&object.attributes, "", &object.authority, &mut text);
    for mapping in mappings(fabric, object) {
        section(fabric, object, mapping, &mut text);
    }
    text
}

fn attributes(all: &[Attribute], of: &str, authority: &[Authority], text: &mut String) {
    for attribute in all {
        let path = format!("{of}{}", attribute.name);
        let given = match (attribute.read_only, attribute.optional) {
            (true, _) => "read only",
            (false, true) => "optional",
            (false, false) => "required",
        };
        // Members follow the attribute that they are part of.
        let record = if of.is_empty() { records(attribute, authority) } else { String::new() };
        let about = cell(attribute.description.as_deref().unwrap_or_default());
        let _ = writeln!(text, "| `{path}` | {} | {given} | {record} | {about} |", shape(&attribute.shape));
        if let Some(members) = words::members(&attribute.shape) {
            attributes(members, &format!("{path}/"), authority, text);
        }
    }
}

/// The systems of record of an attribute.
fn records(attribute: &Attribute, authority: &[Authority]) -> String {
    let names = |one: &&Authority| one.attributes.iter().any(|name| name.value == attribute.name.value);
    let own: Vec<&Authority> = authority.iter().filter(names).collect();
    let general = || authority.iter().filter(|one| one.attributes.is_empty()).collect();
    let of = if own.is_empty() { general() } else { own };
    let word = |one: &Authority| {
        let condition = one.condition.as_ref().map(|condition| format!(" while `{}`", cell(&condition.value)));
        let per_site = if one.per_site { " of the site" } else { "" };
        format!("{}{per_site}{}", one.record, condition.unwrap_or_default())
    };
    of.into_iter().map(word).collect::<Vec<_>>().join(", ")
}

fn section(fabric: &Fabric, object: &Object, mapping: &Mapping, text: &mut String) {
    let (system, record) = (&mapping.system, code(&mapping.record));
    let _ = writeln!(text, "\n## In {system}\n\nRecord {record}, versions {}.", ranged(mapping.versions));
    if mapping.unverified {
        text.push_str("**Unverified**: not yet tried against a real system.\n");
    }
    for (field, wanted) in &mapping.only {
        let _ = writeln!(text, "Only records whose `{field}` is {}.", allowed(wanted));
    }
    text.push_str("\n| attribute | field | lens | ways |\n|---|---|---|---|\n");
    field::rows(fabric, object, mapping, text);
    operations(object, mapping, text);
    examples(mapping, text);
}

fn operations(object: &Object, mapping: &Mapping, text: &mut String) {
    let mut can = vec![code(Operation::List.as_str()), code(Operation::Get.as_str())];
    if object.attributes.iter().any(|attribute| !attribute.read_only) {
        can.push(code(Operation::Create.as_str()));
    }
    for verb in Verb::all().filter(|verb| verb.record() == Some(mapping.record.as_str())) {
        let at_risk = if verb.proof() == Proof::AtRisk { " (at-risk)" } else { "" };
        can.extend(verb.operation().map(|operation| format!("{}{at_risk}", code(operation.as_str()))));
    }
    let _ = writeln!(text, "\nOperations: {}.", can.join(", "));
}

fn examples(mapping: &Mapping, text: &mut String) {
    let mut shown: Vec<&Example> = Vec::new();
    for example in &mapping.examples {
        if shown.len() < MOST_EXAMPLES && shown.iter().all(|other| other.version != example.version) {
            shown.push(example);
        }
    }
    for example in shown {
        let version = example.version.map(|version| format!(" of version {version}")).unwrap_or_default();
        let pretty = |value| serde_json::to_string_pretty(value).unwrap_or_default();
        let _ = writeln!(text, "\nA record{version}:\n\n```json\n{}\n```\n", pretty(&example.local));
        let _ = writeln!(text, "is the object\n\n```json\n{}\n```", pretty(&example.canonical));
    }
}
