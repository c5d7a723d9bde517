//! What an operation needs of its system, put together: of the connector itself, of the mapping with those that it links to,
//! and of the verb. Pure; a need says what it is for, so that a gap can be told to whoever mends it.

pub(crate) mod gap;

use std::collections::BTreeMap;

use selvage_connect::odoo::{
    Failure, Fingerprint, ModelNeeds, ModelSeen, Odoo, Questions, Right, VerbNeeds, names, other_name,
};
use selvage_mapping::{CompiledMapping, FieldNeed, Form, To};
use selvage_model::manifest::api::Operation;
use selvage_model::name::ObjectName;

/// Rounds of questions; each leads one link further.
const DEEPEST: usize = 8;

/// One thing that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// The model from which the path leads to the one that has it.
    pub(crate) model: String,
    /// Links and lists of lines, where it is of a record behind the record.
    pub(crate) path: Vec<String>,
    /// What must be there.
    pub(crate) what: What,
    /// What for, as `attribute lot of production-order@1`.
    pub(crate) purpose: String,
}

/// What of a model must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A field under one of its names.
    Field {
        /// The names; in which the first is the one to tell.
        names: Vec<String>,
        /// Types that serve; none named where any does.
        kinds: &'static [&'static str],
        /// Where a link must lead.
        relation: Option<String>,
        /// The words that are known of a selection.
        words: Vec<String>,
        /// Whether it is written.
        written: Written,
    },
    /// A right of the account.
    Right(Right),
}

impl Need {
    fn of(model: &str, what: What, purpose: &str) -> Self {
        Self { model: model.to_owned(), path: Vec::new(), what, purpose: purpose.to_owned() }
    }

    /// The model that must have it, as far as what was seen leads there.
    pub(crate) fn model_in(&self, seen: &Models) -> Result<String, (String, String)> {
        let mut model = self.model.clone();
        for step in &self.path {
            let field = match seen.get(&model) {
                Some(ModelSeen::There { fields: Some(fields), .. }) => fields.get(step),
                _ => None,
            };
            match field.and_then(|field| field.relation.clone()) {
                Some(relation) => model = relation,
                None => return Err((model, step.clone())),
            }
        }
        Ok(model)
    }
}

/// What was seen of models.
pub(crate) type Models = BTreeMap<String, ModelSeen>;

/// Whether a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Never.
    No,
    /// Where an object gives it; what cannot be written is found when it is read back.
    Perhaps,
    /// Each time.
    Always,
}

/// What is needed for anything at all: companies are told from sites, and records by external ids.
const ALWAYS: &[ModelNeeds] = &[
    ModelNeeds { reads: &["name", "company_registry"], ..nothing_of("res.company") },
    ModelNeeds { reads: &["module", "name", "model", "res_id"], ..nothing_of("ir.model.data") },
];

const fn nothing_of(model: &'static str) -> ModelNeeds {
    ModelNeeds { model, reads: &[], writes: &[], calls: &[], creates: false, changes: false, deletes: false }
}

/// What is needed whatever is done.
pub(crate) fn always() -> Vec<Need> {
    of_tables(ALWAYS, "telling companies and units apart")
}

/// What a verb needs beside its object.
pub(crate) fn of_verb(verb: &VerbNeeds) -> Vec<Need> {
    of_tables(verb.models, &format!("the verb `{}`", verb.verb))
}

fn of_tables(tables: &[ModelNeeds], purpose: &str) -> Vec<Need> {
    let mut needs = Vec::new();
    for table in tables {
        let field = |entry: &&'static str, written: Written| What::Field {
            names: names(entry).map(str::to_owned).collect(),
            kinds: &[],
            relation: None,
            words: Vec::new(),
            written,
        };
        let read =
            table.reads.iter().filter(|entry| !table.writes.contains(entry)).map(|entry| field(entry, Written::No));
        let written = table.writes.iter().map(|entry| field(entry, Written::Always));
        let rights = table.rights().into_iter().map(What::Right);
        let all = rights.chain(read).chain(written);
        needs.extend(all.map(|what| Need::of(table.model, what, purpose)));
    }
    needs
}

/// How a mapping is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Its records are read.
    Read,
    /// They are made.
    Create,
    /// Attributes of them are changed.
    Update,
    /// They are archived.
    Archive,
}

impl Use {
    /// How an operation uses a mapping.
    pub(crate) fn of(operation: Operation) -> Self {
        match operation {
            Operation::Create => Self::Create,
            Operation::Update => Self::Update,
            Operation::Archive => Self::Archive,
            _ => Self::Read,
        }
    }

    fn right(self) -> Option<Right> {
        match self {
            Self::Read => None,
            Self::Create => Some(Right::Create),
            Self::Update | Self::Archive => Some(Right::Write),
        }
    }
}

