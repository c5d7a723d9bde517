//! Which attributes that are given or changed another system is the record for. Pure.
//! INVARIANT: AUTHORITY: only the system of record changes an attribute.

use std::collections::BTreeMap;

use selvage_mapping::expression::Expression;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::object::{Authority, Object};
use selvage_model::name::{AttributeName, SystemName};
use selvage_model::problem::FieldError;
use serde_json::Value;

/// The attributes of a body that `system` is not the record for, with who is; `stands` is the object that the body would
/// change, where it is there already. What stays as it is changes nothing.
///
/// An entry that names an attribute goes before one for all, and one for the state that the object is in (`while`) before one
/// for any; such an entry says nothing about an object that does not exist yet.
pub(crate) fn elsewhere(
    object: &Object,
    fabric: &Fabric,
    system: &SystemName,
    body: &Value,
    stands: Option<&Value>,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for attribute in object.attributes.iter().map(|attribute| &attribute.name.value) {
        let given = body.get(attribute.as_str());
        let changes = match stands {
            None => given.is_some_and(|given| !given.is_null()),
            Some(stands) => given.is_some_and(|given| stands.get(attribute.as_str()) != Some(given)),
        };
        if !changes {
            continue;
        }
        let entries = entries(object, attribute, stands);
        let whole = stands.unwrap_or(body);
        if entries.is_empty() || entries.iter().any(|entry| is_record(entry, fabric, system, whole)) {
            continue;
        }
        let records: Vec<String> = entries.iter().map(|entry| format!("`{}`", entry.record)).collect();
        let detail = format!("{} is the record for it, not `{system}`", records.join(" or "));
        errors.push(FieldError { pointer: format!("/{attribute}"), detail });
    }
    errors
}

fn entries<'a>(object: &'a Object, attribute: &AttributeName, stands: Option<&Value>) -> Vec<&'a Authority> {
    for (named, conditional) in [(true, true), (true, false), (false, true), (false, false)] {
        let is_about = |entry: &&Authority| match named {
            true => entry.attributes.iter().any(|name| &name.value == attribute),
            false => entry.attributes.is_empty(),
        };
        let alike = object.authority.iter().filter(|entry| entry.condition.is_some() == conditional);
        let found: Vec<&Authority> = alike.filter(is_about).filter(|entry| holds(entry, stands)).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Whether the entry is for the state that the object is in. A condition that cannot be judged is taken to hold: it is not
/// for want of an answer that another's attribute is changed.
fn holds(entry: &Authority, stands: Option<&Value>) -> bool {
    let Some(condition) = &entry.condition else { return true };
    let Some(Value::Object(members)) = stands else { return false };
    let variables: BTreeMap<String, Value> = members.clone().into_iter().collect();
    let judged = Expression::parse(&condition.value).and_then(|expression| expression.evaluate(&variables));
    judged != Ok(Value::Bool(false))
}

/// Whether the entry names the system, or a role that the system plays at the object's site.
fn is_record(entry: &Authority, fabric: &Fabric, system: &SystemName, body: &Value) -> bool {
    if entry.record.value == system.as_str() {
        return true;
    }
    let site = body.get("site").and_then(Value::as_str).and_then(|site| site.parse().ok());
    let Some(site) = site.and_then(|site| fabric.sites.get(&site)) else { return false };
    site.roles.iter().any(|(role, plays)| role.value == entry.record.value && &plays.value == system)
}

#[cfg(test)]
mod tests {
    use selvage_model::manifest::object::{Attribute, Shape};
    use selvage_model::name::Version;
    use selvage_model::source::{Place, Spanned};
    use serde_json::json;

    use super::*;

    fn spanned<T>(value: T) -> Spanned<T> {
        Spanned::new(value, Place::start("x.yaml"))
    }

    fn authority(attributes: &[&str], record: &str, condition: Option<&str>) -> Authority {
        Authority {
            place: Place::start("x.yaml"),
            attributes: attributes.iter().map(|name| spanned(name.parse().unwrap())).collect(),
            record: spanned(record.to_owned()),
            per_site: false,
            condition: condition.map(|text| spanned(text.to_owned())),
        }
    }

    fn object(authority: Vec<Authority>) -> Object {
        let attribute = |name: &str| Attribute {
            name: spanned(name.parse().unwrap()),
            shape: Shape::Text,
            optional: true,
            read_only: false,
            class: None,
            description: None,
        };
        Object {
            place: Place::start("x.yaml"),
            name: "product".parse().unwrap(),
            version: Version { major: 1, minor: 0 },
            owner: spanned("it".parse().unwrap()),
            description: None,
            identity: vec![],
            attributes: ["code", "revision", "produced"].map(attribute).to_vec(),
            authority,
            stewards: None,
            compatibility: None,
        }
    }

    #[test]
    fn only_the_record_creates_an_attribute() {
        let fabric = Fabric::default();
        let odoo: SystemName = "odoo".parse().unwrap();
        let body = json!({"code": "A", "revision": "B", "produced": null});
        let pointers = |entries: Vec<Authority>| -> Vec<String> {
            let errors = elsewhere(&object(entries), &fabric, &odoo, &body, None);
            errors.into_iter().map(|error| error.pointer).collect()
        };
        assert!(pointers(vec![]).is_empty());
        assert!(pointers(vec![authority(&[], "odoo", None)]).is_empty());
        assert_eq!(pointers(vec![authority(&[], "plm", None)]), ["/code", "/revision"]);
        let split = vec![authority(&[], "odoo", None), authority(&["revision"], "plm", None)];
        assert_eq!(pointers(split), ["/revision"]);
        let later = vec![authority(&[], "odoo", None), authority(&["code"], "mes", Some("status != 'draft'"))];
        assert!(pointers(later).is_empty());
    }

    #[test]
    fn whose_an_attribute_is_may_depend_on_the_state_that_the_object_is_in() {
        let fabric = Fabric::default();
        let odoo: SystemName = "odoo".parse().unwrap();
        let object = object(vec![
            authority(&[], "odoo", None),
            authority(&["code"], "mes", Some("status != 'draft'")),
            authority(&["revision"], "plm", Some("sta tus")),
        ]);
        for (status, body, expected) in [
            ("draft", json!({"code": "B"}), vec![]),
            ("done", json!({"code": "B"}), vec!["/code"]),
            ("done", json!({"code": null}), vec!["/code"]),
            ("done", json!({"code": "A"}), vec![]),
            ("draft", json!({"revision": "C"}), vec!["/revision"]),
        ] {
            let stands = json!({"status": status, "code": "A", "revision": "B"});
            let errors = elsewhere(&object, &fabric, &odoo, &body, Some(&stands));
            let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
            assert_eq!(pointers, expected, "{status} {body}");
        }
    }
}
