//! What verbs take in their bodies and add to their answers, as JSON Schema: the counterpart of what the engine reads.

use selvage_model::verb::Verb;
use serde_json::{Value, json};

use super::schema::reference;

/// What a verb takes; nothing where it takes no body.
pub(super) fn body(verb: Verb, title: &str) -> Option<Value> {
    let schema = match verb {
        Verb::Update => reference(&format!("{title}Change")),
        Verb::ReviseBill => reference(&format!("{title}Revision")),
        Verb::Archive
        | Verb::ReleaseProduction
        | Verb::CancelProduction
        | Verb::CloseMaintenance
        | Verb::StartWork
        | Verb::PauseWork
        | Verb::FinishWork
        | Verb::ReleasePurchase
        | Verb::ReleaseSale => return None,
        Verb::ReportProduction => {
            let remainder =
                words(&["backorder", "close", "keep-open"], "What becomes of the rest. Default: `backorder`.");
            object(
                &["quantity"],
                &json!({
                    "quantity": described(reference("Amount"), "Produced in total, above zero."),
                    "lot": text("The lot that is made."),
                    "remainder": remainder,
                    "components": {"type": ["array", "null"], "items": consumption(), "description": "What was used."},
                    "scrapped": or_null(&reference("Amount"), "Scrapped of what is made, in total."),
                }),
            )
        }
        Verb::ConsumeComponent => consumption(),
        Verb::ReceivePurchase => totals("receive"),
        Verb::ShipSale | Verb::ShipShipment => totals("ship"),
        Verb::AdjustPosition => {
            object(&["quantity"], &json!({"quantity": described(reference("Amount"), "What was counted.")}))
        }
        Verb::ScrapPosition => object(
            &["quantity"],
            &json!({
                "quantity": described(reference("Amount"), "What was thrown away."),
                "reason": text("Why."),
            }),
        ),
        Verb::QuarantineLot => object(&[], &json!({"site": text("At which site."), "reason": text("Why.")})),
        Verb::ReleaseLot => object(
            &["to"],
            &json!({
                "to": {"type": "string", "minLength": 1, "description": "The location: its full name or external id."},
                "site": text("At which site."),
                "reason": text("Why."),
            }),
        ),
    };
    Some(schema)
}

/// The member that a verb adds to the object in its answer, and what is in it.
pub(super) fn added(verb: Verb) -> Option<(&'static str, Value)> {
    let of =
        |properties: Value| json!({"type": "object", "description": "What was read back.", "properties": properties});
    let name = || json!({"type": ["string", "null"]});
    // A unit or a product that has no name here is `null`.
    let quantity = || {
        let properties = json!({"value": reference("Decimal"), "unit": name()});
        json!({"type": ["object", "null"], "required": ["value", "unit"], "properties": properties})
    };
    let product = name;
    let used = || {
        let properties = json!({"product": product(), "quantity": quantity(), "lot": name()});
        json!({"type": "array", "items": {"type": "object", "properties": properties}})
    };
    let positions = || {
        let properties =
            json!({"product": product(), "location": {"type": "string"}, "lot": name(), "quantity": quantity()});
        json!({"type": "array", "items": {"type": "object", "properties": properties}})
    };
    let schema = match verb {
        Verb::ReportProduction => of(json!({
            "produced_total": quantity(),
            "scrapped_total": quantity(),
            "lot": name(),
            "components": used(),
            "finished": used(),
            "backorder": name(),
        })),
        Verb::ConsumeComponent => of(json!({
            "product": product(), "lot": name(), "quantity": quantity(), "component_total": quantity(),
        })),
        Verb::ReceivePurchase | Verb::ShipSale | Verb::ShipShipment => {
            let lot = json!({"type": "object", "properties": {"lot": {"type": "string"}, "quantity": quantity()}});
            let line = json!({
                "product": product(), "total": quantity(), "lots": {"type": "array", "items": lot},
            });
            of(json!({
                "lines": {"type": "array", "items": {"type": "object", "properties": line}},
                "transfers": {"type": "array", "items": {"type": "string"}},
                "backorder": name(),
                "positions": positions(),
            }))
        }
        Verb::AdjustPosition => of(json!({"quantity": quantity(), "before": quantity()})),
        Verb::ScrapPosition => of(json!({"name": name(), "quantity": quantity()})),
        Verb::QuarantineLot | Verb::ReleaseLot => {
            of(json!({"transfer": name(), "quantity": quantity(), "positions": positions()}))
        }
        _ => json!({"description": "What was read back."}),
    };
    Some((verb.adds()?, schema))
}

fn consumption() -> Value {
    object(
        &["component", "quantity"],
        &json!({
            "component": {"type": "string", "minLength": 1, "description": "The key of the component."},
            "lot": text("From which lot."),
            "quantity": described(reference("Amount"), "Used of it in total."),
        }),
    )
}

fn totals(verb: &str) -> Value {
    let lot = object(
        &["lot", "quantity"],
        &json!({"lot": {"type": "string", "minLength": 1}, "quantity": reference("Amount")}),
    );
    let line = object(
        &["product", "quantity"],
        &json!({
            "product": {"type": "string", "description": "Its code."},
            "line": {"type": ["integer", "null"], "minimum": 1, "description": "Which line, from 1, where several are of the product."},
            "quantity": described(reference("Amount"), &format!("What there is to {verb}, in total.")),
            "lots": {"type": "array", "items": lot},
        }),
    );
    object(
        &[],
        &json!({
            "lines": {"type": "array", "items": line, "description": "May be missing where the remainder is closed."},
            "remainder": words(&["backorder", "close"], "What becomes of the rest. Default: `backorder`."),
            "over": words(&["refuse", "accept"], "Whether more than was ordered is taken. Default: `refuse`."),
        }),
    )
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

fn words(words: &[&str], about: &str) -> Value {
    let mut values: Vec<Value> = words.iter().map(|word| Value::from(*word)).collect();
    values.push(Value::Null);
    json!({"type": ["string", "null"], "enum": values, "description": about})
}

fn text(about: &str) -> Value {
    json!({"type": ["string", "null"], "minLength": 1, "description": about})
}

fn or_null(schema: &Value, about: &str) -> Value {
    json!({"anyOf": [schema, {"type": "null"}], "description": about})
}

fn described(schema: Value, about: &str) -> Value {
    let Value::Object(mut members) = schema else { return schema };
    members.insert("description".to_owned(), about.into());
    Value::Object(members)
}
