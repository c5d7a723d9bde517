//! The same hunt through layouts of files: a file that lay where it is looked for, in the format that is read, goes on to become the
//! same event of the same object. Nothing moves files yet: the judge is the declaration itself, and the contract of the object.

use selvage_mapping::check_event;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::{FileFormat, FileInterface};
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::read::{self, Sources};
use serde_json::{Value, json};

use super::trial::{Trial, Tried, holes_are_found, nothing_is_lost, safe_but};
use super::{PARTS, Random, objects, wanted};
use crate::compare::fabrics;

const FOLDERS: [&str; 2] = ["in/asn", "in/orders"];
const FORMATS: [(&str, &str); 3] = [("x12", "856"), ("x12", "850"), ("edifact", "DESADV")];

fn layout(random: &mut Random) -> Value {
    let (format, transaction) = *random.pick(&FORMATS);
    json!({
        "kind": "Interface", "name": "notices", "type": "file", "version": "1.0",
        "contract": {"format": format, "transaction": transaction},
        "source": {"system": random.pick(&["lager", "erp"]), "folder": random.pick(&FOLDERS), "poll": "1m", "archive": "done/", "quarantine": "bad/"},
        "into": {"event": "procurement.asn.received", "object": "thing@1", "lane": "id"},
    })
}

fn changed(layout: &Value, random: &mut Random) -> Value {
    let mut layout = layout.clone();
    let (format, transaction) = *random.pick(&FORMATS);
    match random.below(10) {
        0 => layout["contract"]["format"] = json!(format),
        1 => layout["contract"]["transaction"] = json!(transaction),
        2 => layout["source"]["system"] = json!(random.pick(&["lager", "erp"])),
        3 => layout["source"]["folder"] = json!(random.pick(&FOLDERS)),
        4 => layout["source"]["poll"] = json!("5m"),
        5 => layout["into"]["event"] = json!("procurement.order.received"),
        6 => layout["into"]["lane"] = json!("a"),
        7 => layout["description"] = json!("What a carrier announces"),
        8 => layout["version"] = json!("1.1"),
        _ => layout["owner"] = json!("logistics"),
    }
    layout
}

struct State {
    text: String,
    fabric: Fabric,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// A file as it lies somewhere.
#[derive(Debug)]
struct Lying {
    system: &'static str,
    folder: &'static str,
    form: (&'static str, &'static str),
    data: Value,
}

impl State {
    fn of(layout: &Value, object: &Value, sets: &[Value]) -> Self {
        let documents: Vec<String> = [layout, object].into_iter().chain(sets).map(ToString::to_string).collect();
        let text = documents.join("\n---\n");
        let reading = read::read(&Sources::of("fabric.yaml", &text));
        assert_eq!(reading.findings, [], "{text}");
        Self { text, fabric: reading.fabric }
    }

    fn declared(&self) -> &FileInterface {
        match &self.fabric.interfaces.values().next().unwrap().body {
            InterfaceBody::File(file) => file,
            _ => unreachable!("the interface is of files"),
        }
    }

    /// What a file becomes: its event and what orders it. None where it is not found, or is refused.
    fn taken(&self, file: &Lying) -> Option<String> {
        let declared = self.declared();
        let source = &declared.source;
        let is_found = source.system.value.as_str() == file.system && source.folder == file.folder;
        let is_read = form_of(declared) == (file.form.0, Some(file.form.1));
        let object = self.fabric.objects.values().next()?;
        let fits = check_event(object, &self.fabric, &file.data).is_empty();
        let into = &declared.into;
        let lane = into.lane.as_ref().map(|lane| &lane.value);
        (is_found && is_read && fits).then(|| format!("{} in the lane of {lane:?}", into.event.value))
    }
}

/// The format and the transaction, in the words of manifests.
fn form_of(declared: &FileInterface) -> (&'static str, Option<&str>) {
    let format = if declared.format == FileFormat::Edifact { "edifact" } else { "x12" };
    (format, declared.transaction.as_deref())
}

#[derive(Debug)]
struct Change {
    before: State,
    after: State,
    forgotten: &'static [&'static str],
}

impl Trial for Change {
    fn told(&self) -> Option<usize> {
        safe_but(&fabrics(&self.before.fabric, &self.after.fabric), self.forgotten)
    }

    fn tried(&self, random: &mut Random) -> Tried {
        let object = self.before.fabric.objects.values().next().unwrap();
        let source = &self.before.declared().source;
        let at = |all: [&'static str; 2], known: &str| all.into_iter().find(|one| *one == known).unwrap_or(all[0]);
        let declared = self.before.declared();
        let form = FORMATS.into_iter().find(|form| form_of(declared) == (form.0, Some(form.1)));
        let file = Lying {
            system: at(["lager", "erp"], source.system.value.as_str()),
            folder: at(FOLDERS, &source.folder),
            form: form.unwrap_or(FORMATS[0]),
            data: objects::near(&object.attributes, random),
        };
        let was = self.before.taken(&file);
        Tried::of(&file, was.is_some(), || self.after.taken(&file) == was)
    }
}

fn change(random: &mut Random, forgotten: &'static [&'static str]) -> Option<Change> {
    let (layout, object, sets) = (layout(random), objects::whole(random), objects::sets(random));
    let before = State::of(&layout, &object, &sets);
    let after = match random.below(3) {
        0 => State::of(&layout, &objects::changed(&object, random), &sets),
        _ => State::of(&changed(&layout, random), &object, &sets),
    };
    (before.text != after.text).then_some(Change { before, after, forgotten })
}

#[test]
fn what_is_safe_for_files_takes_every_file_that_was_taken() {
    nothing_is_lost(310 << 32, wanted().div_ceil(PARTS), |random| change(random, &[]));
}

#[test]
fn a_comparison_of_files_that_forgets_a_class_is_found_out() {
    let codes = &[
        "file.format.changed",
        "file.transaction.changed",
        "file.system.changed",
        "file.folder.changed",
        "file.event.changed.response",
        "file.lane.changed.response",
        "object.shown-attribute.added.request",
    ];
    holes_are_found(311 << 32, codes, change);
}
