//! The contracts of mediated interfaces as one document, with what is meant to be done: an example of each write.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::fixture::{Place, selvage};

/// Who asks for everything.
pub(super) const CONSUMER: &str = "tester";

/// Each contract by its interface, as the command says it.
pub(super) type Contracts = BTreeMap<&'static str, Value>;

/// The contracts of these interfaces.
pub(super) fn contracts(place: &Place, interfaces: &[&'static str]) -> Contracts {
    let fabric = place.fabric().display().to_string();
    let contract = |interface: &&'static str| {
        let output = selvage(&["openapi", interface, "--fabric", &fabric, "--format", "json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (*interface, serde_json::from_slice(&output.stdout).unwrap())
    };
    interfaces.iter().map(contract).collect()
}

/// One consumer who may do everything that the contracts have, and sees every class of data in them.
pub(super) fn grants(contracts: &Contracts) -> String {
    let mut text = format!("kind: Consumer\nname: {CONSUMER}\nowner: master-data\nidentity: {{api_key: {{}}}}\n");
    for (interface, contract) in contracts {
        let operations: Vec<&str> = operations(contract)
            .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
            .filter(|operation| *operation != "operation")
            .collect();
        text.push_str(&format!(
            "---\nkind: Grant\nconsumer: {CONSUMER}\ninterface: {interface}\noperations: [{}]\nclasses: [personal]\npurpose: Tries it\nuntil: 2090-01-01T00:00Z\n",
            operations.join(", ")
        ));
    }
    text
}

/// Path, method and operation of each.
pub(super) fn operations(contract: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = contract["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// All contracts in one document, so that one run judges them.
pub(super) fn merge(contracts: &Contracts) -> Value {
    let mut merged = contracts.values().next().unwrap().clone();
    let (mut paths, mut components) = (Map::new(), Map::<String, Value>::new());
    for (interface, contract) in contracts {
        for (path, item) in contract["paths"].as_object().unwrap() {
            let mut item = item.clone();
            for operation in item.as_object_mut().unwrap().values_mut() {
                let id = format!("{interface}.{}", operation["operationId"].as_str().unwrap());
                operation["operationId"] = id.into();
            }
            paths.insert(path.clone(), item);
        }
        for (section, members) in contract["components"].as_object().unwrap() {
            let all = components.entry(section.clone()).or_insert_with(|| json!({}));
            all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        }
    }
    merged["paths"] = paths.into();
    merged["components"] = components.into();
    merged
}

/// Gives every write the example that its system does, and the look at a write one that is under way.
pub(super) fn exemplify(merged: &mut Value, under_way: &str) {
    let mut examples: BTreeMap<String, Value> = serde_json::from_str(include_str!("examples.json")).unwrap();
    examples.insert("get /operations/{id}".to_owned(), json!({"id": under_way}));
    let id = merged["components"]["parameters"]["Id"].clone();
    for (path, item) in merged["paths"].as_object_mut().unwrap() {
        for (method, operation) in item.as_object_mut().unwrap() {
            let Some(example) = examples.get(&format!("{method} {path}")) else { continue };
            if let Some(body) = example.get("body") {
                operation["requestBody"]["content"]["application/json"]["example"] = body.clone();
            }
            for parameter in operation["parameters"].as_array_mut().unwrap() {
                if parameter["$ref"] == "#/components/parameters/Id" {
                    *parameter = id.clone();
                }
                if parameter["name"] == "id" && parameter["in"] == "path" {
                    parameter["example"] = example["id"].clone();
                }
            }
        }
    }
}

/// What an operation is called in the report: `GET /products/v1/products`.
pub(super) fn label(method: &str, path: &str) -> String {
    format!("{} {path}", method.to_uppercase())
}
