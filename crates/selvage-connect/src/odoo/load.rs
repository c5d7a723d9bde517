//! Values in the form that Odoo's `load()` and `write()` take, and what `load()` answers. Pure.
//! It never guesses: a value without a sure form is refused before anything is sent.

use std::collections::BTreeMap;
use std::sync::Arc;

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

/// The fields of lines, by the field that holds them.
pub(super) type LineFields = BTreeMap<String, Arc<Fields>>;

/// What `load()` takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// The table that makes a record of this external id. Its lines stand in further rows, in which the record's own columns
/// are empty: so `load()` knows that they belong to the record above, and makes all of it or nothing.
pub(super) fn table(fields: &Fields, lines: &LineFields, external_id: &str, values: &Map) -> Result<Table, Failure> {
    parts(external_id)?;
    let mut columns = vec!["id".to_owned()];
    let mut first = vec![external_id.to_owned()];
    let mut blocks: Vec<Table> = Vec::new();
    for (name, value) in values {
        let field = known(fields, name)?;
        match (lines.get(name), value.as_array()) {
            (Some(inner), Some(commands)) if field.kind == "one2many" => blocks.push(of_lines(name, inner, commands)?),
            _ => {
                let (column, cell) = cell(name, field, value)?;
                columns.push(column);
                first.push(cell);
            }
        }
    }
    let height = blocks.iter().map(|block| block.rows.len()).max().unwrap_or_default().max(1);
    let mut rows = vec![vec![String::new(); columns.len()]; height];
    if let Some(row) = rows.first_mut() {
        *row = first;
    }
    for block in blocks {
        for (place, row) in rows.iter_mut().enumerate() {
            let cells = block.rows.get(place).cloned();
            row.extend(cells.unwrap_or_else(|| vec![String::new(); block.columns.len()]));
        }
        columns.extend(block.columns);
    }
    Ok(Table { columns, rows })
}

/// The columns and rows of new lines (`[0, 0, values]`). An empty cell empties its field, so a field that some lines give
/// and others leave to the system is refused where empty would be another value than the system's own.
fn of_lines(name: &str, fields: &Fields, commands: &[Value]) -> Result<Table, Failure> {
    let wrong = |message: String| Failure::field(Refusal::Unsendable, name, message);
    let mut lines: Vec<BTreeMap<String, String>> = Vec::new();
    let mut columns: BTreeMap<String, &Field> = BTreeMap::new();
    for command in commands {
        let is_new = command.get(0).and_then(Value::as_i64) == Some(0);
        let Some(values) = command.get(2).and_then(Value::as_object).filter(|_| is_new) else {
            return Err(wrong(format!("a new record takes new lines, not {}", shape(command))));
        };
        let mut line = BTreeMap::new();
        for (inner, value) in values {
            let field = known(fields, inner)?;
            let (column, cell) = cell(inner, field, value)?;
            columns.insert(column.clone(), field);
            line.insert(column, cell);
        }
        lines.push(line);
    }
    for (column, field) in &columns {
        let may_be_empty =
            !field.required && !matches!(field.kind.as_str(), "boolean" | "integer" | "float" | "monetary");
        if !may_be_empty && lines.iter().any(|line| !line.contains_key(column)) {
            return Err(wrong(format!("either all lines give `{column}` or none does")));
        }
    }
    let row = |line: &BTreeMap<String, String>| {
        columns.keys().map(|column| line.get(column).cloned().unwrap_or_default()).collect()
    };
    let rows = lines.iter().map(row).collect();
    Ok(Table { columns: columns.keys().map(|column| format!("{name}/{column}")).collect(), rows })
}

