//! What rules of the fabric's own may look at: each subject, the things beside it, and the members of each with their types.
//! What something does not say is null.

use std::collections::BTreeMap;

use selvage_model::access::EndAction;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::consumer::{Consumer, Grant, Identity};
use selvage_model::manifest::interface::{DataClass, Interface, InterfaceBody, Latency, Lifecycle};
use selvage_model::manifest::mapping::Mapping;
use selvage_model::manifest::object::Object;
use selvage_model::manifest::rule::Subject;
use selvage_model::manifest::system::{Connector, System, Zone};
use serde_json::{Value, json};

use crate::lint::Context;

/// The type of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Text that is always there.
    Text,
    /// Text or null.
    MaybeText,
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, or null.
    MaybeWord(&'static [&'static str]),
    /// A whole number.
    Number,
    /// A whole number or null.
    MaybeNumber,
    /// Yes or no.
    Flag,
    /// A list of texts.
    Texts,
}

/// A member of a variable.
pub(crate) type Member = (&'static str, Type);

const TYPES: &[&str] = &["api", "webhook", "event", "file", "flow"];
const LIFECYCLES: &[&str] = &["draft", "active", "deprecated", "retired", "blocked"];
const TIERS: &[&str] = &["tier-1", "tier-2", "tier-3"];
const LATENCIES: &[&str] = &["real-time", "near-real-time", "batch"];
const CLASSES: &[&str] = &["public", "internal", "confidential", "restricted"];
const CONTROLS: &[&str] = &["direct", "mediated"];
const CONNECTORS: &[&str] = &["odoo", "http", "mqtt", "file"];
const IDENTITIES: &[&str] = &["api_key", "oauth", "mtls", "oidc"];

pub(crate) const INTERFACE: &[Member] = &[
    ("name", Type::Text),
    ("version", Type::Text),
    ("major", Type::Number),
    ("type", Type::Word(TYPES)),
    ("owner", Type::MaybeText),
    ("domain", Type::MaybeText),
    ("description", Type::MaybeText),
    ("lifecycle", Type::Word(LIFECYCLES)),
    ("sunset", Type::MaybeText),
    ("successor", Type::MaybeText),
    ("criticality", Type::MaybeWord(TIERS)),
    ("latency", Type::MaybeWord(LATENCIES)),
    ("data", Type::MaybeWord(CLASSES)),
    ("classes", Type::Texts),
    ("control", Type::MaybeWord(CONTROLS)),
    ("because", Type::MaybeText),
    ("object", Type::MaybeText),
    ("system", Type::MaybeText),
    ("connector", Type::MaybeWord(CONNECTORS)),
    ("operations", Type::Texts),
    ("events", Type::Texts),
    ("promises", Type::Number),
    ("consumers", Type::Number),
];
const GRANT: &[Member] = &[
    ("consumer", Type::Text),
    ("interface", Type::Text),
    ("operations", Type::Texts),
    ("where", Type::Texts),
    ("except", Type::Texts),
    ("classes", Type::Texts),
    ("purpose", Type::MaybeText),
    ("until", Type::MaybeText),
    ("days", Type::MaybeNumber),
    ("on_end", Type::Word(&["end", "alarm"])),
    ("per_minute", Type::MaybeNumber),
];
const CONSUMER: &[Member] = &[
    ("name", Type::Text),
    ("owner", Type::Text),
    ("identity", Type::Word(IDENTITIES)),
    ("issuer", Type::MaybeText),
    ("subject", Type::MaybeText),
];
const OBJECT: &[Member] = &[
    ("name", Type::Text),
    ("version", Type::Text),
    ("major", Type::Number),
    ("owner", Type::Text),
    ("stewards", Type::MaybeText),
    ("description", Type::MaybeText),
    ("identity", Type::Texts),
    ("attributes", Type::Texts),
    ("records", Type::Texts),
];
const MAPPING: &[Member] = &[
    ("name", Type::Text),
    ("object", Type::Text),
    ("system", Type::Text),
    ("record", Type::Text),
    ("unverified", Type::Flag),
    ("attributes", Type::Texts),
    ("examples", Type::Number),
];
const SYSTEM: &[Member] = &[
    ("name", Type::Text),
    ("connector", Type::Word(CONNECTORS)),
    ("owner", Type::Text),
    ("site", Type::MaybeText),
    ("environments", Type::Texts),
    ("accounts", Type::Texts),
    ("concurrency", Type::Number),
];

/// The variables that a rule about this subject has, the subject first, with their members.
pub(super) fn variables(subject: Subject) -> &'static [(&'static str, &'static [Member])] {
    match subject {
        Subject::Interface => &[("interface", INTERFACE)],
        Subject::Grant => &[("grant", GRANT), ("consumer", CONSUMER), ("interface", INTERFACE)],
        Subject::Consumer => &[("consumer", CONSUMER)],
        Subject::Object => &[("object", OBJECT)],
        Subject::Mapping => &[("mapping", MAPPING), ("object", OBJECT), ("system", SYSTEM)],
        Subject::System => &[("system", SYSTEM)],
    }
}

