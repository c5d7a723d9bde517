//! Drafts as text: manifests in which a blank is a comment behind its key, as those of `selvage new`, so that the check names it until
//! somebody decides. Never an owner, a tier or a promise that nobody made.

use selvage_mapping::openapi;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Operation;
use selvage_model::name::Version;
use serde_json::Value;

use super::draft::{AttributeDraft, CodeSetDraft, ObjectDraft, ShapeDraft};
use crate::command::new::offered;

/// What blanks are filled in with where a draft is only tried.
const TRIED: &str = "draft";

/// Writes drafts for a fabric.
pub(super) struct Writer<'f> {
    pub(super) fabric: &'f Fabric,
    pub(super) owner: Option<String>,
    pub(super) system: Option<String>,
    /// Where it is of, in words.
    pub(super) source: String,
    /// Fills in every blank and makes it active: a draft that is judged as if it were served.
    pub(super) tried: bool,
}

/// What an interface is about.
pub(super) struct Facts<'f> {
    pub(super) name: &'f str,
    pub(super) version: Version,
    pub(super) description: Option<String>,
}

impl Writer<'_> {
    /// An interface that passes requests on.
    pub(super) fn direct(&self, facts: &Facts<'_>, contract: &str, path: &str) -> String {
        let mut text = self.interface(facts);
        text.push_str(&format!("control: direct\ncontract: {{openapi: {}}}\nupstream:\n", word(contract)));
        text.push_str(&format!("  system: {}\n  path: {}\n", self.system("the system that answers"), word(path)));
        text
    }

    /// An interface that serves an object.
    pub(super) fn mediated(&self, facts: &Facts<'_>, object: &str, operations: &[Operation]) -> String {
        let mut text = self.interface(facts);
        let operations: Vec<&str> = operations.iter().map(|operation| operation.as_str()).collect();
        text.push_str(&format!("control: mediated\nserves:\n  object: {}\n", word(object)));
        text.push_str(&format!("  system: {}\n", self.system("the system that keeps it")));
        text.push_str(&format!("  operations: [{}]\n", operations.join(", ")));
        text
    }

    fn interface(&self, facts: &Facts<'_>) -> String {
        let mut text = format!(
            "# Drafted by `selvage import openapi` from {}. Nothing is served before it is `active`.\n",
            self.source
        );
        text.push_str(&format!("kind: Interface\nname: {}\ntype: api\nversion: {}\n", facts.name, facts.version));
        text.push_str(&format!("owner: {}\n", self.owner()));
        if self.fabric.domains.len() > 1 {
            let domains = self.fabric.domains.keys().map(ToString::to_string).collect();
            text.push_str(&format!("domain: {}\n", self.blank("the domain that governs it", Some(&domains))));
        }
        if let Some(description) = &facts.description {
            text.push_str(&format!("description: {}\n", word(description)));
        }
        text.push_str(if self.tried { "lifecycle: active\n" } else { "lifecycle: draft\n" });
        if !self.tried {
            let tier = "tier-1 stops a plant, tier-2 hurts within a day, tier-3 can wait";
            text.push_str(&format!("classification:\n  criticality: {}\n", self.blank(tier, None)));
            text.push_str(&format!("  data: {}\n", self.blank("public, internal, confidential or restricted", None)));
        }
        text
    }

    /// An object.
    pub(super) fn object(&self, draft: &ObjectDraft) -> String {
        let source = visible(&format!("{}#{}", self.source, draft.pointer));
        let mut text =
            format!("# Drafted by `selvage import openapi` from {source}. Names and types are a first guess.\n");
        text.push_str(&format!("kind: Object\nname: {}\nversion: 1.0\nowner: {}\n", draft.name, self.owner()));
        if let Some(description) = &draft.description {
            text.push_str(&format!("description: {}\n", word(description)));
        }
        match &draft.identity {
            Some(identity) => text.push_str(&format!("identity: [{identity}]\n")),
            None => text
                .push_str(&format!("identity: {}\n", self.blank("the attributes that make its key, as [code]", None))),
        }
        text.push_str("attributes:\n");
        draft.attributes.iter().for_each(|it| attribute(it, 1, &mut text));
        text.push_str("# Which system may change what, once that is decided:\n# authority: [{attributes: \"*\", record: SYSTEM}]\n");
        text
    }

    /// A code set.
    pub(super) fn code_set(&self, draft: &CodeSetDraft) -> String {
        let mut text = format!(
            "# Drafted by `selvage import openapi` from {}.\nkind: CodeSet\nname: {}\n",
            self.source, draft.name
        );
        if draft.codes.iter().any(|code| code.dimension.is_some()) {
            text.push_str("standard: ucum\n");
        }
        text.push_str("codes:\n");
        for code in &draft.codes {
            let name = code.name.map_or_else(String::new, |name| format!(", name: {}", word(name)));
            let dimension = code.dimension.map_or_else(String::new, |dimension| format!(", dimension: {dimension}"));
            text.push_str(&format!("  - {{code: {}{name}{dimension}}}\n", word(&code.code)));
        }
        if !draft.words.is_empty() {
            let words: Vec<String> =
                draft.words.iter().map(|(theirs, ours)| format!("{}: {}", word(theirs), word(ours))).collect();
            let words = words.join(", ");
            match &self.system {
                Some(system) => text.push_str(&format!("systems:\n  {system}: {{{words}}}\n")),
                None => text.push_str(&format!("# The contract's words:\n# systems: {{SYSTEM: {{{words}}}}}\n")),
            }
        }
        text
    }

    pub(super) fn owner(&self) -> String {
        let teams = self.fabric.teams.keys().map(ToString::to_string).collect();
        self.owner.clone().unwrap_or_else(|| self.blank("the team that answers for it", Some(&teams)))
    }

    pub(super) fn system(&self, about: &str) -> String {
        let systems = self.fabric.systems.keys().map(ToString::to_string).collect();
        self.system.clone().unwrap_or_else(|| self.blank(about, Some(&systems)))
    }

    pub(super) fn blank(&self, about: &str, known: Option<&Vec<String>>) -> String {
        if self.tried { TRIED.to_owned() } else { format!("# fill in: {}", offered(about, known)) }
    }
}

