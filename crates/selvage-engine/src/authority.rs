//! Which attributes of a new object another system is the record for. Pure.
//! INVARIANT: AUTHORITY: only the system of record changes an attribute.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::object::{Authority, Object};
use selvage_model::name::{AttributeName, SystemName};
use selvage_model::problem::FieldError;
use serde_json::Value;

/// The attributes of a create's body that `system` is not the record for, with who is.
///
/// An entry that names an attribute goes before one for all; one that holds only in some states (`while`) says nothing
/// about an object that does not exist yet.
pub(crate) fn elsewhere(object: &Object, fabric: &Fabric, system: &SystemName, body: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for attribute in object.attributes.iter().map(|attribute| &attribute.name.value) {
        if body.get(attribute.as_str()).is_none_or(Value::is_null) {
            continue;
        }
        let entries = entries(object, attribute);
        if entries.is_empty() || entries.iter().any(|entry| is_record(entry, fabric, system, body)) {
            continue;
        }
        let records: Vec<String> = entries.iter().map(|entry| format!("`{}`", entry.record)).collect();
        let detail = format!("{} is the record for it, not `{system}`", records.join(" or "));
        errors.push(FieldError { pointer: format!("/{attribute}"), detail });
    }
    errors
}

fn entries<'a>(object: &'a Object, attribute: &AttributeName) -> Vec<&'a Authority> {
    let unconditional = || object.authority.iter().filter(|entry| entry.condition.is_none());
    let named: Vec<&Authority> =
        unconditional().filter(|entry| entry.attributes.iter().any(|name| &name.value == attribute)).collect();
    if named.is_empty() { unconditional().filter(|entry| entry.attributes.is_empty()).collect() } else { named }
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
        }
    }

    #[test]
    fn only_the_record_creates_an_attribute() {
        let fabric = Fabric::default();
        let odoo: SystemName = "odoo".parse().unwrap();
        let body = json!({"code": "A", "revision": "B", "produced": null});
        let pointers = |entries: Vec<Authority>| -> Vec<String> {
            let errors = elsewhere(&object(entries), &fabric, &odoo, &body);
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
}
