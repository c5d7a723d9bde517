//! From a contract to drafts: reads it, mends it, finds what it is about, and has the drafts written as text. Only the files of the
//! contract are read; nothing is written here.

use std::collections::BTreeSet;

use selvage_mapping::openapi;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::show;
use selvage_model::name::{InterfaceRef, ObjectName, Version};
use selvage_model::read::Sources;
use serde_json::Value;

use super::attribute::Reader;
use super::contract::{self, Operation};
use super::draft::{CodeSetDraft, ObjectDraft};
use super::file::Files;
use super::note::Notes;
use super::resource::{self, Resource};
use super::told::{self, Server};
use super::write::{Facts, Writer};
use super::{ImportOpenapi, Refusal, bundle, naming, schema};
use crate::command::fmt;

/// What an import comes to.
pub(super) struct Drafted {
    /// What was read, in words.
    pub(super) read: String,
    /// The operations of the contract, by their ids.
    pub(super) operations: Vec<String>,
    /// The files to be made, by their paths in the fabric's directory.
    pub(super) files: Vec<DraftedFile>,
    pub(super) notes: Notes,
    /// The interfaces that were drafted.
    pub(super) interfaces: Vec<String>,
}

/// A file to be made.
pub(super) struct DraftedFile {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    /// Whether it is a manifest; otherwise it is the contract.
    pub(super) is_manifest: bool,
}

/// A contract, read and mended.
struct Contract {
    document: Value,
    operations: Vec<Operation>,
    /// What is copied: the file as it was, or written anew.
    bytes: Vec<u8>,
    ending: &'static str,
}

/// Drafts what was asked for.
///
/// # Errors
/// Why there are no drafts.
pub(super) fn draft(asked: &ImportOpenapi, fabric: &Fabric) -> Result<Drafted, Vec<Refusal>> {
    let mut notes = Notes::default();
    let mut files = Files::open(&asked.file).map_err(|refusal| vec![refusal])?;
    let first = files.get(&files.first.clone()).map_err(|refusal| vec![refusal])?;
    let which = contract::version(&first).map_err(|refusal| vec![refusal])?;
    let contract = read(&mut files, &mut notes)?;
    let document = &contract.document;
    let title = document.pointer("/info/title").and_then(Value::as_str).unwrap_or_default();
    let read = format!("{}: OpenAPI {which}, {}", files.first, show(title));
    let version = contract::own_version(document, &mut notes);
    told::beside_paths(document, &contract.operations, &mut notes);
    told::security(document, &mut notes);
    let server = told::server(document, fabric, &mut notes);
    let Found { resources, objects, code_sets } = objects(asked, fabric, &contract, &mut notes)?;
    let system = asked.system.as_ref().map(ToString::to_string).or_else(|| server.system.clone());
    let owner = asked.owner.as_ref().map(ToString::to_string);
    let source = files.first.chars().filter(|c| !c.is_control()).collect();
    let writer = Writer { fabric, owner, system, source, tried: false };
    let mut drafting = Drafting { asked, fabric, writer, notes, files: Vec::new(), interfaces: Vec::new() };
    let about = Subject { contract: &contract, title, version, stem: &files.first };
    if asked.mediated {
        drafting.mediated(&about, &resources, &objects).map_err(|refusal| vec![refusal])?;
    } else {
        told::conventions(document, &contract.operations, &mut drafting.notes);
        drafting.direct(&about, &server).map_err(|refusal| vec![refusal])?;
    }
    for object in &objects {
        let text = drafting.writer.object(object);
        drafting.manifest(format!("objects/{}.yaml", object.name), &text);
    }
    for set in &code_sets {
        let text = drafting.writer.code_set(set);
        drafting.manifest(format!("codes/{}.yaml", set.name), &text);
    }
    let Drafting { notes, files, interfaces, .. } = drafting;
    // Where Selvage serves, only what objects were told by is in the drafts.
    let told = |id: &String| !asked.mediated || resources.iter().any(|it| it.sources.iter().any(|(own, _)| own == id));
    let operations = contract.operations.iter().map(|operation| operation.id.clone()).filter(told).collect();
    Ok(Drafted { read, operations, files, notes, interfaces })
}

fn read(files: &mut Files, notes: &mut Notes) -> Result<Contract, Vec<Refusal>> {
    let bundle = bundle::bundle(files)?;
    let mut document = bundle.document;
    for reference in &bundle.taken_in {
        notes.changed("what the contract refers to is taken into the copy", reference.clone());
    }
    let (operations, mended) = contract::mend(&mut document, notes).map_err(|refusal| vec![refusal])?;
    let anew = mended || !bundle.taken_in.is_empty() || files.is_json_only;
    let (bytes, ending) = if anew {
        (openapi::yaml(&document).into_bytes(), "yaml")
    } else {
        let is_json = files.bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        (files.bytes.clone(), if is_json { "json" } else { "yaml" })
    };
    if bytes.len() as u64 > Sources::MOST_BYTES {
        let message =
            format!("the contract in one file has {} bytes; at most {} are read", bytes.len(), Sources::MOST_BYTES);
        return Err(vec![Refusal::new(code::IMPORT_UNREADABLE, message, "keep only the operations that are needed")]);
    }
    Ok(Contract { document, operations, bytes, ending })
}

