//! What grants include and leave out: operations that are there, rows and attributes that can be enforced.

use selvage_mapping::Filter;
use selvage_model::code;
use selvage_model::data_schema::DataSchema;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity, show};
use selvage_model::manifest::api::{Api, Operation, Serves};
use selvage_model::manifest::consumer::Grant;
use selvage_model::manifest::event::{Carried, EVENT_OPERATIONS, EventInterface, EventType};
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::manifest::object::Object;
use selvage_model::name::AttributeName;
use selvage_model::openapi::Contract;
use selvage_model::source::Spanned;
use serde_json::Value;

use super::LintRule;
use crate::lint::{Context, Report};
use crate::nearest::suggest;

pub(crate) const OPERATION: LintRule = LintRule {
    code: code::GRANT_OPERATION,
    name: "granted-operation-is-there",
    severity: Severity::Error,
    waivable: false,
    check: operation,
};

fn operation(context: &Context<'_>, report: &mut Report) {
    for (grant, interface) in granted(context) {
        let known: Vec<&str> = match interface.api() {
            Some(Api::Mediated(serves)) => serves.operations.iter().map(|operation| operation.value.as_str()).collect(),
            Some(Api::Direct { .. }) => match context.usable(interface) {
                Some(contract) => contract.operations.iter().map(|operation| operation.id.as_str()).collect(),
                None => continue,
            },
            None => match &interface.body {
                InterfaceBody::Event(_) => EVENT_OPERATIONS.to_vec(),
                _ => continue,
            },
        };
        for operation in grant.operations.iter().filter(|operation| !known.contains(&operation.value.as_str())) {
            let message = format!("`{}` has no operation {}", grant.interface, show(&operation.value));
            let finding = Finding::error(code::GRANT_OPERATION, &operation.place, message);
            let fix = suggest(&operation.value, &known, "name one of the interface's operations");
            report.add_lease(&grant.consumer, &grant.interface, finding.fix(fix));
        }
    }
}

fn granted<'a>(context: &Context<'a>) -> impl Iterator<Item = (&'a Grant, &'a Interface)> {
    let fabric = context.fabric;
    fabric.grants.iter().filter_map(|grant| Some((grant, fabric.interfaces.get(&grant.interface.value)?)))
}

/// Grants on mediated interfaces, with the object that they are over.
fn mediated<'a>(context: &Context<'a>) -> impl Iterator<Item = (&'a Grant, &'a Serves, &'a Object)> {
    let fabric = context.fabric;
    granted(context).filter_map(|(grant, interface)| match interface.api() {
        Some(Api::Mediated(serves)) => Some((grant, serves, fabric.objects.get(&serves.object.value)?)),
        _ => None,
    })
}

pub(crate) const DIRECT: LintRule = LintRule {
    code: code::GRANT_DIRECT,
    name: "direct-has-no-rows",
    severity: Severity::Error,
    waivable: false,
    check: direct,
};

fn direct(context: &Context<'_>, report: &mut Report) {
    for (grant, interface) in granted(context) {
        let findings = match interface.api() {
            Some(Api::Mediated(_)) => continue,
            Some(Api::Direct { .. }) => match context.usable(interface) {
                Some(contract) => untold(grant, contract),
                None => continue,
            },
            None => match &interface.body {
                InterfaceBody::Event(event) => of_events(grant, event, context.fabric),
                _ => unscoped(grant),
            },
        };
        for finding in findings {
            report.add_lease(&grant.consumer, &grant.interface, finding);
        }
    }
}

/// Rows that no parameter carries, and members that no schema has: what is left out by a misspelt name is not left out.
fn untold(grant: &Grant, contract: &Contract) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (attribute, _) in &grant.rows {
        let operations = grant.operations.iter().filter_map(|operation| contract.operation(&operation.value));
        for operation in
            operations.filter(|operation| !operation.rows.iter().any(|row| row == attribute.value.as_str()))
        {
            let message =
                format!("`{}` of `{}` has no parameter that carries `{attribute}`", operation.id, grant.interface);
            let fix = format!(
                "mark one in the contract with `x-selvage-row: {attribute}`, or leave the operation or `where` out"
            );
            findings.push(Finding::error(code::GRANT_DIRECT, &attribute.place, message).fix(fix));
        }
    }
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    for attribute in &grant.except {
        if !contract.members.iter().any(|member| plain(member) == plain(attribute.value.as_str())) {
            let message =
                format!("no schema of `{}` has a member `{attribute}` that could be left out", grant.interface);
            let known: Vec<&str> = contract.members.iter().map(String::as_str).collect();
            let fix =
                suggest(attribute.value.as_str(), &known, "name a member of the contract's schemas, or remove it");
            findings.push(Finding::error(code::GRANT_DIRECT, &attribute.place, message).fix(fix));
        }
    }
    findings
}