/// The variables of an expression.
pub(crate) type Variables = BTreeMap<String, Value>;

/// A sample of a variable: everything said, or nothing that need not be.
pub(super) fn sample(members: &[Member], says_all: bool) -> Value {
    let value = |kind: Type| match kind {
        Type::Text => json!("x"),
        Type::MaybeText if says_all => json!("x"),
        Type::Word(words) => json!(words.first()),
        Type::MaybeWord(words) if says_all => json!(words.first()),
        Type::Number => json!(1),
        Type::MaybeNumber if says_all => json!(1),
        Type::Flag => json!(says_all),
        Type::Texts => {
            if says_all {
                json!(["x"])
            } else {
                json!([])
            }
        }
        Type::MaybeText | Type::MaybeWord(_) | Type::MaybeNumber => Value::Null,
    };
    Value::Object(members.iter().map(|(name, kind)| ((*name).to_owned(), value(*kind))).collect())
}

/// An interface as rules see it.
pub(crate) fn interface(context: &Context<'_>, interface: &Interface) -> Value {
    let fabric = context.fabric;
    let (control, object, system, operations) = match interface.api() {
        Some(Api::Direct { upstream, .. }) => (Some("direct"), None, Some(&upstream.system.value), Vec::new()),
        Some(Api::Mediated(serves)) => {
            let operations = serves.operations.iter().map(|operation| operation.value.as_str()).collect();
            (Some("mediated"), Some(serves.object.value.to_string()), Some(&serves.system.value), operations)
        }
        None => (None, None, None, Vec::new()),
    };
    let events: Vec<&str> = match &interface.body {
        InterfaceBody::Event(body) => body.events.iter().map(|event| event.name.value.as_str()).collect(),
        InterfaceBody::File(body) => vec![body.into.event.value.as_str()],
        InterfaceBody::Webhook(body) => body.into.iter().map(|into| into.event.value.as_str()).collect(),
        InterfaceBody::Api(_) | InterfaceBody::Flow => Vec::new(),
    };
    let class = interface.classification.as_ref();
    let connector = system.and_then(|system| fabric.systems.get(system)).map(|system| connector(system.connector));
    let sunset = match &interface.lifecycle {
        Lifecycle::Deprecated(deprecation) => deprecation.sunset.map(|day| day.to_string()),
        _ => None,
    };
    let successor = crate::rule::lifecycle::successor(&interface.lifecycle).map(ToString::to_string);
    json!({
        "name": interface.name.as_str(),
        "version": interface.version.to_string(),
        "major": interface.version.major,
        "type": interface.body.type_word(),
        "owner": interface.owner.as_ref().map(|owner| owner.value.as_str()),
        "domain": interface.domain.as_ref().map(|domain| domain.value.as_str()),
        "description": interface.description,
        "lifecycle": interface.lifecycle.as_str(),
        "sunset": sunset,
        "successor": successor,
        "criticality": class.map(|class| class.criticality.as_str()),
        "latency": class.and_then(|class| class.latency).map(Latency::as_str),
        "data": class.and_then(|class| class.data).map(DataClass::as_str),
        "classes": fabric.classes_of(interface),
        "control": control,
        "because": interface.because,
        "object": object,
        "system": system.map(|system| system.as_str()),
        "connector": connector,
        "operations": operations,
        "events": events,
        "promises": interface.slo.len(),
        "consumers": context.consumers_of(&interface.reference()),
    })
}

