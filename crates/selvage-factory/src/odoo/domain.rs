//! Search domains in Odoo's prefix notation: read once, then asked of one record after another.
//! Reading refuses what Odoo refuses, with its words; nothing here changes a record.

use std::cmp::Ordering;
use std::ops::Bound;

use serde_json::Value as Json;

use super::OdooVersion;
use super::refusal::Refusal;
use super::schema::{Field, Kind, Model};
use super::store::Span;
use super::transaction::Transaction;
use super::value::{Id, Stamp, Value, decimal, repr, truthy};

/// A domain that was read.
#[derive(Debug)]
pub(crate) enum Domain {
    All(Vec<Domain>),
    Any(Vec<Domain>),
    Not(Box<Domain>),
    Leaf(Leaf),
}

/// One condition on a path of fields.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// The fields of the path with the model that each belongs to.
    path: Vec<(Model, &'static Field)>,
    operator: Operator,
    value: Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    In,
    NotIn,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Like { fold: bool, exact: bool, negated: bool },
    ChildOf,
}

impl Domain {
    /// Reads a domain of `model`. Conditions that stand side by side all have to hold.
    pub(crate) fn read(json: &Json, model: Model, version: OdooVersion) -> Result<Self, Refusal> {
        let Some(items) = json.as_array() else {
            return if truthy(json) { Err(invalid(json)) } else { Ok(Self::All(Vec::new())) };
        };
        let mut rest = items.as_slice();
        let mut all = Vec::new();
        while !rest.is_empty() {
            all.push(read_one(&mut rest, model, version)?);
        }
        Ok(Self::All(all))
    }

    /// Whether the record satisfies the domain.
    pub(crate) fn holds(&self, tx: &Transaction<'_>, id: Id) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(tx, id)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(tx, id)),
            Self::Not(part) => !part.holds(tx, id),
            Self::Leaf(leaf) => leaf.holds(tx, &leaf.path, id),
        }
    }

    /// The ids that an index can narrow the search to, to no more than `most`: from an `=` or `in` that every match has to
    /// satisfy.
    pub(crate) fn narrowed(&self, tx: &Transaction<'_>, most: usize) -> Option<Vec<Id>> {
        match self {
            Self::All(parts) => parts.iter().find_map(|part| part.narrowed(tx, most)),
            Self::Leaf(leaf) => leaf.indexed(tx, most),
            Self::Any(_) | Self::Not(_) => None,
        }
    }

    /// The bounds that every match keeps to in a field of its own.
    pub(crate) fn span<T: Ord + Copy>(&self, name: &str, read: fn(&Json) -> Option<T>) -> Span<T> {
        match self {
            Self::All(parts) => parts.iter().fold(Span::WHOLE, |span, part| span.and(part.span(name, read))),
            Self::Leaf(leaf) => leaf.span(name, read).unwrap_or(Span::WHOLE),
            Self::Any(_) | Self::Not(_) => Span::WHOLE,
        }
    }

    /// Whether a condition names the field, as `active` does to see what is archived.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.mentions(name)),
            Self::Not(part) => part.mentions(name),
            Self::Leaf(leaf) => leaf.path.first().is_some_and(|(_, field)| field.name == name),
        }
    }
}

fn invalid(json: &Json) -> Refusal {
    Refusal::value(format!("Invalid domain term {}", repr(json)))
}

fn read_one(rest: &mut &[Json], model: Model, version: OdooVersion) -> Result<Domain, Refusal> {
    let Some((first, tail)) = rest.split_first() else {
        return Err(Refusal::value("Domain() missing operands"));
    };
    *rest = tail;
    match first.as_str() {
        Some("!") => Ok(Domain::Not(Box::new(read_one(rest, model, version)?))),
        Some("&") => Ok(Domain::All(vec![read_one(rest, model, version)?, read_one(rest, model, version)?])),
        Some("|") => Ok(Domain::Any(vec![read_one(rest, model, version)?, read_one(rest, model, version)?])),
        _ => read_leaf(first, model, version).map(Domain::Leaf),
    }
}

