//! Values in the form that Odoo's `load()` and `write()` take, and what `load()` answers. Pure.
//! It never guesses: a value without a sure form is refused before anything is sent.

use serde_json::{Value, json};

use super::answer::{id_of, shape};
use super::failure::{Failure, Refusal};
use super::number::{decimal, survives};
use super::server::{Field, Fields};
use super::{Map, time};

/// Module and name of an external id.
pub(super) fn parts(external_id: &str) -> Result<(&str, &str), Failure> {
    let wellformed =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    external_id.split_once('.').filter(|(module, name)| wellformed(module) && wellformed(name)).ok_or_else(|| {
        let message =
            format!("`{external_id}` is not an external id; it must be `module.name` of letters, digits, _ and -");
        Failure::refused(Refusal::Unsendable, message)
    })
}

/// The columns and the one row that make a record of this external id.
pub(super) fn row(fields: &Fields, external_id: &str, values: &Map) -> Result<(Vec<String>, Vec<String>), Failure> {
    parts(external_id)?;
    let mut columns = vec!["id".to_owned()];
    let mut row = vec![external_id.to_owned()];
    for (name, value) in values {
        let field = known(fields, name)?;
        let (column, cell) = cell(name, field, value)?;
        columns.push(column);
        row.push(cell);
    }
    Ok((columns, row))
}

/// Values for `write()`, with datetimes in Odoo's form and null as `false`.
pub(super) fn values(fields: &Fields, values: &Map) -> Result<Value, Failure> {
    let mut written = Map::new();
    for (name, value) in values {
        let field = known(fields, name)?;
        let value = match (field.kind.as_str(), value) {
            (_, Value::Null) => json!(false),
            ("datetime", Value::String(text)) => json!(datetime(name, text)?),
            _ => value.clone(),
        };
        written.insert(name.clone(), value);
    }
    Ok(Value::Object(written))
}

/// The id that `load()` made or found, or its complaint.
pub(super) fn loaded(answer: &Value) -> Result<i64, Failure> {
    if let Some(id) = answer.pointer("/ids/0").and_then(Value::as_i64) {
        return Ok(id);
    }
    let messages = answer.get("messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let part = |message: &Value, name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
    let complaint =
        messages.iter().find(|message| part(message, "type").as_deref() == Some("error")).or(messages.first());
    let Some(complaint) = complaint else {
        return Err(Failure::Unknown { reason: "load answered neither with an id nor with a message".to_owned() });
    };
    Err(Failure::Refused {
        kind: Refusal::Validation,
        message: super::classify::words(&part(complaint, "message").unwrap_or_default()),
        field: part(complaint, "field"),
    })
}

fn known<'a>(fields: &'a Fields, name: &str) -> Result<&'a Field, Failure> {
    let Some(field) = fields.get(name) else {
        return Err(Failure::field(Refusal::Unsendable, name, format!("the model has no field `{name}`")));
    };
    // A write of a computed state is accepted and changes nothing, so it would look done.
    if name == "state" && field.readonly {
        return Err(Failure::field(Refusal::Unsendable, name, "a state is changed by a verb, never written"));
    }
    Ok(field)
}

/// The column and the text of one value.
fn cell(name: &str, field: &Field, value: &Value) -> Result<(String, String), Failure> {
    let plain = |text: String| Ok((name.to_owned(), text));
    let by_id = |text: String| Ok((format!("{name}/.id"), text));
    let wrong = || {
        let message = format!("a field of type {} cannot take {}", field.kind, shape(value));
        Err(Failure::field(Refusal::Unsendable, name, message))
    };
    let empty = matches!(value, Value::Null) || (matches!(value, Value::Bool(false)) && field.kind != "boolean");
    match field.kind.as_str() {
        "one2many" | "reference" | "many2one_reference" | "properties" => wrong(),
        "many2one" | "many2many" if empty => by_id(String::new()),
        _ if empty => plain(String::new()),
        "many2one" => match value {
            Value::String(external) => Ok((format!("{name}/id"), external.clone())),
            other => id_of(other).map_or_else(wrong, |id| by_id(id.to_string())),
        },
        "many2many" => {
            let ids = value.as_array().and_then(|ids| ids.iter().map(Value::as_i64).collect::<Option<Vec<_>>>());
            let Some(ids) = ids else { return wrong() };
            by_id(ids.iter().map(i64::to_string).collect::<Vec<_>>().join(","))
        }
        "boolean" => value.as_bool().map_or_else(wrong, |yes| plain(if yes { "1" } else { "0" }.to_owned())),
        "integer" => value.as_i64().map_or_else(wrong, |whole| plain(whole.to_string())),
        "float" | "monetary" => {
            let number = decimal(value).or_else(|| value.as_str()?.parse().ok());
            match number {
                Some(number) if !survives(number) => {
                    let message = format!("{number} has more digits than the system keeps");
                    Err(Failure::field(Refusal::Unsendable, name, message))
                }
                Some(number) => plain(number.normalize().to_string()),
                None => wrong(),
            }
        }
        "datetime" => match value {
            Value::String(text) => plain(datetime(name, text)?),
            _ => wrong(),
        },
        _ => value.as_str().map_or_else(wrong, |text| plain(text.to_owned())),
    }
}

