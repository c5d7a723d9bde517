//! `search`, `search_count`, `search_read`, `read` and `name_search`: what is seen, in which order, and how it is written.
//! Reads only.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::domain::Domain;
use super::refusal::Refusal;
use super::schema::{Field, Kind, Model};
use super::store::{Row, Span};
use super::transaction::Transaction;
use super::value::{Id, Stamp, Value, float, truthy};

/// How many records an index may point to before it is better to go through the table in the order that is asked for.
const FEW: usize = 2_000;

/// What a search asks for besides the domain.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) order: Option<String>,
    pub(crate) offset: usize,
    /// 0 stands for no limit.
    pub(crate) limit: usize,
}

impl Page {
    /// Reads `order`, `offset` and `limit` of a call.
    pub(crate) fn read(named: &Map<String, Json>) -> Self {
        let count =
            |name| named.get(name).and_then(Json::as_u64).and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        let order = named.get("order").and_then(Json::as_str).filter(|order| !order.is_empty());
        Self { order: order.map(str::to_owned), offset: count("offset"), limit: count("limit") }
    }
}

/// An order in which the tables can be gone through without sorting.
#[derive(Clone, Copy, Debug)]
enum Walk {
    Ids {
        backwards: bool,
    },
    /// By write date, then by id.
    Dates {
        backwards: bool,
    },
}

impl Walk {
    fn read(keys: &[(&'static Field, bool)]) -> Option<Self> {
        match keys {
            [(only, backwards)] if only.name == "id" => Some(Self::Ids { backwards: *backwards }),
            [(only, false)] if only.name == "write_date" => Some(Self::Dates { backwards: false }),
            [(first, one), (second, other)] if first.name == "write_date" && second.name == "id" && one == other => {
                Some(Self::Dates { backwards: *one })
            }
            _ => None,
        }
    }
}

fn moment(json: &Json) -> Option<Stamp> {
    Stamp::parse(json.as_str()?)
}

impl Transaction<'_> {
    /// The visible records that satisfy the domain, ordered and cut to the page.
    pub(crate) fn search(&self, model: Model, domain: &Json, page: &Page) -> Result<Vec<Id>, Refusal> {
        let domain = Domain::read(domain, model, self.env.version)?;
        let keys = self.order_keys(model, page.order.as_deref().unwrap_or(model.info().order))?;
        let limit = if page.limit == 0 { usize::MAX } else { page.limit };
        let shown = self.shown(model, &domain);
        let walk = Walk::read(&keys);
        let few = if walk.is_some() { FEW } else { usize::MAX };
        let mut ids = match (domain.narrowed(self, few), walk) {
            (Some(ids), _) => ids,
            (None, Some(walk)) => match self.walk(model, &domain, walk) {
                // In order already: nothing behind the page is looked at.
                Some(ids) => return Ok(ids.filter(shown).skip(page.offset).take(limit).collect()),
                None => self.candidates(model, &domain),
            },
            (None, None) => self.candidates(model, &domain),
        };
        ids.retain(shown);
        self.sort(model, &mut ids, &keys);
        Ok(ids.into_iter().skip(page.offset).take(limit).collect())
    }

    /// How many visible records satisfy the domain, at most the limit of the page.
    pub(crate) fn count(&self, model: Model, domain: &Json, page: &Page) -> Result<usize, Refusal> {
        let domain = Domain::read(domain, model, self.env.version)?;
        let ids = domain.narrowed(self, usize::MAX).unwrap_or_else(|| self.candidates(model, &domain));
        let count = ids.into_iter().filter(self.shown(model, &domain)).count();
        Ok(if page.limit == 0 { count } else { count.min(page.limit) })
    }

    /// Whether a record is seen and satisfies the domain.
    fn shown<'s>(&'s self, model: Model, domain: &'s Domain) -> impl Fn(&Id) -> bool + 's {
        let hide_archived = model.field("active", self.env.version).is_some()
            && !domain.mentions("active")
            && self.env.context.get("active_test").is_none_or(truthy);
        move |id| {
            let shown = !hide_archived || self.flag(model, *id, "active");
            shown && self.visible(model, *id) && domain.holds(self, *id)
        }
    }

    /// The records in the order that is asked for, from where the domain begins to where it ends; `None` where the domain
    /// asks for a stretch of time and the order is another.
    fn walk(&self, model: Model, domain: &Domain, walk: Walk) -> Option<Box<dyn Iterator<Item = Id> + '_>> {
        let dates = domain.span("write_date", moment);
        match walk {
            Walk::Dates { backwards } => Some(self.store.by_date(model, dates, backwards)),
            Walk::Ids { .. } if dates.is_bounded() => None,
            Walk::Ids { backwards } => {
                Some(self.store.by_id(model, domain.span("id", |json| json.as_i64().map(Id)), backwards))
            }
        }
    }

    /// The records among which those of the domain are, in no order that matters.
    fn candidates(&self, model: Model, domain: &Domain) -> Vec<Id> {
        let dates = domain.span("write_date", moment);
        if dates == Span::WHOLE { self.store.ids(model) } else { self.store.by_date(model, dates, false).collect() }
    }