fn read_leaf(json: &Json, model: Model, version: OdooVersion) -> Result<Leaf, Refusal> {
    let Some([path, operator, value]) = json.as_array().map(Vec::as_slice) else {
        return Err(invalid(json));
    };
    let (Some(path), Some(operator)) = (path.as_str(), operator.as_str()) else {
        return Err(invalid(json));
    };
    let Some(operator) = Operator::read(operator) else {
        return Err(invalid(json));
    };
    let mut fields = Vec::new();
    let mut current = Some(model);
    for name in path.split('.') {
        let found = current.and_then(|model| model.field(name, version).map(|field| (model, field)));
        let Some((owner, field)) = found else {
            let owner = current.unwrap_or(model).name();
            let noun = if version <= OdooVersion::V18 { "leaf" } else { "condition" };
            let term = format!("('{path}', {}, {})", repr(json.get(1).unwrap_or(&Json::Null)), repr(value));
            return Err(Refusal::value(format!("Invalid field {owner}.{name} in {noun} {term}")));
        };
        current = field.relation();
        fields.push((owner, field));
    }
    Ok(Leaf { path: fields, operator, value: value.clone() })
}

impl Operator {
    fn read(text: &str) -> Option<Self> {
        let like = |fold, exact, negated| Self::Like { fold, exact, negated };
        Some(match text {
            "=" | "==" => Self::Equal,
            "!=" | "<>" => Self::Unequal,
            "in" => Self::In,
            "not in" => Self::NotIn,
            "<" => Self::Less,
            "<=" => Self::LessEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterEqual,
            "like" => like(false, false, false),
            "ilike" => like(true, false, false),
            "=like" => like(false, true, false),
            "=ilike" => like(true, true, false),
            "not like" => like(false, false, true),
            "not ilike" => like(true, false, true),
            "child_of" => Self::ChildOf,
            _ => return None,
        })
    }
}

impl Leaf {
    fn holds(&self, tx: &Transaction<'_>, path: &[(Model, &'static Field)], id: Id) -> bool {
        let Some(((model, field), rest)) = path.split_first() else {
            return false;
        };
        let value = tx.value(*model, id, field);
        if rest.is_empty() {
            return self.matches(tx, *model, field, &value);
        }
        match value {
            Value::Ref(target) => self.holds(tx, rest, target),
            Value::Refs(targets) => targets.into_iter().any(|target| self.holds(tx, rest, target)),
            _ => false,
        }
    }

    fn matches(&self, tx: &Transaction<'_>, model: Model, field: &Field, value: &Value) -> bool {
        let equal = |wanted: &Json| equals(tx, field, value, wanted);
        let compare = |wanted: &[Ordering]| compare(value, &self.value).is_some_and(|found| wanted.contains(&found));
        match self.operator {
            Operator::Equal => equal(&self.value),
            Operator::Unequal => !equal(&self.value),
            Operator::In => any_of(&self.value, equal),
            Operator::NotIn => !any_of(&self.value, equal),
            Operator::Less => compare(&[Ordering::Less]),
            Operator::LessEqual => compare(&[Ordering::Less, Ordering::Equal]),
            Operator::Greater => compare(&[Ordering::Greater]),
            Operator::GreaterEqual => compare(&[Ordering::Greater, Ordering::Equal]),
            Operator::Like { fold, exact, negated } => like(tx, field, value, &self.value, fold, exact) != negated,
            Operator::ChildOf => descends(tx, model, field, value, &self.value),
        }
    }

    fn span<T: Ord + Copy>(&self, name: &str, read: fn(&Json) -> Option<T>) -> Option<Span<T>> {
        let [(_, field)] = self.path.as_slice() else {
            return None;
        };
        let value = if field.name == name { read(&self.value)? } else { return None };
        let (from, to) = match self.operator {
            Operator::Less => (Bound::Unbounded, Bound::Excluded(value)),
            Operator::LessEqual => (Bound::Unbounded, Bound::Included(value)),
            Operator::Greater => (Bound::Excluded(value), Bound::Unbounded),
            Operator::GreaterEqual => (Bound::Included(value), Bound::Unbounded),
            Operator::Equal => (Bound::Included(value), Bound::Included(value)),
            _ => return None,
        };
        Some(Span { from, to })
    }

    fn indexed(&self, tx: &Transaction<'_>, most: usize) -> Option<Vec<Id>> {
        let [(model, field)] = self.path.as_slice() else {
            return None;
        };
        let wanted = match (self.operator, &self.value) {
            (Operator::Equal, value) => std::slice::from_ref(value),
            (Operator::In, Json::Array(values)) => values.as_slice(),
            _ => return None,
        };
        let mut ids = Vec::new();
        for value in wanted {
            match (field.kind, value) {
                (Kind::Int, Json::Number(number)) if field.name == "id" => ids.extend(number.as_i64().map(Id)),
                (Kind::One(_), Json::Number(number)) if field.stored => {
                    let target = Id(number.as_i64()?);
                    if tx.store.count_referring(*model, field.column, target) > most {
                        return None;
                    }
                    ids.extend(tx.store.referring(*model, field.column, target));
                }
                (Kind::Char, Json::String(text)) if field.stored => {
                    ids.extend(tx.store.with_text(*model, field.column, text)?);
                }
                _ => return None,
            }
        }
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| tx.store.row(*model, *id).is_some());
        Some(ids)
    }
}