/// Values for `write()`, with datetimes in Odoo's form and null as `false`.
pub(super) fn values(fields: &Fields, values: &Map) -> Result<Value, Failure> {
    let mut written = Map::new();
    for (name, value) in values {
        let field = known(fields, name)?;
        let value = match (field.kind.as_str(), value) {
            // To `write()` an empty list is no change, and a list of ids is one thing in one version and another in the next.
            ("many2many", Value::Null | Value::Bool(false)) => json!([[6, 0, []]]),
            ("many2many", Value::Array(ids)) if ids.iter().all(Value::is_i64) => json!([[6, 0, ids]]),
            ("many2one", Value::Array(ids)) => ids.first().cloned().unwrap_or(json!(false)),
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
    Err(self::complaint(complaint))
}

/// What one of the messages of `load()` says.
pub(super) fn complaint(message: &Value) -> Failure {
    let part = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
    Failure::Refused {
        kind: Refusal::Validation,
        message: super::classify::words(&part("message").unwrap_or_default()),
        field: part("field"),
    }
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
    let is_empty_list = value.as_array().is_some_and(Vec::is_empty);
    let empty = matches!(value, Value::Null)
        || (matches!(value, Value::Bool(false)) && field.kind != "boolean")
        || (is_empty_list && matches!(field.kind.as_str(), "many2one" | "many2many"));
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
            let made = table(&fields(), &LineFields::new(), "selvage.x-1", &values).ok();
            let made = made.as_ref().map(|made| (made.columns[1].as_str(), made.rows[0][1].as_str()));
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
    fn lines_stand_in_rows_below_their_record() {
        let mut fields = fields();
        fields.insert("b_one2many".to_owned(), fields["a_one2many"].clone());
        let inner = Arc::new(self::fields());
        let lines = LineFields::from([("a_one2many".to_owned(), Arc::clone(&inner)), ("b_one2many".to_owned(), inner)]);
        let table = |values: Value| table(&fields, &lines, "selvage.x-1", values.as_object().unwrap());
        let made = table(json!({
            "a_char": "Bike",
            "a_one2many": [[0, 0, {"a_many2one": 3, "a_float": 2}], [0, 0, {"a_float": 0.5, "a_many2one": 4, "a_char": "x"}]],
            "b_one2many": [[0, 0, {"a_char": "Weld"}]],
        }));
        let made = made.unwrap();
        let columns = [
            "id",
            "a_char",
            "a_one2many/a_char",
            "a_one2many/a_float",
            "a_one2many/a_many2one/.id",
            "b_one2many/a_char",
        ];
        assert_eq!(made.columns, columns);
        assert_eq!(made.rows, [["selvage.x-1", "Bike", "", "2", "3", "Weld"], ["", "", "x", "0.5", "4", ""]]);
        let none = table(json!({"a_char": "Bike", "a_one2many": []})).unwrap();
        assert_eq!((none.columns.len(), none.rows.len()), (2, 1));
        for refused in [
            json!([[0, 0, {"a_float": 1}], [0, 0, {"a_char": "x"}]]),
            json!([[1, 7, {"a_float": 1}]]),
            json!([7]),
            json!([[0, 0, {"unknown": 1}]]),
        ] {
            assert!(table(json!({"a_one2many": refused})).is_err(), "{refused}");
        }
    }

    #[test]
    fn lists_of_links_are_written_whole() {
        for (value, wanted) in [
            (json!({"a_many2many": [3, 4]}), json!({"a_many2many": [[6, 0, [3, 4]]]})),
            (json!({"a_many2many": []}), json!({"a_many2many": [[6, 0, []]]})),
            (json!({"a_many2many": false}), json!({"a_many2many": [[6, 0, []]]})),
            (json!({"a_many2many": [[4, 3, 0]]}), json!({"a_many2many": [[4, 3, 0]]})),
            (json!({"a_many2one": [3]}), json!({"a_many2one": 3})),
            (json!({"a_many2one": []}), json!({"a_many2one": false})),
            (json!({"a_one2many": [[2, 7, 0]]}), json!({"a_one2many": [[2, 7, 0]]})),
        ] {
            assert_eq!(values(&fields(), value.as_object().unwrap()).unwrap(), wanted);
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