fn datetime(name: &str, text: &str) -> Result<String, Failure> {
    time::naive(text).ok_or_else(|| Failure::field(Refusal::Unsendable, name, format!("`{text}` is not a moment")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        let kinds =
            ["char", "many2one", "many2many", "float", "boolean", "integer", "datetime", "selection", "one2many"];
        let field = |kind: &str| Field { kind: kind.to_owned(), relation: None, readonly: false, required: false };
        let mut fields: Fields = kinds.iter().map(|kind| (format!("a_{kind}"), field(kind))).collect();
        fields.insert("state".to_owned(), Field { readonly: true, ..field("selection") });
        fields
    }

    #[test]
    fn cells() {
        for (name, value, expected) in [
            ("a_char", json!("Frame"), Some(("a_char", "Frame"))),
            ("a_char", Value::Null, Some(("a_char", ""))),
            ("a_char", json!(5), None),
            ("a_many2one", json!(12), Some(("a_many2one/.id", "12"))),
            ("a_many2one", json!([12, "kg"]), Some(("a_many2one/.id", "12"))),
            ("a_many2one", json!("uom.product_uom_kgm"), Some(("a_many2one/id", "uom.product_uom_kgm"))),
            ("a_many2one", json!(false), Some(("a_many2one/.id", ""))),
            ("a_many2many", json!([3, 4]), Some(("a_many2many/.id", "3,4"))),
            ("a_many2many", json!(["x"]), None),
            ("a_float", serde_json::from_str("2.50").unwrap(), Some(("a_float", "2.5"))),
            ("a_float", json!("0.25"), Some(("a_float", "0.25"))),
            ("a_float", json!("heavy"), None),
            ("a_float", json!("1234567890.1234567"), None),
            ("a_boolean", json!(false), Some(("a_boolean", "0"))),
            ("a_integer", json!(7), Some(("a_integer", "7"))),
            ("a_datetime", json!("2026-11-23T07:32:49+01:00"), Some(("a_datetime", "2026-11-23 06:32:49"))),
            ("a_datetime", json!("soon"), None),
            ("a_selection", json!("lot"), Some(("a_selection", "lot"))),
            ("a_one2many", json!([]), None),
            ("unknown", json!(1), None),
            ("state", json!("done"), None),
        ] {
            let values = Map::from_iter([(name.to_owned(), value.clone())]);
            let made = row(&fields(), "selvage.x-1", &values).ok();
            let made = made.as_ref().map(|(columns, row)| (columns[1].as_str(), row[1].as_str()));
            assert_eq!(made, expected, "{name} {value}");
        }
    }

    #[test]
    fn external_ids() {
        assert_eq!(parts("selvage.order_1-a").unwrap(), ("selvage", "order_1-a"));
        for wrong in ["", "order", "a.b.c", ".b", "a.", "a b.c"] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn written_values() {
        let given = Map::from_iter([
            ("a_datetime".to_owned(), json!("2026-11-23T06:32:49Z")),
            ("a_char".to_owned(), Value::Null),
        ]);
        assert_eq!(values(&fields(), &given).unwrap(), json!({"a_datetime": "2026-11-23 06:32:49", "a_char": false}));
    }
}
