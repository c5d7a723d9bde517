//! Classes of data: names that are declared, grants that see what is there, and masks that break no contract and no key.

use selvage_model::code;
use selvage_model::finding::{Finding, Severity, show};
use selvage_model::manifest::interface::DataClass;
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::name::ClassName;
use selvage_model::source::{Place, Spanned};

use super::LintRule;
use crate::lint::{Context, Report};
use crate::nearest::{shortened, suggest};

pub(crate) const UNKNOWN: LintRule = LintRule {
    code: code::CLASS_UNKNOWN,
    name: "classes-are-declared",
    severity: Severity::Error,
    waivable: false,
    check: unknown,
};

fn unknown(context: &Context<'_>, report: &mut Report) {
    let known = context.fabric.classes();
    let finding = |class: &str, place: &Place| {
        let message = format!("there is no class of data {}", show(class));
        let fix = suggest(class, &known, "add it to `classes` of the fabric, or name one that is there");
        (!known.contains(&class)).then(|| Finding::error(code::CLASS_UNKNOWN, place, message).fix(fix))
    };
    for (reference, object) in &context.fabric.objects {
        let mut classes = Vec::new();
        of_attributes(&object.attributes, &mut classes);
        for found in classes.iter().filter_map(|class| finding(class.value.as_str(), &class.place)) {
            report.add(reference, found);
        }
    }
    for (reference, interface) in &context.fabric.interfaces {
        let listed = interface.listed_classes().iter().map(|(_, class)| (class.value.as_str(), &class.place));
        let marked = context.usable(interface).into_iter().flat_map(|contract| &contract.classes);
        let marked = marked.map(|(_, class)| (class.value.as_str(), &class.place));
        for found in listed.chain(marked).filter_map(|(class, place)| finding(class, place)) {
            report.add(reference, found);
        }
    }
    for grant in &context.fabric.grants {
        for found in grant.classes.iter().filter_map(|class| finding(class.value.as_str(), &class.place)) {
            report.add_lease(&grant.consumer, &grant.interface, found);
        }
    }
}

fn of_attributes<'a>(attributes: &'a [Attribute], found: &mut Vec<&'a Spanned<ClassName>>) {
    for attribute in attributes {
        found.extend(&attribute.class);
        of_shape(&attribute.shape, found);
    }
}

fn of_shape<'a>(shape: &'a Shape, found: &mut Vec<&'a Spanned<ClassName>>) {
    match shape {
        Shape::Group(members) => of_attributes(members, found),
        Shape::List(element) => of_shape(element, found),
        _ => {}
    }
}

pub(crate) const UNUSED: LintRule = LintRule {
    code: code::CLASS_UNUSED,
    name: "granted-class-is-carried",
    severity: Severity::Warning,
    waivable: true,
    check: unused,
};

fn unused(context: &Context<'_>, report: &mut Report) {
    let declared = context.fabric.classes();
    for grant in context.fabric.grants.iter().filter(|grant| !grant.classes.is_empty()) {
        let Some(interface) = context.fabric.interfaces.get(&grant.interface.value) else { continue };
        let carried = context.fabric.classes_of(interface);
        let unused = grant.classes.iter().filter(|class| {
            let class = class.value.as_str();
            declared.contains(&class) && !carried.iter().any(|carried| carried == class)
        });
        for class in unused {
            let message = format!("the grant sees `{class}` data, and nothing of `{}` carries it", grant.interface);
            let fix = suggest(class.value.as_str(), &carried, "remove it, or give what carries it its `class`");
            report.add_lease(&grant.consumer, &grant.interface, UNUSED.finding(&class.place, message).fix(fix));
        }
    }
}

pub(crate) const NEVER_NULL: LintRule = LintRule {
    code: code::CLASS_NEVER_NULL,
    name: "masked-fits-the-contract",
    severity: Severity::Error,
    waivable: true,
    check: never_null,
};

fn never_null(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let Some(contract) = context.usable(interface) else { continue };
        let marked = contract.classes.iter().map(|(name, class)| (name, class.value.as_str()));
        let listed = interface.listed_classes().iter().map(|(name, class)| (name, class.value.as_str()));
        for (name, class) in listed.chain(marked) {
            let member = contract.members.iter().find(|member| plain(member) == plain(&name.value));
            let Some(member) = member else {
                // A parameter or a header that is marked is no member.
                if contract.classes.iter().any(|(marked, _)| std::ptr::eq(marked, name)) {
                    continue;
                }
                let message =
                    format!("no schema of `{reference}` has a member {} that carries a class", show(&name.value));
                let fix =
                    suggest(&name.value, &contract.members, "name a member of the contract's schemas, or remove it");
                report.add(reference, NEVER_NULL.finding(&name.place, message).fix(fix));
                continue;
            };
            if contract.never_null.contains(member) {
                let message =
                    format!("`{member}` carries `{class}` data, and its schema does not take the `null` of a mask");
                let fix = "let it be `null` in the contract (`type: [string, 'null']`, in OpenAPI 3.0 `nullable: true`), so that clients are made for it";
                report.add(reference, NEVER_NULL.finding(&name.place, message).fix(fix));
            }
        }
    }
}

/// A name as the gateway compares it.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '.')).flat_map(char::to_lowercase).collect()
}

pub(crate) const OF_KEY: LintRule = LintRule {
    code: code::CLASS_OF_KEY,
    name: "keys-are-not-masked",
    severity: Severity::Error,
    waivable: false,
    check: of_key,
};

fn of_key(context: &Context<'_>, report: &mut Report) {
    for (reference, object) in &context.fabric.objects {
        for attribute in object.identity.iter().filter_map(|name| object.attribute(&name.value)) {
            let Some(class) = &attribute.class else { continue };
            let message = format!("`{}` is the key of `{reference}`, and is `{class}` data", attribute.name);
            let finding = Finding::error(code::CLASS_OF_KEY, &class.place, message);
            let fix =
                "paths, references and logs name records by their key: choose another key, or take the class away";
            report.add(reference, finding.fix(fix));
        }
    }
}

pub(crate) const UNSAID: LintRule = LintRule {
    code: code::CLASS_UNSAID,
    name: "classes-are-not-below-their-label",
    severity: Severity::Warning,
    waivable: true,
    check: unsaid,
};

fn unsaid(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let data = interface.classification.as_ref().and_then(|class| class.data);
        if data.is_some_and(|data| data >= DataClass::Confidential) {
            continue;
        }
        let carried = context.fabric.classes_of(interface);
        if !carried.is_empty() {
            let said = data.map_or("no class of data".to_owned(), |data| format!("`{}` data", data.as_str()));
            let names: Vec<&str> = carried.iter().map(String::as_str).collect();
            let message = format!("`{reference}` carries what is {}, and says {said}", shortened(&names));
            let finding = UNSAID.finding(&interface.place, message);
            report.add(reference, finding.fix("say `data: confidential` or `restricted` in its classification"));
        }
    }
}