pub(crate) const ALIAS: LintRule = LintRule {
    code: code::EXCEPT_RENAMED,
    name: "except-is-not-renamed",
    severity: Severity::Warning,
    waivable: true,
    check: alias,
};

/// A query language lets its caller name the members of answers: what is left out by its name comes under another.
fn alias(context: &Context<'_>, report: &mut Report) {
    for (grant, interface) in granted(context) {
        let contract = match interface.api() {
            Some(Api::Direct { .. }) => context.usable(interface),
            _ => None,
        };
        let mut operations = grant.operations.iter().filter_map(|operation| contract?.operation(&operation.value));
        let Some(renaming) = operations.find(|operation| is_graphql(&operation.path)) else { continue };
        let lacks = |class: &String| !grant.classes.iter().any(|seen| seen.value.as_str() == class.as_str());
        let unseen = context.fabric.classes_of(interface).into_iter().find(lacks);
        let (hidden, place) = match (grant.except.first(), unseen) {
            (Some(except), _) => (format!("`{except}`"), &except.place),
            (None, Some(class)) => (format!("what is `{class}` data"), &grant.interface.place),
            (None, None) => continue,
        };
        let (id, path) = (&renaming.id, &renaming.path);
        let message = format!(
            "`{id}` (`{path}`) answers with members as its caller names them: {hidden} may come by another name"
        );
        let finding = ALIAS.finding(place, message);
        let fix = "leave the operation out of the grant, or grant a mediated interface";
        report.add_lease(&grant.consumer, &grant.interface, finding.fix(fix));
    }
}

fn is_graphql(path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    ["graphql", "gql"].iter().any(|word| last.eq_ignore_ascii_case(word))
}

/// What an event type carries, as far as its attributes go.
enum Data<'a> {
    Object(&'a Object),
    Schema(&'a str, &'a DataSchema),
}

impl<'a> Data<'a> {
    fn of(event: &'a EventType, fabric: &'a Fabric) -> Option<Self> {
        Some(match &event.carried {
            Carried::Object(object) => Self::Object(fabric.objects.get(&object.value)?),
            Carried::Schema(file) => Self::Schema(&event.name.value, fabric.schemas.get(&file.value)?),
        })
    }

    fn has(&self, name: &AttributeName) -> bool {
        match self {
            Self::Object(object) => object.attribute(name).is_some(),
            Self::Schema(_, schema) => schema.members.contains(name.as_str()),
        }
    }

    fn what(&self) -> String {
        match self {
            Self::Object(object) => format!("`{}`", object.reference()),
            Self::Schema(event, _) => format!("the schema of `{event}`"),
        }
    }

    fn names(&self) -> Vec<&'a str> {
        match self {
            Self::Object(object) => object.attributes.iter().map(|attribute| attribute.name.value.as_str()).collect(),
            Self::Schema(_, schema) => schema.members.iter().map(String::as_str).collect(),
        }
    }
}

/// Rows that not every event of the interface has, and attributes that none has.
fn of_events(grant: &Grant, interface: &EventInterface, fabric: &Fabric) -> Vec<Finding> {
    let carried: Vec<Data<'_>> = interface.events.iter().filter_map(|event| Data::of(event, fabric)).collect();
    let rows = grant.rows.iter().map(|(name, _)| (name, carried.iter().find(|data| !data.has(&name.value))));
    let lacking = |name: &AttributeName| carried.first().filter(|_| !carried.iter().any(|data| data.has(name)));
    let except = grant.except.iter().map(|name| (name, lacking(&name.value)));
    let finding = |(name, data): (&Spanned<AttributeName>, &Data<'_>)| {
        let message =
            format!("{}, which events of `{}` carry, has no attribute `{name}`", data.what(), grant.interface);
        let fix = suggest(name.value.as_str(), data.names(), "name an attribute of every event's data");
        Finding::error(code::GRANT_ATTRIBUTE, &name.place, message).fix(fix)
    };
    rows.chain(except).filter_map(|(name, object)| Some(finding((name, object?)))).collect()
}

/// Of what is neither api nor event, nothing can be left out yet.
fn unscoped(grant: &Grant) -> Vec<Finding> {
    let rows = grant.rows.first().map(|(attribute, _)| ("where", &attribute.place));
    let except = grant.except.first().map(|attribute| ("except", &attribute.place));
    let finding = |(word, place)| {
        let message = format!("`{word}` cannot be enforced on `{}`: what it carries passes as it is", grant.interface);
        Finding::error(code::GRANT_DIRECT, place, message).fix("remove it, or grant a mediated interface")
    };
    rows.into_iter().chain(except).map(finding).collect()
}

