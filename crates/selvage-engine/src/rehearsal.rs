//! The trial of a mapping on a live system: real records are read, put back on paper, and made again in a transaction that
//! the system gives up. Where asked, one is really made, compared and taken away. It changes nothing that was there before.

use selvage_connect::odoo::{Failure, ListRequest, Map, Rehearsed, Scope as CallScope};
use selvage_mapping::{LinkQuery, MapCause, MapError};
use selvage_model::exchange::Scope;
use selvage_model::manifest::api::Operation;
use selvage_model::manifest::object::Shape;
use selvage_model::name::InterfaceRef;
use selvage_model::problem::Problem;
use serde_json::Value;

use crate::links;
use crate::reach::{self, Reach};
use crate::selection::Selection;
use crate::shared::Shared;
use crate::trouble::Trouble;

/// Broken records are told up to this many; what breaks one mostly breaks all.
const MOST_TOLD: usize = 5;
/// External ids of what a trial makes: none of them stays.
const MODULE: &str = "__selvage_trial__";

/// How a mapping is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// How many records are read.
    pub sample: usize,
    /// Whether a record is really made and taken away again.
    pub really: bool,
    /// A few letters and digits that no other trial has: what is made carries them.
    pub mark: String,
}

/// What a trial of one mapping found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// What the system says it is.
    pub server: String,
    /// What the system calls the record.
    pub record: String,
    /// Why there are no such records at all, where the system does not know their model.
    pub absent: Option<String>,
    /// Records that were read.
    pub read: usize,
    /// Records that could not be shown as their object: id and why.
    pub unshown: Vec<(String, String)>,
    /// Records that would change by putting back what was got: id and what.
    pub unlawful: Vec<(String, String)>,
    /// What became of making a copy of one; `None` where the object is only read.
    pub made: Option<Made>,
}

/// What became of making a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// The system takes it; it was made and given up in one transaction.
    Rehearsed {
        /// Of which record it was a copy.
        copy_of: String,
    },
    /// It was really made, read back as meant, and taken away again.
    Cleaned {
        /// Its id, which is free again.
        id: String,
    },
    /// It was really made and could not be taken away: a person has to.
    Left {
        /// Its id.
        id: String,
        /// Why the system keeps it.
        because: String,
    },
    /// It was made, and reads otherwise than meant.
    Differs {
        /// How.
        how: String,
    },
    /// The system refused it.
    Refused {
        /// In its own words.
        because: String,
    },
    /// There was nothing to copy, or no way to do it in a transaction of its own.
    Untried {
        /// Why.
        because: String,
    },
}

impl Rehearsal {
    /// Whether everything that was tried holds.
    pub fn holds(&self) -> bool {
        let made =
            matches!(self.made, None | Some(Made::Rehearsed { .. } | Made::Cleaned { .. } | Made::Untried { .. }));
        self.unshown.is_empty() && self.unlawful.is_empty() && made
    }
}

/// Tries the mapping of what this interface serves on so many records.
pub(crate) async fn run(shared: &Shared, interface: &InterfaceRef, trial: &Trial) -> Result<Rehearsal, Problem> {
    let active = shared.active();
    let served = reach::served(&active, interface, Operation::List)?;
    let system = served.connection.system().clone();
    let outcome = async {
        let reach = Reach::open(active, served).await?;
        rehearse(&reach, trial).await
    };
    outcome.await.map_err(|trouble: Trouble| trouble.problem(&system))
}

async fn rehearse(reach: &Reach, trial: &Trial) -> Result<Rehearsal, Trouble> {
    let connection = &reach.served.connection;
    let server = connection.ask(reach.odoo.server()).await?;
    let mut found = Rehearsal {
        server: format!("Odoo {}", server.version.text),
        record: reach.mapping.record().to_owned(),
        ..Rehearsal::default()
    };
    // A module that is not installed is no fault of the mapping.
    match connection.ask(reach.odoo.fields(reach.mapping.record())).await {
        Err(Failure::Refused { message, .. }) => return Ok(Rehearsal { absent: Some(message), ..found }),
        other => other?,
    };
    let records = records(reach, trial.sample).await?;
    found.read = records.len();
    let mut copied = None;
    for (record, shown) in records.iter().zip(reach.show(&records).await?) {
        let id = name_of(reach, record);
        match shown {
            Err(error) => tell(&mut found.unshown, id, error.to_string()),
            Ok(canonical) => match put_back(reach, record, &canonical).await? {
                Ok(changes) if changes.is_empty() => copied = Some((id, canonical)),
                Ok(changes) => tell(&mut found.unlawful, id, Value::Object(changes).to_string()),
                Err(error) => tell(&mut found.unlawful, id, error.to_string()),
            },
        }
    }
    found.made = make(reach, copied, trial).await?;
    Ok(found)
}

/// The first records that are objects, within the companies of every site.
async fn records(reach: &Reach, sample: usize) -> Result<Vec<Value>, Trouble> {
    let Selection::Records { domain, companies } = reach.select(&[]).await? else { return Ok(Vec::new()) };
    let wanted = ListRequest {
        model: reach.mapping.record().to_owned(),
        fields: reach.mapping.fields().to_vec(),
        domain,
        scope: reach.call_scope(companies).await?,
        limit: sample,
        cursor: None,
        updated_since: None,
    };
    let mut records = reach.served.connection.ask(reach.odoo.list(&wanted)).await?.records;
    reach.make_whole(&mut records).await?;
    Ok(records)
}

/// What would be written if an object were put back where it came from: nothing, by the law of lenses.
async fn put_back(reach: &Reach, record: &Value, canonical: &Value) -> Result<Result<Map, MapError>, Trouble> {
    let mut questions = reach.mapping.links(record);
    match reach.mapping.put_links(canonical) {
        Ok(more) => questions.extend(more),
        Err(error) => return Ok(Err(error)),
    }
    let links = links::look_up(reach, questions, &[]).await?;
    Ok(reach.mapping.put(canonical, Some(record), &links))
}

