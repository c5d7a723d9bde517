//! Data about people is carried as what it is.

use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::{DataClass, Interface};
use selvage_model::manifest::object::{Attribute, Shape};

use super::LintRule;
use super::class::plain;
use crate::lint::{Context, Report};
use crate::nearest::shortened;

pub(crate) const CLASSED: LintRule = LintRule {
    code: code::PERSONAL_DATA,
    name: "personal-data-is-classed",
    severity: Severity::Warning,
    waivable: true,
    check: classed,
};

/// Attributes that say something about one person.
const PERSONAL: &[&str] = &[
    "birth_date",
    "birthday",
    "date_of_birth",
    "e_mail",
    "email",
    "first_name",
    "iban",
    "last_name",
    "mobile",
    "national_id",
    "passport",
    "phone",
    "private_address",
    "salary",
    "social_security",
    "ssn",
    "wage",
];

fn classed(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let data = interface.classification.as_ref().and_then(|class| class.data);
        if data.is_some_and(|data| data >= DataClass::Confidential) {
            continue;
        }
        let objects = interface.objects().into_iter().filter_map(|object| context.fabric.objects.get(object));
        let mut names = Vec::new();
        objects.for_each(|object| personal(&object.attributes, &mut names));
        names.extend(of_contract(context, interface));
        if !names.is_empty() {
            let said = data.map_or("no class of data".to_owned(), |data| format!("`{}` data", data.as_str()));
            let message = format!("`{reference}` carries {} of people, and says {said}", shortened(&names));
            let finding = CLASSED.finding(&interface.place, message);
            let fix =
                "give each its `class: personal`, so that it is masked for whoever's grant does not see that class";
            report.add(reference, finding.fix(fix));
        }
    }
}

/// Members of a direct interface's contract that are of people and carry no class.
fn of_contract<'a>(context: &Context<'a>, interface: &Interface) -> Vec<&'a str> {
    let Some(contract) = context.usable(interface) else { return Vec::new() };
    let Some(Api::Direct { classes, .. }) = interface.api() else { return Vec::new() };
    let marked = contract.classes.iter().map(|(name, _)| name.value.as_str());
    let classed: Vec<String> = marked.chain(classes.iter().map(|(name, _)| name.value.as_str())).map(plain).collect();
    let is_personal = |name: &str| PERSONAL.iter().any(|known| plain(known) == plain(name));
    let members = contract.members.iter().map(String::as_str);
    members.filter(|name| is_personal(name) && !classed.contains(&plain(name))).collect()
}

fn personal<'a>(attributes: &'a [Attribute], found: &mut Vec<&'a str>) {
    for attribute in attributes {
        let name = attribute.name.value.as_str();
        if attribute.class.is_some() {
            // Everything within has its class.
            continue;
        }
        if PERSONAL.contains(&name) && !found.contains(&name) {
            found.push(name);
        }
        match &attribute.shape {
            Shape::Group(members) => personal(members, found),
            Shape::List(element) => {
                if let Shape::Group(members) = element.as_ref() {
                    personal(members, found);
                }
            }
            _ => {}
        }
    }
}