/// What a mapping needs. `linked` gives the mapping of another object in the same system and version.
pub(crate) fn of_mapping(
    mapping: &CompiledMapping,
    usage: Use,
    linked: impl Fn(&ObjectName) -> Option<std::sync::Arc<CompiledMapping>>,
) -> Vec<Need> {
    let record = |what, purpose: &str| Need::of(mapping.record(), what, purpose);
    let object = mapping.object().to_string();
    let mut needs = vec![record(What::Right(Right::Read), &object)];
    needs.extend(usage.right().map(|right| record(What::Right(right), &object)));
    for need in mapping.needs() {
        if let Form::Link(To::Object(to)) | Form::Links(To::Object(to)) = &need.form
            && let Some(other) = linked(to)
        {
            needs.extend(of_link(&other, &need, &object));
        }
        let relation = relation(&need.form, &linked);
        let behind = |what| Need { path: need.path.clone(), ..record(what, &purpose(&need, &object)) };
        needs.push(behind(field(&need, relation, usage)));
        if !need.path.is_empty() {
            needs.push(behind(What::Right(Right::Read)));
        }
    }
    needs
}

/// What showing a link's business key needs of the record that it leads to.
fn of_link(other: &CompiledMapping, link: &FieldNeed, object: &str) -> Vec<Need> {
    let purpose = format!("`{}` of {object}, shown by its key", link.attribute);
    let need = |what| Need::of(other.record(), what, &purpose);
    let keys = other.key_needs().into_iter().map(|key| field(&key, None, Use::Read));
    [What::Right(Right::Read)].into_iter().chain(keys).map(need).collect()
}

fn field(need: &FieldNeed, relation: Option<String>, usage: Use) -> What {
    let words = match &need.form {
        Form::Words(words) => words.clone(),
        _ => Vec::new(),
    };
    What::Field {
        names: vec![need.field.clone()],
        kinds: kinds(&need.form),
        relation,
        words,
        written: match usage {
            Use::Create if need.written && !need.optional => Written::Always,
            Use::Create | Use::Update if need.written => Written::Perhaps,
            _ => Written::No,
        },
    }
}

fn purpose(need: &FieldNeed, object: &str) -> String {
    if need.attribute.is_empty() { format!("listing {object}") } else { format!("`{}` of {object}", need.attribute) }
}

/// The types of Odoo's fields that have this form.
fn kinds(form: &Form) -> &'static [&'static str] {
    match form {
        Form::Any => &[],
        Form::Text => &["char", "text", "html", "selection"],
        Form::Whole => &["integer", "float", "many2one_reference"],
        Form::Number => &["float", "integer", "monetary"],
        Form::Flag => &["boolean"],
        Form::Moment => &["datetime"],
        Form::Day => &["date"],
        Form::Words(_) => &["selection", "char"],
        // A label may stand alone.
        Form::Link(To::Anywhere) => &["many2one", "reference", "char"],
        Form::Link(_) => &["many2one"],
        Form::Links(_) => &["many2many", "one2many"],
    }
}

fn relation(form: &Form, linked: impl Fn(&ObjectName) -> Option<std::sync::Arc<CompiledMapping>>) -> Option<String> {
    match form {
        Form::Link(To::Object(object)) | Form::Links(To::Object(object)) => {
            linked(object).map(|mapping| mapping.record().to_owned())
        }
        Form::Link(To::Company) | Form::Links(To::Company) => Some("res.company".to_owned()),
        _ => None,
    }
}

/// What to ask a server to see whether it has all this, as far as what was seen leads there. Fields are asked for by the
/// names of other versions too, so that one that was renamed can be named.
pub(crate) fn questions<'a>(needs: impl IntoIterator<Item = &'a Need>, seen: &Models) -> Questions {
    let mut questions = Questions::new();
    for need in needs {
        let model = match need.model_in(seen) {
            Ok(model) => model,
            // The link that leads on comes first.
            Err((model, step)) => {
                questions.entry(model).or_default().fields.insert(step);
                continue;
            }
        };
        let question = questions.entry(model.clone()).or_default();
        match &need.what {
            What::Right(right) => {
                question.rights.insert(*right);
            }
            What::Field { names, .. } => {
                for name in names {
                    question.fields.insert(name.clone());
                    question.fields.extend(other_name(&model, name).map(|(other, _)| other.to_owned()));
                }
            }
        }
    }
    questions
}

/// Asks what these needs call for, round by round: what a link leads to is known only when the link is. Of what is asked
/// beside, `more` says what. Nothing is changed by asking.
pub(crate) async fn ask(
    odoo: &Odoo,
    needs: &[&Need],
    more: Questions,
    progress: impl Fn(&str),
) -> Result<Fingerprint, Failure> {
    let server = odoo.server().await?;
    let mut seen = Fingerprint { server: server.as_ref().clone(), models: Models::new() };
    let mut asked = Questions::new();
    for _ in 0..DEEPEST {
        let mut questions = more.clone();
        for (model, question) in questions_of(needs, &seen) {
            let known = questions.entry(model).or_default();
            known.fields.extend(question.fields);
            known.rights.extend(question.rights);
        }
        questions.retain(|model, question| asked.get(model) != Some(question));
        if questions.is_empty() {
            break;
        }
        for (model, question) in questions {
            progress(&model);
            let one = Questions::from([(model.clone(), question.clone())]);
            seen.models.extend(odoo.fingerprint(&one).await?.models);
            asked.insert(model, question);
        }
    }
    Ok(seen)
}

fn questions_of(needs: &[&Need], seen: &Fingerprint) -> Questions {
    questions(needs.iter().copied(), &seen.models)
}