/// What the contract is about.
#[derive(Default)]
struct Found {
    resources: Vec<Resource>,
    objects: Vec<ObjectDraft>,
    /// The code sets that the objects need.
    code_sets: Vec<CodeSetDraft>,
}

/// The resources that were asked for, with their objects.
fn objects(
    asked: &ImportOpenapi,
    fabric: &Fabric,
    contract: &Contract,
    notes: &mut Notes,
) -> Result<Found, Vec<Refusal>> {
    if asked.no_objects {
        return Ok(Found::default());
    }
    let mut resources = resource::find(&contract.document, &contract.operations, notes, asked.mediated);
    let known: Vec<String> = resources.iter().map(|resource| show(&resource.name)).collect();
    let is_known = |name: &&ObjectName| resources.iter().any(|resource| resource.name == name.as_str());
    let stray = asked.objects.iter().find(|name| !is_known(name));
    let none = asked.mediated && resources.is_empty();
    if stray.is_some() || none {
        let message = match stray {
            Some(name) => format!("the contract has no resource `{name}`"),
            None => "the contract has no resource: no path that lists or gets objects".to_owned(),
        };
        let fix = if known.is_empty() {
            "draft it without --mediated".to_owned()
        } else {
            format!("it has {}", known.join(", "))
        };
        return Err(vec![Refusal::new(code::IMPORT_EMPTY, message, fix)]);
    }
    let is_asked = |resource: &Resource| {
        asked.objects.is_empty() || asked.objects.iter().any(|name| name.as_str() == resource.name)
    };
    for resource in resources.iter().filter(|resource| !is_asked(resource)) {
        notes.left_out(format!("the object `{}`, which was not asked for", resource.name), resource.pointer.clone());
    }
    resources.retain(is_asked);
    let sets = fabric.code_sets.keys().map(ToString::to_string).collect();
    // A mapping follows references to what is mapped to the same system; only what is drafted with it surely is.
    let others: BTreeSet<String> =
        if asked.mediated { BTreeSet::new() } else { fabric.objects.keys().map(|it| it.name.to_string()).collect() };
    let mut reader = Reader::new(&contract.document, &resources, others, sets, notes);
    let mut drafts = Vec::new();
    for resource in &resources {
        if is_declared(fabric, &resource.name) {
            let text = format!("the fabric has an object `{}`: it is not drafted again", resource.name);
            reader.notes.hint(text, resource.pointer.clone());
            reader.carried.insert(resource.pointer.clone());
            continue;
        }
        drafts.extend(reader.object(resource));
    }
    uncarried(&contract.document, &mut reader);
    let sets = std::mem::take(&mut reader.code_sets).into_values().collect();
    resources
        .retain(|resource| is_declared(fabric, &resource.name) || drafts.iter().any(|it| it.name == resource.name));
    Ok(Found { resources, objects: drafts, code_sets: sets })
}

fn is_declared(fabric: &Fabric, name: &str) -> bool {
    name.parse::<ObjectName>().is_ok_and(|name| fabric.newest_object(&name).is_some())
}

/// Schemas of the contract that are in no object.
fn uncarried(document: &Value, reader: &mut Reader<'_>) {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    for (name, schema) in schemas.into_iter().flatten() {
        let at = super::pointer::join("/components/schemas", name);
        let is_object = schema::view(document, schema, &at).is_ok_and(|view| view.form() == schema::Form::Object);
        if is_object && !reader.carried.contains(&at) {
            reader.notes.left_out("a schema that no object is made of", at);
        }
    }
}

/// What interfaces are drafted of.
struct Subject<'c> {
    contract: &'c Contract,
    title: &'c str,
    version: Version,
    /// The file's name.
    stem: &'c str,
}

struct Drafting<'a> {
    asked: &'a ImportOpenapi,
    fabric: &'a Fabric,
    writer: Writer<'a>,
    notes: Notes,
    files: Vec<DraftedFile>,
    interfaces: Vec<String>,
}