/// A grant as rules see it.
pub(super) fn grant(context: &Context<'_>, grant: &Grant) -> Value {
    let until = grant.until.as_ref().map(|until| until.value);
    let last = until.map(|until| until.to_zoned(jiff::tz::TimeZone::UTC).date());
    let days = last.map(|last| context.today.duration_until(last).as_hours() / 24);
    let per_minute = grant.rate.map(|rate| rate.count.saturating_mul(60) / rate.per.as_secs().max(1));
    let names = |of: &[selvage_model::source::Spanned<selvage_model::name::AttributeName>]| {
        of.iter().map(|name| name.value.to_string()).collect::<Vec<_>>()
    };
    json!({
        "consumer": grant.consumer.value.as_str(),
        "interface": grant.interface.to_string(),
        "operations": grant.operations.iter().map(|operation| operation.value.as_str()).collect::<Vec<_>>(),
        "where": grant.rows.iter().map(|(name, _)| name.value.as_str()).collect::<Vec<_>>(),
        "except": names(&grant.except),
        "classes": grant.classes.iter().map(|class| class.value.as_str()).collect::<Vec<_>>(),
        "purpose": grant.purpose,
        "until": until.map(|until| until.to_string()),
        "days": days,
        "on_end": if grant.on_end == EndAction::Alarm { "alarm" } else { "end" },
        "per_minute": per_minute,
    })
}

/// A consumer as rules see it.
pub(super) fn consumer(consumer: &Consumer) -> Value {
    let (identity, subject) = match &consumer.identity {
        Identity::ApiKey { .. } => ("api_key", None),
        Identity::OAuth { .. } => ("oauth", None),
        Identity::Mtls { subject, .. } => ("mtls", Some(subject.value.as_str())),
        Identity::Oidc { subject, .. } => ("oidc", Some(subject.as_str())),
    };
    let issuer = consumer.token_subject().map(|(issuer, _)| issuer.value.as_str());
    json!({
        "name": consumer.name.as_str(),
        "owner": consumer.owner.value,
        "identity": identity,
        "issuer": issuer,
        "subject": subject,
    })
}

/// An object as rules see it.
pub(super) fn object(object: &Object) -> Value {
    json!({
        "name": object.name.as_str(),
        "version": object.version.to_string(),
        "major": object.version.major,
        "owner": object.owner.value.as_str(),
        "stewards": object.stewards.as_ref().map(|team| team.value.as_str()),
        "description": object.description,
        "identity": object.identity.iter().map(|name| name.value.as_str()).collect::<Vec<_>>(),
        "attributes": object.attributes.iter().map(|it| it.name.value.as_str()).collect::<Vec<_>>(),
        "records": object.authority.iter().map(|it| it.record.value.as_str()).collect::<Vec<_>>(),
    })
}

/// A mapping as rules see it.
pub(super) fn mapping(mapping: &Mapping) -> Value {
    json!({
        "name": mapping.name.as_str(),
        "object": mapping.object.to_string(),
        "system": mapping.system.value.as_str(),
        "record": mapping.record,
        "unverified": mapping.unverified,
        "attributes": mapping.fields.iter().map(|field| field.attribute.value.as_str()).collect::<Vec<_>>(),
        "examples": mapping.examples.len(),
    })
}

/// A system as rules see it.
pub(super) fn system(system: &System) -> Value {
    let accounts = system.environments.iter().flat_map(|environment| &environment.accounts);
    let site = match &system.zone {
        Zone::Site(site) => Some(site.value.as_str()),
        Zone::Cloud => None,
    };
    json!({
        "name": system.name.as_str(),
        "connector": connector(system.connector),
        "owner": system.owner.value.as_str(),
        "site": site,
        "environments": system.environments.iter().map(|it| it.name.value.as_str()).collect::<Vec<_>>(),
        "accounts": accounts.map(|account| account.name.value.as_str()).collect::<Vec<_>>(),
        "concurrency": system.limits.concurrency,
    })
}

/// Whether the fabric has what a rule about this mapping looks at.
pub(super) fn beside<'a>(fabric: &'a Fabric, mapping: &Mapping) -> Option<(&'a Object, &'a System)> {
    Some((fabric.objects.get(&mapping.object.value)?, fabric.systems.get(&mapping.system.value)?))
}

fn connector(connector: Connector) -> &'static str {
    match connector {
        Connector::Odoo => "odoo",
        Connector::Http => "http",
        Connector::Mqtt => "mqtt",
        Connector::File => "file",
    }
}
