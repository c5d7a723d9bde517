//! What is said of what the mouse points at: the page of a finding's code, the description of a field, what a name stands for.

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::interface::Interface;
use selvage_model::manifest::kind::Kind;
use selvage_model::manifest::object::Object;

use super::cursor::{self, Cursor};
use super::definition;
use crate::embedded;

/// Markdown for a cursor; nothing where there is nothing to say.
pub(super) fn text(cursor: &Cursor, fabric: &Fabric, here: &[&Finding]) -> Option<String> {
    let page = |code: &str| embedded::error_page(code).map(str::to_owned);
    if let Some((code, _)) = code::find(&cursor.word) {
        return page(code.as_str());
    }
    let pages = here.iter().filter_map(|finding| page(finding.code.as_str()));
    let all: Vec<String> = field(cursor).into_iter().chain(named(cursor, fabric)).chain(pages).collect();
    (!all.is_empty()).then(|| all.join("\n\n---\n\n"))
}

fn field(cursor: &Cursor) -> Option<String> {
    let kind = cursor.kind?;
    // On the key itself, or on its value.
    let mut path = cursor.path.clone();
    let name = if cursor.in_value { path.pop()? } else { cursor.word.clone() };
    let (schema, _) = cursor::schema_at(kind, &path)?;
    let (_, property) = cursor::properties(&schema).into_iter().find(|(known, _)| *known == name)?;
    let about = property.get("description")?.as_str()?;
    let words = property.get("enum").and_then(|words| words.as_array()).map(|words| {
        let words: Vec<String> = words.iter().filter_map(|word| Some(format!("`{}`", word.as_str()?))).collect();
        format!("\n\nOne of {}.", words.join(", "))
    });
    Some(format!("**{name}** ({kind}): {about}{}", words.unwrap_or_default()))
}

/// What a name stands for, where the cursor is on one.
fn named(cursor: &Cursor, fabric: &Fabric) -> Option<String> {
    let word = cursor.word.as_str();
    let meant = |kind: Kind| cursor.in_value && definition::may_mean(cursor, kind);
    let object = || fabric.objects.values().find(|object| object.reference().to_string() == word).map(of_object);
    let interface =
        || fabric.interfaces.values().find(|interface| interface.reference().to_string() == word).map(of_interface);
    let system = || {
        let system = fabric.systems.values().find(|system| meant(Kind::System) && system.name.as_str() == word)?;
        let places: Vec<String> = system.environments.iter().map(|it| format!("`{}`", it.name)).collect();
        Some(format!("**{}** (System): owned by `{}`, in {}", system.name, system.owner, places.join(", ")))
    };
    let team = || {
        let team = fabric.teams.values().find(|team| meant(Kind::Team) && team.name.as_str() == word)?;
        let roles = team.roles.iter().map(|(role, people)| format!("{role}: {}", people.join(", ")));
        Some(format!("**{}** (Team)\n\n{}", team.name, roles.collect::<Vec<_>>().join("; ")))
    };
    let consumer = || {
        let consumer = fabric.consumers.values().find(|it| meant(Kind::Consumer) && it.name.as_str() == word)?;
        let (owner, identity) = (&consumer.owner, consumer.identity.as_str());
        Some(format!("**{}** (Consumer): owned by `{owner}`, proves itself by `{identity}`", consumer.name))
    };
    let issuer = || {
        let issuer = fabric.issuers.values().find(|it| meant(Kind::Issuer) && it.name.as_str() == word)?;
        let places = issuer.environments.iter().map(|it| format!("`{}`: {}", it.name, it.url));
        Some(format!("**{}** (Issuer)\n\n{}", issuer.name, places.collect::<Vec<_>>().join("; ")))
    };
    let codes = || {
        let set = fabric.code_sets.values().find(|set| meant(Kind::CodeSet) && set.name.as_str() == word)?;
        let codes: Vec<String> = set.codes.iter().map(|entry| format!("`{}`", entry.code)).collect();
        Some(format!("**{}** (CodeSet): {}", set.name, codes.join(", ")))
    };
    object().or_else(interface).or_else(system).or_else(team).or_else(consumer).or_else(issuer).or_else(codes)
}

fn of_object(object: &Object) -> String {
    let attributes: Vec<&str> = object.attributes.iter().map(|attribute| attribute.name.value.as_str()).collect();
    let about = object.description.as_deref().unwrap_or_default();
    format!("**{}**: {about}\n\n{}", object.reference(), attributes.join(", "))
}

fn of_interface(interface: &Interface) -> String {
    let about = interface.description.as_deref().unwrap_or_default();
    let owner = interface.owner.as_ref().map(|owner| format!(", owned by `{owner}`")).unwrap_or_default();
    let state = interface.lifecycle.as_str();
    format!("**{}** {}: {about}\n\n{state}{owner}", interface.reference(), interface.version)
}
