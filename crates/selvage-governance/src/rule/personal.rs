//! Data about people is carried as what it is.

use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::{DataClass, Interface, InterfaceBody};
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::name::ObjectRef;

use super::LintRule;
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
        let objects = carried(interface).into_iter().filter_map(|object| context.fabric.objects.get(object));
        let mut names = Vec::new();
        objects.for_each(|object| personal(&object.attributes, &mut names));
        if !names.is_empty() {
            let said = data.map_or("no class of data".to_owned(), |data| format!("`{}` data", data.as_str()));
            let message = format!("`{reference}` carries {} of people, and says {said}", shortened(&names));
            let finding = CLASSED.finding(&interface.place, message);
            let fix = "say `data: confidential` or `restricted`, and let grants leave the attributes out (`except`)";
            report.add(reference, finding.fix(fix));
        }
    }
}

fn carried(interface: &Interface) -> Vec<&ObjectRef> {
    match &interface.body {
        InterfaceBody::Api(Api::Mediated(serves)) => vec![&serves.object.value],
        InterfaceBody::Event(body) => body.events.iter().map(|event| &event.object.value).collect(),
        InterfaceBody::File(body) => body.into.object.iter().map(|object| &object.value).collect(),
        InterfaceBody::Webhook(body) => body.into.iter().filter_map(|it| Some(&it.object.as_ref()?.value)).collect(),
        InterfaceBody::Api(Api::Direct { .. }) | InterfaceBody::Flow => Vec::new(),
    }
}

fn personal<'a>(attributes: &'a [Attribute], found: &mut Vec<&'a str>) {
    for attribute in attributes {
        let name = attribute.name.value.as_str();
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