/// Makes a copy of an object under another key.
async fn make(reach: &Reach, copied: Option<(String, Value)>, trial: &Trial) -> Result<Option<Made>, Trouble> {
    let Some((copy_of, object)) = copied else {
        return Ok(Some(Made::Untried { because: "no record could be read to make a copy of".to_owned() }));
    };
    let Some(object) = writable(reach, &object, &trial.mark) else { return Ok(None) };
    let (values, scope) = match values(reach, &object).await? {
        Ok(made) => made,
        // An object whose attributes are all verbs' and computations' is only read.
        Err(error) if error.cause == MapCause::NotWritable => return Ok(None),
        Err(error) => return Ok(Some(Made::Refused { because: error.to_string() })),
    };
    if values.is_empty() {
        return Ok(None);
    }
    if trial.really {
        let external_id = format!("{MODULE}.{}", trial.mark);
        return really_make(reach, &object, &values, &scope, &external_id).await.map(Some);
    }
    let rehearsed = reach.odoo.rehearse(reach.mapping.record(), &values, &scope);
    Ok(Some(match reach.served.connection.ask(rehearsed).await {
        Ok(Rehearsed::Accepted) => Made::Rehearsed { copy_of },
        Ok(Rehearsed::Impossible) => {
            Made::Untried { because: "the record has no link to make a load fail by".to_owned() }
        }
        Err(Failure::Refused { message, .. }) => Made::Refused { because: message },
        Err(failure) => return Err(failure.into()),
    }))
}

/// What of an object a create takes, with its texts made unlike any that is there, since a name or a number is often one that
/// no second record may have. Texts that may be left out are, for the same reason: barcodes, references.
fn writable(reach: &Reach, object: &Value, mark: &str) -> Option<Value> {
    let declared = &reach.served.object;
    let mut taken = serde_json::Map::new();
    for attribute in declared.attributes.iter().filter(|attribute| !attribute.read_only) {
        let name = attribute.name.value.as_str();
        let Some(value) = object.get(name) else { continue };
        let is_key = declared.identity.iter().any(|key| key.value == attribute.name.value);
        let is_site = |text: &str| text.parse().is_ok_and(|site| reach.active.fabric.sites.contains_key(&site));
        let value = match (&attribute.shape, value.as_str()) {
            (Shape::String { .. }, _) if attribute.optional && !is_key => continue,
            (Shape::String { .. } | Shape::Text, Some(text)) if !is_site(text) => {
                Value::from(format!("{}-{mark}", text.chars().take(20).collect::<String>()))
            }
            _ => value.clone(),
        };
        if !value.is_null() {
            taken.insert(name.to_owned(), value);
        }
    }
    (!taken.is_empty()).then_some(Value::Object(taken))
}

async fn values(reach: &Reach, object: &Value) -> Result<Result<(Map, CallScope), MapError>, Trouble> {
    let questions = match reach.mapping.put_links(object) {
        Ok(questions) => questions,
        Err(error) => return Ok(Err(error)),
    };
    let companies: Vec<LinkQuery> =
        questions.iter().filter(|question| matches!(question, LinkQuery::Company { .. })).cloned().collect();
    let answers = links::look_up(reach, companies.clone(), &[]).await?;
    let companies: Vec<i64> = companies
        .iter()
        .filter_map(|question| match answers.get(question) {
            Some(selvage_mapping::LinkAnswer::Id(id)) => Some(*id),
            _ => None,
        })
        .collect();
    let scope = reach.call_scope((!companies.is_empty()).then_some(companies)).await?;
    let links = links::look_up(reach, questions, &scope.companies).await?;
    Ok(reach.mapping.put(object, None, &links).map(|values| (values, scope)))
}

/// Makes it, reads it back, compares, and takes it away.
async fn really_make(
    reach: &Reach,
    object: &Value,
    values: &Map,
    scope: &CallScope,
    external_id: &str,
) -> Result<Made, Trouble> {
    let (connection, record) = (&reach.served.connection, reach.mapping.record());
    let id = match connection.ask(reach.odoo.create(record, external_id, values, scope)).await {
        Ok(id) => id,
        Err(Failure::Refused { message, .. }) => return Ok(Made::Refused { because: message }),
        Err(failure) => return Err(failure.into()),
    };
    let found = reach.by_id(id, &CallScope { active_test: false, ..scope.clone() }, &Scope::default()).await;
    let name = format!("{}-{id}", reach.system());
    let taken = connection.ask(reach.odoo.take_away(record, id, scope)).await;
    let differs = found?.and_then(|found| difference(object, &found.canonical));
    Ok(match (differs, taken) {
        (_, Err(failure)) => Made::Left { id: name, because: failure.to_string() },
        (Some(how), Ok(())) => Made::Differs { how },
        (None, Ok(())) => Made::Cleaned { id: name },
    })
}

/// The first attribute that was meant otherwise.
fn difference(meant: &Value, there: &Value) -> Option<String> {
    let meant = meant.as_object()?;
    meant.iter().find_map(|(name, meant)| {
        let there = there.get(name).unwrap_or(&Value::Null);
        (meant != there).then(|| format!("`{name}` should be {meant} and is {there}"))
    })
}

fn name_of(reach: &Reach, record: &Value) -> String {
    let id = record.get("id").map_or_else(String::new, Value::to_string);
    format!("{}-{id}", reach.system())
}

fn tell(told: &mut Vec<(String, String)>, id: String, what: String) {
    if told.len() < MOST_TOLD {
        told.push((id, what));
    }
}