/// An attribute and what is in it, so deep.
fn attribute(draft: &AttributeDraft, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let mut flags = Vec::new();
    if draft.optional {
        flags.push("optional: true".to_owned());
    }
    if draft.read_only {
        flags.push("read_only: true".to_owned());
    }
    flags.extend(draft.description.as_ref().map(|about| format!("description: {}", word(about))));
    let members = match &draft.shape {
        ShapeDraft::Group(members) => Some(("group", "attributes", members)),
        ShapeDraft::List(of) => match of.as_ref() {
            ShapeDraft::Group(members) => Some(("list", "of", members)),
            _ => None,
        },
        _ => None,
    };
    let Some((kind, field, members)) = members else {
        let fields: Vec<String> = std::iter::once(shape(&draft.shape)).chain(flags).collect();
        text.push_str(&format!("{indent}{}: {{{}}}\n", draft.name, fields.join(", ")));
        return;
    };
    text.push_str(&format!("{indent}{}:\n{indent}  type: {kind}\n", draft.name));
    flags.iter().for_each(|flag| text.push_str(&format!("{indent}  {flag}\n")));
    text.push_str(&format!("{indent}  {field}:\n"));
    members.iter().for_each(|member| attribute(member, depth + 2, text));
}

/// The fields of a type, in one line.
fn shape(shape: &ShapeDraft) -> String {
    match shape {
        ShapeDraft::String { max: Some(max) } => format!("type: string, max: {max}"),
        ShapeDraft::String { max: None } => "type: string".to_owned(),
        ShapeDraft::Text => "type: text".to_owned(),
        ShapeDraft::Integer => "type: integer".to_owned(),
        ShapeDraft::Decimal => "type: decimal".to_owned(),
        ShapeDraft::Boolean => "type: boolean".to_owned(),
        ShapeDraft::Enum(words) => format!("type: enum, values: [{}]", listed(words)),
        ShapeDraft::Code(set) => format!("type: code, set: {set}"),
        ShapeDraft::Ref(object) => format!("type: ref, object: {object}"),
        ShapeDraft::Quantity { dimension: Some(dimension), .. } => format!("type: quantity, dimension: {dimension}"),
        ShapeDraft::Quantity { dimension: None, .. } => "type: quantity".to_owned(),
        ShapeDraft::Money(_) => "type: money".to_owned(),
        ShapeDraft::Timestamp => "type: timestamp".to_owned(),
        ShapeDraft::Date => "type: date".to_owned(),
        ShapeDraft::Duration(_) => "type: duration".to_owned(),
        ShapeDraft::List(of) => format!("type: list, of: {{{}}}", self::shape(of)),
        // Groups stand in lines of their own; in a list of lists there is none.
        ShapeDraft::Group(_) => "type: text".to_owned(),
    }
}

fn listed(words: &[String]) -> String {
    words.iter().map(|text| word(text)).collect::<Vec<_>>().join(", ")
}

/// A text as YAML that reads as this text, in brackets too.
pub(super) fn word(text: &str) -> String {
    openapi::yaml(&Value::from(text)).trim_end().to_owned()
}

/// A text for a comment: in one line.
fn visible(text: &str) -> String {
    crate::report::visible(text, false)
}