    /// The records as dictionaries: `id` first, then the fields as asked; all fields where none are named.
    /// With `labels`, a many2one is `[id, label]`, otherwise the bare id.
    pub(crate) fn read(&self, model: Model, ids: &[Id], fields: &[String], labels: bool) -> Result<Vec<Json>, Refusal> {
        let fields = self.fields_named(model, fields)?;
        let present: Vec<(Id, Arc<Row>)> =
            ids.iter().filter_map(|id| self.store.row(model, *id).map(|row| (*id, row))).collect();
        for (id, _) in &present {
            self.check(model, &[*id], "read")?;
        }
        let record = |(id, row): (Id, Arc<Row>)| {
            let mut record = Map::new();
            record.insert("id".to_owned(), id.into());
            for field in fields.iter().filter(|field| field.name != "id") {
                let value = self.value_of(model, (id, &row), field);
                record.insert(field.name.to_owned(), self.answer(field, value, labels));
            }
            Json::Object(record)
        };
        Ok(present.into_iter().map(record).collect())
    }

    /// `[[id, label], …]` of the records whose label or code contains the text.
    pub(crate) fn name_search(&self, model: Model, named: &Map<String, Json>) -> Result<Json, Refusal> {
        let all = json!([]);
        let domain =
            named.get("args").or_else(|| named.get("domain")).filter(|domain| !domain.is_null()).unwrap_or(&all);
        let text = named.get("name").and_then(Json::as_str).unwrap_or_default().to_lowercase();
        let limit = Page::read(named).limit;
        let found = self.search(model, domain, &Page::default())?;
        let pairs = found
            .into_iter()
            .map(|id| (id, self.label(model, id)))
            .filter(|(_, label)| label.to_lowercase().contains(&text));
        let limit = if limit == 0 { 100 } else { limit };
        Ok(Json::Array(pairs.take(limit).map(|(id, label)| json!([id.0, label])).collect()))
    }

    fn fields_named(&self, model: Model, names: &[String]) -> Result<Vec<&'static Field>, Refusal> {
        if names.is_empty() {
            return Ok(model.fields(self.env.version).collect());
        }
        let find = |name: &String| {
            let missing = || Refusal::unknown_field(self.env.version, model.name(), name);
            model.field(name, self.env.version).ok_or_else(missing)
        };
        names.iter().map(find).collect()
    }

    /// A value as the API writes it.
    pub(crate) fn answer(&self, field: &Field, value: Value, labels: bool) -> Json {
        match (value, field.kind) {
            (Value::Null, Kind::Children(..) | Kind::Many(_) | Kind::Elsewhere(true)) => json!([]),
            (Value::Null, Kind::Int | Kind::AnyId) => json!(0),
            (Value::Null, Kind::Float(_)) => float(rust_decimal::Decimal::ZERO),
            (Value::Null, _) => json!(false),
            (Value::Bool(flag), _) => json!(flag),
            (Value::Int(number), _) => json!(number),
            (Value::Number(number), _) => float(number),
            (Value::Text(text), _) => json!(&*text),
            (Value::Stamp(stamp), _) => json!(stamp.seconds()),
            (Value::Ref(id), Kind::One(target)) if labels => json!([id.0, self.label(target, id)]),
            (Value::Ref(id), _) => json!(id.0),
            (Value::Refs(mut ids), Kind::Many(target)) => {
                // A many2many comes in the default order of its model.
                if let Ok(keys) = self.order_keys(target, target.info().order) {
                    self.sort(target, &mut ids, &keys);
                }
                ids.into_iter().map(Json::from).collect()
            }
            (Value::Refs(ids), _) => ids.into_iter().map(Json::from).collect(),
            (Value::PerCompany(values), _) => {
                float(self.company().and_then(|company| values.get(&company).copied()).unwrap_or_default())
            }
        }
    }

    pub(crate) fn order_keys(&self, model: Model, order: &str) -> Result<Vec<(&'static Field, bool)>, Refusal> {
        let mut keys = Vec::new();
        for term in order.split(',') {
            let mut words = term.split_whitespace();
            let Some(name) = words.next() else {
                continue;
            };
            let descending = words.next().is_some_and(|word| word.eq_ignore_ascii_case("desc"));
            // A model's own order names fields that an older version keeps under another name, or does not have.
            let own = order == model.info().order;
            let field = model
                .field(name, self.env.version)
                .or_else(|| model.fields(self.env.version).find(|field| own && field.column == name));
            match field {
                Some(field) => keys.push((field, descending)),
                None if own => {}
                None => return Err(Refusal::unknown_field(self.env.version, model.name(), name)),
            }
        }
        Ok(keys)
    }

    pub(crate) fn sort(&self, model: Model, ids: &mut Vec<Id>, keys: &[(&'static Field, bool)]) {
        if matches!(keys, [(field, false)] if field.name == "id") {
            ids.sort_unstable();
            return;
        }
        let mut rows: Vec<(Vec<Value>, Id)> =
            ids.iter().map(|id| (keys.iter().map(|(field, _)| self.value(model, *id, field)).collect(), *id)).collect();
        rows.sort_by(|(left, left_id), (right, right_id)| {
            let by_keys = keys.iter().zip(left.iter().zip(right)).map(|((_, descending), (left, right))| {
                let order = rank(left, right);
                if *descending { order.reverse() } else { order }
            });
            by_keys.fold(Ordering::Equal, Ordering::then).then(left_id.cmp(right_id))
        });
        *ids = rows.into_iter().map(|(_, id)| id).collect();
    }
}

/// The order of PostgreSQL: nulls after everything.
fn rank(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Int(left), Value::Int(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Stamp(left), Value::Stamp(right)) => left.cmp(right),
        (Value::Ref(left), Value::Ref(right)) => left.cmp(right),
        _ => Ordering::Equal,
    }
}
