//! Automation rules that tell a webhook of records that were made or changed, as noisily as they were recorded: twelve times for
//! one product that is made, again for a value that stays the same. Nothing is sent here; see `webhook`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::call::{Call, Method};
use super::refusal::{Exception, Refusal};
use super::schema::{Field, Kind, Model};
use super::store::{Change, Row};
use super::transaction::Transaction;
use super::value::{Id, Value};

/// How often a webhook was told of one record that was made, for the models of which that was recorded.
const TOLD_OF_MADE: usize = 12;

/// Which of the twelve are told before the variant has given its reference to the template.
const WITHOUT_REFERENCE: [usize; 2] = [8, 9];

/// How often a confirmed order was told of as it was before, and as it is now.
const TOLD_OF_CONFIRMED: (usize, usize) = (2, 3);

/// A rule: whenever a record of the model is made or changed, the fields are sent to the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automation {
    /// The model, `product.template`.
    pub model: String,
    /// Where the payload is posted to.
    pub url: String,
    /// The fields of the payload, beside `id`, `_id`, `_model` and `_action`.
    pub fields: Vec<String>,
}

impl Automation {
    /// Reads `{"model": …, "url": …, "fields": […]}`.
    ///
    /// # Errors
    /// What is missing.
    pub fn read(json: &Json) -> Result<Self, String> {
        let text =
            |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned).ok_or(format!("a rule has a `{key}`"));
        let fields = json.get("fields").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let fields = fields.iter().filter_map(Json::as_str).map(str::to_owned).collect();
        Ok(Self { model: text("model")?, url: text("url")?, fields })
    }
}

/// A rule in force.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// The id of its server action.
    pub(crate) id: Id,
    model: Model,
    url: Arc<str>,
    fields: Vec<&'static Field>,
}

/// One payload that is to be posted once the call is committed.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) url: Arc<str>,
    pub(crate) payload: Map<String, Json>,
}

impl Transaction<'_> {
    /// Puts a rule in force: its records are those that a person would have made.
    pub(crate) fn add_rule(&mut self, automation: &Automation) -> Result<Rule, Refusal> {
        let missing = || Refusal::new(Exception::Key, format!("there is no model `{}`", automation.model));
        let model = Model::parse(&automation.model).ok_or_else(missing)?;
        let find = |name: &String| {
            let unknown = || Refusal::unknown_field(self.env.version, model.name(), name);
            model.field(name, self.env.version).ok_or_else(unknown)
        };
        let fields = automation.fields.iter().map(find).collect::<Result<_, _>>()?;
        let mut known = self.store.ids(Model::Registered).into_iter();
        let described = known.find(|id| self.is(Model::Registered, *id, "model", &[model.name()]));
        let described = Value::from(described);
        let name = format!("{} is made or changed", model.info().label);
        let rule = self.insert(
            Model::Automation,
            [
                ("name", name.into()),
                ("active", true.into()),
                ("model_id", described.clone()),
                ("trigger", "on_create_or_write".into()),
            ],
        );
        let id = self.insert(
            Model::ServerAction,
            [
                ("name", "Send Webhook Notification".into()),
                ("model_id", described),
                ("state", "webhook".into()),
                ("usage", "base_automation".into()),
                ("webhook_url", automation.url.as_str().into()),
                ("base_automation_id", rule.into()),
            ],
        );
        Ok(Rule { id, model, url: Arc::from(automation.url.as_str()), fields })
    }

    /// What the rules have to tell of a call that is about to be committed.
    pub(crate) fn deliveries(&self, rules: &[Rule], call: &Call) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for rule in rules {
            let mut changed: BTreeMap<Id, &Change> = BTreeMap::new();
            for change in self.store.changes().iter().filter(|change| change.model == rule.model) {
                changed.entry(change.id).or_insert(change);
            }
            let mut ids: Vec<Id> = changed.keys().copied().collect();
            if let Ok(keys) = self.order_keys(rule.model, rule.model.info().order) {
                self.sort(rule.model, &mut ids, &keys);
            }
            for id in ids {
                let before = changed.get(&id).and_then(|change| change.old.as_deref());
                deliveries.extend(self.tell(rule, call, id, before));
            }
        }
        deliveries
    }

    fn tell(&self, rule: &Rule, call: &Call, id: Id, before: Option<&Row>) -> Vec<Delivery> {
        let Some(row) = self.store.row(rule.model, id) else {
            return Vec::new();
        };
        let now = Delivery { url: Arc::clone(&rule.url), payload: self.payload(rule, id, &row) };
        let confirmed = rule.model == Model::Production && call.method == Method::Confirm;
        let noisy = matches!(rule.model, Model::Product | Model::Template | Model::Production);
        match before {
            None if noisy => (0..TOLD_OF_MADE).map(|at| unfinished(rule.model, now.clone(), at)).collect(),
            Some(before) if confirmed => {
                let then = Delivery { url: Arc::clone(&rule.url), payload: self.payload(rule, id, before) };
                let (old, new) = TOLD_OF_CONFIRMED;
                std::iter::repeat_n(then, old).chain(std::iter::repeat_n(now, new)).collect()
            }
            _ => vec![now],
        }
    }

    /// The fields in alphabetical order, many2ones as bare ids, moments to the microsecond.
    fn payload(&self, rule: &Rule, id: Id, row: &Row) -> Map<String, Json> {
        let mut values: BTreeMap<&str, Json> = BTreeMap::new();
        values.insert("_action", json!(format!("Send Webhook Notification(#{})", rule.id)));
        values.insert("_id", id.into());
        values.insert("_model", json!(rule.model.name()));
        values.insert("id", id.into());
        for field in rule.fields.iter().filter(|field| field.name != "id") {
            let value = match self.value_of(rule.model, (id, row), field) {
                Value::Stamp(stamp) => json!(stamp.micros()),
                Value::Null if matches!(field.kind, Kind::Text) => json!(false),
                value => self.answer(field, value, false),
            };
            values.insert(field.name, value);
        }
        values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// While a product is made there are moments when its template does not have its reference yet.
fn unfinished(model: Model, mut delivery: Delivery, at: usize) -> Delivery {
    let without = model == Model::Template && WITHOUT_REFERENCE.contains(&at);
    if let Some(reference) = delivery.payload.get_mut("default_code").filter(|_| without) {
        *reference = Json::Bool(false);
    }
    delivery
}
