//! Where a name is declared: systems, objects, interfaces, types of events, mappings, consumers, issuers, teams, sites, code sets,
//! domains, flows, rules.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::manifest::kind::Kind;
use selvage_model::source::Place;

use super::cursor::Cursor;

/// The places where the word under the cursor may be declared; by its key where that says which it is.
pub(super) fn places(cursor: &Cursor, fabric: &Fabric) -> Vec<Place> {
    let word = cursor.word.as_str();
    if word.is_empty() {
        return Vec::new();
    }
    let key = cursor.path.iter().rev().map(String::as_str).find(|key| kind_of(key).is_some());
    let meant = key.and_then(kind_of);
    declared(word, fabric)
        .into_iter()
        .filter(|(kind, _)| meant.is_none_or(|meant| meant.contains(kind)))
        .map(|(_, place)| place)
        .collect()
}

/// Whether the word under the cursor may be the name of something of this kind, by its key.
pub(super) fn may_mean(cursor: &Cursor, kind: Kind) -> bool {
    let meant = cursor.path.iter().rev().find_map(|key| kind_of(key));
    meant.is_some_and(|meant| meant.contains(&kind))
}

/// What a key refers to.
fn kind_of(key: &str) -> Option<&'static [Kind]> {
    Some(match key {
        "system" | "produced_by" | "record" => &[Kind::System],
        "owner" | "stewards" => &[Kind::Team, Kind::Domain],
        "object" => &[Kind::Object],
        "interface" | "successor" | "on" | "copy" | "event" | "events" => &[Kind::Interface],
        "issuer" => &[Kind::Issuer],
        "site" => &[Kind::Site],
        "rule" => &[Kind::Rule, Kind::ApprovalRule],
        "consumer" => &[Kind::Consumer],
        "domain" => &[Kind::Domain],
        "set" | "code" => &[Kind::CodeSet],
        "extends" => &[Kind::Mapping, Kind::Object, Kind::CodeSet],
        _ => return None,
    })
}

/// Everything that is declared under this name.
fn declared(word: &str, fabric: &Fabric) -> Vec<(Kind, Place)> {
    let mut found: Vec<(Kind, Place)> = Vec::new();
    let mut add = |kind: Kind, is_meant: bool, place: &Place| {
        if is_meant {
            found.push((kind, place.clone()));
        }
    };
    let versioned = |whole: String| whole == word || whole.split('@').next() == Some(word);
    fabric.systems.iter().for_each(|(name, it)| add(Kind::System, name.as_str() == word, &it.place));
    fabric.teams.iter().for_each(|(name, it)| add(Kind::Team, name.as_str() == word, &it.place));
    fabric.domains.iter().for_each(|(name, it)| add(Kind::Domain, name.as_str() == word, &it.place));
    fabric.sites.iter().for_each(|(name, it)| add(Kind::Site, name.as_str() == word, &it.place));
    fabric.objects.iter().for_each(|(name, it)| add(Kind::Object, versioned(name.to_string()), &it.place));
    fabric.interfaces.iter().for_each(|(name, it)| add(Kind::Interface, versioned(name.to_string()), &it.place));
    fabric.mappings.iter().for_each(|(name, it)| add(Kind::Mapping, name.as_str() == word, &it.place));
    fabric.consumers.iter().for_each(|(name, it)| add(Kind::Consumer, name.as_str() == word, &it.place));
    fabric.code_sets.iter().for_each(|(name, it)| add(Kind::CodeSet, name.as_str() == word, &it.place));
    fabric.issuers.iter().for_each(|(name, it)| add(Kind::Issuer, name.as_str() == word, &it.place));
    fabric.rules.iter().for_each(|(name, it)| add(Kind::Rule, name.as_str() == word, &it.place));
    fabric.approval_rules.iter().for_each(|(name, it)| add(Kind::ApprovalRule, name.as_str() == word, &it.place));
    for interface in fabric.interfaces.values() {
        let InterfaceBody::Event(body) = &interface.body else { continue };
        body.events.iter().for_each(|kind| add(Kind::Interface, kind.name.value == word, &kind.name.place));
    }
    fabric.flows.iter().for_each(|(name, it)| add(Kind::Flow, name.as_str() == word, &it.place));
    found
}