fn any_of(values: &Json, equal: impl Fn(&Json) -> bool) -> bool {
    match values {
        Json::Array(items) => items.iter().any(equal),
        single => equal(single),
    }
}

fn equals(tx: &Transaction<'_>, field: &Field, value: &Value, wanted: &Json) -> bool {
    match (value, wanted) {
        (Value::Null, Json::Number(_)) => {
            matches!(field.kind, Kind::Int | Kind::Float(_)) && decimal(wanted).is_some_and(|n| n.is_zero())
        }
        (Value::Null, _) => !truthy(wanted),
        (Value::Bool(flag), _) => *flag == truthy(wanted),
        (Value::Refs(ids), Json::Bool(_) | Json::Null) => ids.is_empty() != truthy(wanted),
        (Value::Refs(ids), Json::Number(number)) => ids.iter().any(|id| Some(id.0) == number.as_i64()),
        (Value::Ref(id), Json::Number(number)) => Some(id.0) == number.as_i64(),
        (Value::Ref(id), Json::String(text)) => field.relation().is_some_and(|model| tx.label(model, *id) == *text),
        (Value::Text(text), Json::String(wanted)) => **text == **wanted,
        _ => compare(value, wanted) == Some(Ordering::Equal),
    }
}

fn compare(value: &Value, wanted: &Json) -> Option<Ordering> {
    match (value, wanted) {
        (Value::Int(number), _) => Some(rust_decimal::Decimal::from(*number).cmp(&decimal(wanted)?)),
        (Value::Number(number), _) => Some(number.cmp(&decimal(wanted)?)),
        (Value::Ref(id), Json::Number(number)) => Some(id.0.cmp(&number.as_i64()?)),
        (Value::Text(text), Json::String(wanted)) => Some((**text).cmp(wanted)),
        (Value::Stamp(stamp), Json::String(wanted)) => Some(stamp.cmp(&Stamp::parse(wanted)?)),
        _ => None,
    }
}

fn like(tx: &Transaction<'_>, field: &Field, value: &Value, wanted: &Json, fold: bool, exact: bool) -> bool {
    let text = match (value, field.relation()) {
        (Value::Text(text), _) => text.to_string(),
        (Value::Ref(id), Some(model)) => tx.label(model, *id),
        _ => return false,
    };
    let pattern = wanted.as_str().unwrap_or_default().to_owned();
    let pattern = if exact { pattern } else { format!("%{pattern}%") };
    let case = |text: String| if fold { text.to_lowercase() } else { text };
    let (text, pattern): (Vec<char>, Vec<char>) = (case(text).chars().collect(), case(pattern).chars().collect());
    wild(&text, &pattern)
}

/// The `LIKE` of SQL: `%` stands for any text, `_` for one character.
fn wild(text: &[char], pattern: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => (0..=text.len()).any(|at| text.get(at..).is_some_and(|tail| wild(tail, rest))),
        Some((first, rest)) => match text.split_first() {
            Some((found, tail)) => (*first == '_' || first == found) && wild(tail, rest),
            None => false,
        },
    }
}

fn descends(tx: &Transaction<'_>, model: Model, field: &Field, value: &Value, wanted: &Json) -> bool {
    let owner = if field.name == "id" { model } else { field.relation().unwrap_or(model) };
    let parent = match owner {
        Model::Location => "location_id",
        _ => "parent_id",
    };
    let mut current = match value {
        Value::Ref(id) => Some(*id),
        Value::Int(id) => Some(Id(*id)),
        _ => None,
    };
    while let Some(id) = current {
        if any_of(wanted, |wanted| wanted.as_i64() == Some(id.0)) {
            return true;
        }
        current = tx.reference(owner, id, parent);
    }
    false
}
