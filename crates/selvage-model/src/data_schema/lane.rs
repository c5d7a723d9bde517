//! Whether a member of the data can order events: it is always there, and a text or a whole number. Looks at what holds in any case,
//! and at alternatives where each of them says so.

use std::collections::BTreeSet;

use serde_json::Value;

use super::reference::pointer_of;

/// Whether what stands at the end of this way of members orders events; `None` where nothing is said of it.
pub(super) fn orders(root: &Value, way: &[&str]) -> Option<bool> {
    leads(root, &[root], &BTreeSet::new(), way)
}

fn leads(root: &Value, schemas: &[&Value], required: &BTreeSet<&str>, way: &[&str]) -> Option<bool> {
    let all = certain(root, schemas);
    let listed = all.iter().filter_map(|schema| schema.get("required")?.as_array()).flatten().filter_map(Value::as_str);
    let required: BTreeSet<&str> = required.iter().copied().chain(listed).collect();
    let own = match way.split_first() {
        None => Some(all.iter().any(|schema| is_key(schema))),
        Some((first, rest)) => {
            let of_member = |schema: &&&Value| schema.get("properties").is_some_and(|it| it.get(first).is_some());
            let next = all.iter().filter(of_member).filter_map(|schema| schema.get("properties")?.get(first));
            let next: Vec<&Value> = next.collect();
            let found = if next.is_empty() { None } else { leads(root, &next, &BTreeSet::new(), rest) };
            found.map(|orders| orders && required.contains(first))
        }
    };
    if own == Some(true) {
        return own;
    }
    let lists =
        all.iter().flat_map(|schema| ["anyOf", "oneOf"].into_iter().filter_map(|word| schema.get(word)?.as_array()));
    let mut best = own.filter(|_| !way.is_empty());
    for list in lists {
        let each: Vec<Option<bool>> = list.iter().map(|one| leads(root, &[one], &required, way)).collect();
        if !each.is_empty() && each.iter().all(|orders| *orders == Some(true)) {
            return Some(true);
        }
        if each.iter().any(Option::is_some) {
            best = best.or(Some(false));
        }
    }
    best.or(own)
}

/// The schemas that hold in any case where these do.
fn certain<'s>(root: &'s Value, schemas: &[&'s Value]) -> Vec<&'s Value> {
    let mut all = schemas.to_vec();
    let mut at = 0;
    while let Some(schema) = all.get(at).copied() {
        all.extend(schema.get("allOf").and_then(Value::as_array).into_iter().flatten());
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(pointer_of);
        all.extend(reference.and_then(|pointer| root.pointer(&pointer)));
        at += 1;
    }
    all
}

/// Whether all its values are texts or whole numbers.
fn is_key(schema: &Value) -> bool {
    let of_type = schema.get("type").and_then(Value::as_str);
    let listed = schema.get("enum").and_then(Value::as_array);
    matches!(of_type, Some("string" | "integer"))
        || schema.get("const").is_some_and(Value::is_string)
        || listed.is_some_and(|listed| !listed.is_empty() && listed.iter().all(Value::is_string))
}