impl Drafting<'_> {
    fn direct(&mut self, about: &Subject<'_>, server: &Server) -> Result<(), Refusal> {
        let name = self.name(about)?;
        self.undeclared(&name, about.version)?;
        let description = about.contract.document.pointer("/info/description").and_then(Value::as_str);
        if description.is_some_and(|text| !schema::is_whole(text)) {
            self.notes.left_out("descriptions behind their first sentence", "/info/description");
        }
        let description = description.and_then(schema::sentence).or_else(|| schema::sentence(about.title));
        let facts = Facts { name: &name, version: about.version, description };
        let path = format!("contracts/{name}.{}", about.contract.ending);
        let copy = String::from_utf8_lossy(&about.contract.bytes).into_owned();
        told::usable(&copy, &path)?;
        let text = self.writer.direct(&facts, &path, &server.path);
        self.manifest(format!("interfaces/{name}.yaml"), &text);
        let tried = Writer { tried: true, owner: None, system: None, source: String::new(), ..self.writer };
        told::once_active(&tried.direct(&facts, &path, &server.path), &copy, &path, &mut self.notes);
        self.files.push(DraftedFile { path, bytes: about.contract.bytes.clone(), is_manifest: false });
        Ok(())
    }

    fn mediated(
        &mut self,
        about: &Subject<'_>,
        resources: &[Resource],
        objects: &[ObjectDraft],
    ) -> Result<(), Refusal> {
        if let (Some(name), true) = (&self.asked.name, resources.len() > 1) {
            let message = format!("the contract is about {} objects, and `{name}` is one name", resources.len());
            return Err(Refusal::new(code::IMPORT_EMPTY, message, "choose one with --object, or leave --name out"));
        }
        for resource in resources {
            let plural = resource.name.parse::<ObjectName>().map(|name| name.plural()).unwrap_or_default();
            let name = self.asked.name.as_ref().map_or(plural, ToString::to_string);
            self.undeclared(&name, about.version)?;
            let draft = objects.iter().find(|object| object.name == resource.name);
            let declared = resource.name.parse().ok().and_then(|name: ObjectName| self.fabric.newest_object(&name));
            let object =
                declared.map_or_else(|| format!("{}@1", resource.name), |object| object.reference().to_string());
            let description =
                draft.and_then(|draft| draft.description.clone()).or_else(|| schema::sentence(about.title));
            let facts = Facts { name: &name, version: about.version, description };
            let mut operations = resource.operations.clone();
            if operations.is_empty() {
                operations.push(selvage_model::manifest::api::Operation::List);
            }
            let text = self.writer.mediated(&facts, &object, &operations);
            self.manifest(format!("interfaces/{name}.yaml"), &text);
            for (_, at) in &resource.sources {
                let text = "parameters, headers and errors of an operation: what Selvage serves has its own";
                self.notes.left_out(text, at.clone());
            }
            for (verb, operation) in &resource.verbs {
                let text =
                    format!("`{operation}` looks like the verb `{verb}`: add it where the system's record has it");
                self.notes.hint(text, resource.collection.clone());
            }
            if let Some(draft) = draft {
                let system = self.writer.system.clone().unwrap_or_else(|| "source".to_owned());
                let mapping = naming::thing(&naming::words(&format!("{}-{system}", resource.name))).unwrap_or_default();
                let text = self.writer.mapping(&mapping, draft);
                self.manifest(format!("mappings/{mapping}.yaml"), &text);
            }
        }
        Ok(())
    }

    /// The interface's name: what was said, the contract's title, or its file's.
    fn name(&self, about: &Subject<'_>) -> Result<String, Refusal> {
        if let Some(name) = &self.asked.name {
            return Ok(name.to_string());
        }
        let stem = about.stem.split('.').next().unwrap_or_default();
        let made = [about.title, stem].into_iter().find_map(|text| naming::thing(&naming::words(text)));
        let message = format!("no name can be made of {}", show(about.title));
        made.ok_or_else(|| Refusal::new(code::IMPORT_EMPTY, message, "say one with --name"))
    }

    /// That nothing is declared twice.
    fn undeclared(&mut self, name: &str, version: Version) -> Result<(), Refusal> {
        let reference = format!("{name}@{}", version.major);
        let declared = reference.parse().is_ok_and(|it: InterfaceRef| self.fabric.interfaces.contains_key(&it));
        if declared {
            let message = format!("the fabric declares `{reference}` already");
            let fix =
                if self.asked.mediated { "choose other objects with --object" } else { "say another name with --name" };
            return Err(Refusal::new(code::IMPORT_THERE, message, fix));
        }
        self.interfaces.push(reference);
        Ok(())
    }

    /// Adds a manifest, in the form of `selvage fmt`.
    fn manifest(&mut self, path: String, text: &str) {
        let text = fmt::form(text).unwrap_or_else(|| text.to_owned());
        self.files.push(DraftedFile { path, bytes: text.into_bytes(), is_manifest: true });
    }
}