pub(crate) const ATTRIBUTE: LintRule = LintRule {
    code: code::GRANT_ATTRIBUTE,
    name: "granted-attribute-is-there",
    severity: Severity::Error,
    waivable: false,
    check: attribute,
};

fn attribute(context: &Context<'_>, report: &mut Report) {
    for (grant, _, object) in mediated(context) {
        let rows = grant.rows.iter().map(|(attribute, _)| attribute);
        for name in rows.chain(&grant.except).filter(|name| object.attribute(&name.value).is_none()) {
            let message = format!("`{}` has no attribute `{name}`", object.reference());
            let finding = Finding::error(code::GRANT_ATTRIBUTE, &name.place, message);
            let known = object.attributes.iter().map(|attribute| attribute.name.value.as_str());
            let fix = suggest(name.value.as_str(), known, "name an attribute of the object");
            report.add_lease(&grant.consumer, &grant.interface, finding.fix(fix));
        }
    }
}

pub(crate) const ROWS: LintRule = LintRule {
    code: code::GRANT_ROWS,
    name: "rows-can-be-told-apart",
    severity: Severity::Error,
    waivable: false,
    check: rows,
};

fn rows(context: &Context<'_>, report: &mut Report) {
    for (grant, serves, object) in mediated(context) {
        let Some(mapping) = context.mapping(serves) else { continue };
        for (attribute, values) in grant.rows.iter().filter(|(name, _)| object.attribute(&name.value).is_some()) {
            for value in values {
                let why = match mapping.filter(&attribute.value, value) {
                    Err(error) => error.message,
                    Ok(Filter::Nothing) => format!("`{attribute}` never is {}", shown(value)),
                    Ok(Filter::Company(site)) => match no_company(context, serves, site.as_str()) {
                        Some(why) => why,
                        None => continue,
                    },
                    Ok(_) => continue,
                };
                let finding = Finding::error(code::GRANT_ROWS, &attribute.place, why);
                let fix = "choose an attribute and values by which the system can select";
                report.add_lease(&grant.consumer, &grant.interface, finding.fix(fix));
            }
        }
    }
}

/// Why rows of this site cannot be told from others.
fn no_company(context: &Context<'_>, serves: &Serves, site: &str) -> Option<String> {
    let system = &serves.system.value;
    let Some((_, declared)) = context.fabric.sites.iter().find(|(name, _)| name.as_str() == site) else {
        let sites = context.fabric.sites.keys().map(|name| name.as_str());
        return Some(format!("there is no site {}; {}", show(site), suggest(site, sites, "none is declared")));
    };
    let bound = declared.companies.iter().any(|(name, _)| name.value == *system);
    (!bound).then(|| format!("the site `{site}` has no company of `{system}`"))
}

fn shown(value: &Value) -> String {
    show(value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str())
}

pub(crate) const CREATE: LintRule = LintRule {
    code: code::GRANT_CREATE,
    name: "create-takes-what-it-needs",
    severity: Severity::Warning,
    waivable: true,
    check: create,
};

fn create(context: &Context<'_>, report: &mut Report) {
    for (grant, _, object) in mediated(context) {
        if !grant.operations.iter().any(|operation| operation.value == Operation::Create.as_str()) {
            continue;
        }
        let needed = |name| object.attribute(name).is_some_and(|attribute| !attribute.optional && !attribute.read_only);
        for name in grant.except.iter().filter(|name| needed(&name.value)) {
            let message = format!("a create needs `{name}`, and the grant leaves it out: every create is refused");
            let finding = Finding::warning(code::GRANT_CREATE, &name.place, message);
            report.add_lease(
                &grant.consumer,
                &grant.interface,
                finding.fix("do not leave it out, or do not grant `create`"),
            );
        }
        let unseen = object.attributes.iter().filter(|attribute| needed(&attribute.name.value));
        let unseen = unseen.filter_map(|attribute| Some((attribute, attribute.class.as_ref()?)));
        for (attribute, class) in unseen.filter(|(_, class)| !grant.classes.iter().any(|it| it.value == class.value)) {
            let message =
                format!("a create needs `{}`, which is `{class}` data that the grant does not see", attribute.name);
            let finding = Finding::warning(code::GRANT_CREATE, &grant.interface.place, message);
            let fix = format!("let the grant see it (`classes: [{class}]`), or do not grant `create`");
            report.add_lease(&grant.consumer, &grant.interface, finding.fix(fix));
        }
    }
}
