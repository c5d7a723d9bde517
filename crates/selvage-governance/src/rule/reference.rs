//! Names that nothing declares: every reference from one manifest to another, in every kind.

mod access;
mod interface;
mod object;
mod organisation;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity, show};
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::manifest::kind::Kind;
use selvage_model::manifest::mapping::Mapping;
use selvage_model::source::{Place, Spanned};

use super::LintRule;
use crate::lint::{Context, Report};
use crate::nearest::suggest;

pub(crate) const UNKNOWN: LintRule = LintRule {
    code: code::NAME_UNKNOWN,
    name: "names-are-declared",
    severity: Severity::Error,
    waivable: false,
    check: unknown,
};

fn unknown(context: &Context<'_>, report: &mut Report) {
    let names = Names::of(context.fabric);
    let mut search = Search { fabric: context.fabric, names: &names, report, tells_all: false };
    organisation::search(&mut search);
    object::search(&mut search);
    interface::search(&mut search);
    access::search(&mut search, context);
}

/// Whether a mapping names what nothing declares: then there is no use in compiling it.
pub(crate) fn has_unknown(fabric: &Fabric, names: &Names<'_>, mapping: &Mapping) -> bool {
    let mut report = Report::default();
    object::mapping(&mut Search { fabric, names, report: &mut report, tells_all: true }, mapping);
    !report.found.is_empty()
}

/// What a pack names of the fabric that takes it is told once, where it is taken.
fn is_told_of_pack(what: &str, place: &Place) -> bool {
    super::pack::is_of_pack(place) && matches!(what, "team" | "system" | "system or role")
}

/// Names that are gathered from many manifests, once.
pub(crate) struct Names<'a> {
    /// Objects in any version.
    objects: BTreeSet<&'a str>,
    /// Systems, and the roles that sites bind to them.
    systems_and_roles: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    pub(crate) fn of(fabric: &'a Fabric) -> Self {
        let roles = fabric.sites.values().flat_map(|site| &site.roles).map(|(role, _)| role.value.as_str());
        let systems = fabric.systems.keys().map(|name| name.as_str());
        Self {
            objects: fabric.objects.keys().map(|object| object.name.as_str()).collect(),
            systems_and_roles: roles.chain(systems).collect(),
        }
    }
}

/// Looks names up and notes those that are not there.
struct Search<'a, 'r> {
    fabric: &'a Fabric,
    names: &'r Names<'a>,
    report: &'r mut Report,
    /// Whether names are noted of which other findings say enough: those whose own manifests cannot be taken, and the
    /// teams and systems that packs name.
    tells_all: bool,
}

impl<'a> Search<'a, '_> {
    /// A name that has to be among the keys of this map.
    fn key<K: Ord + Display, V>(&mut self, about: &impl ToString, what: &str, name: &Spanned<K>, map: &BTreeMap<K, V>) {
        if !map.contains_key(&name.value) {
            let known: Vec<String> = map.keys().map(ToString::to_string).collect();
            self.note(about, what, name, &known);
        }
    }

    /// A word that has to be among these.
    fn word(&mut self, about: &impl ToString, what: &str, word: &Spanned<impl Display>, known: &BTreeSet<&str>) {
        if !known.contains(word.value.to_string().as_str()) {
            let known: Vec<String> = known.iter().map(|known| (*known).to_owned()).collect();
            self.note(about, what, word, &known);
        }
    }

    fn note(&mut self, about: &impl ToString, what: &str, name: &Spanned<impl Display>, known: &[String]) {
        let text = name.value.to_string();
        if !self.tells_all && (self.is_unread(what, &text) || is_told_of_pack(what, &name.place)) {
            return;
        }
        let finding = Finding::error(code::NAME_UNKNOWN, &name.place, format!("there is no {what} {}", show(&text)));
        let fix = suggest(&text, known, "declare it, or name one that is declared");
        self.report.add(about, finding.fix(fix));
    }

    /// Whether a manifest declares it that cannot be taken, whatever its version would be.
    fn is_unread(&self, what: &str, text: &str) -> bool {
        let name = text.split('@').next().unwrap_or_default();
        let is_meant =
            |kind: &Kind| what.split(" or ").any(|word| word.replace(' ', "").eq_ignore_ascii_case(kind.as_str()));
        self.fabric.unread.iter().any(|(kind, unread)| unread == name && is_meant(kind))
    }

    /// The events of every interface.
    fn events(&self) -> BTreeSet<&'a str> {
        let bodies = self.fabric.interfaces.values().map(|interface| &interface.body);
        let mut events = BTreeSet::new();
        for body in bodies {
            match body {
                InterfaceBody::Event(body) => events.extend(body.events.iter().map(|event| event.name.value.as_str())),
                InterfaceBody::File(body) => drop(events.insert(body.into.event.value.as_str())),
                InterfaceBody::Webhook(body) => events.extend(body.into.iter().map(|into| into.event.value.as_str())),
                InterfaceBody::Api(_) | InterfaceBody::Flow => {}
            }
        }
        events
    }
}
