//! `selvage mapping trace OBJECT ID`: one record through its mapping, attribute by attribute and both ways.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use selvage_mapping::trace::{self, Back, Step};
use selvage_mapping::{CompiledMapping, MapError};
use selvage_model::class::Masked;
use selvage_model::manifest::api::Operation;
use selvage_model::manifest::mapping::{Example, ExampleLink};
use selvage_model::source::Place;
use serde_json::{Value, json};

use super::{Outcome, TABLE, say};
use crate::by_hand::{ByHand, ObjectChoice, passing_store};
use crate::report::refusal;

/// Shows what mappings do.
#[derive(Subcommand)]
pub(crate) enum Mapping {
    /// Shows each attribute of one record: its fields, the lens, what was looked up, the value, and the way back.
    Trace(Trace),
}

impl Mapping {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Trace(trace) => trace.run().await,
        }
    }
}

/// Which record, and how it is shown.
#[derive(Args)]
pub(crate) struct Trace {
    #[command(flatten)]
    choice: ObjectChoice,
    /// Its business key, or its id as `odoo-20`.
    #[arg(required_unless_present = "local")]
    id: Option<String>,
    /// A file with a record instead of a system, as JSON like an example: `{"local": {…}, "links": {…}, "version": 18}`.
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    local: Option<PathBuf>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How a trace is written.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    Human,
    /// One JSON document.
    Json,
}

impl Trace {
    async fn run(self) -> anyhow::Result<Outcome> {
        let (_, object, _) = self.choice.resolve()?;
        let mut steps = match (&self.local, &self.id) {
            (Some(file), _) => of_file(&self.choice, file)?,
            (None, Some(id)) => {
                let place = tempfile::tempdir()?;
                let store = passing_store(place.path()).await?;
                let by_hand = ByHand::begin(&self.choice, &[Operation::Get], store).await?;
                let steps = by_hand.trace(id).await;
                by_hand.end().await;
                match steps {
                    Ok(steps) => steps,
                    Err(problem) => {
                        eprintln!("selvage: {}", refusal::write(&problem));
                        return Ok(Outcome::Wrong);
                    }
                }
            }
            (None, None) => anyhow::bail!("say which record, or give one with `--local`"),
        };
        for masked in object.classed() {
            steps.iter_mut().filter(|step| step.attribute == masked.attribute()).for_each(|step| veil(step, &masked));
        }
        match self.format {
            Format::Human => say(human(&steps))?,
            Format::Json => say(format_args!("{:#}", Value::from(steps.iter().map(as_json).collect::<Vec<_>>())))?,
        }
        let is_well = |step: &Step| step.canonical.is_ok() && matches!(step.back, Back::ReadOnly | Back::Unchanged);
        Ok(if steps.iter().all(is_well) { Outcome::Well } else { Outcome::Wrong })
    }
}

/// Takes the values away of what carries a class of data; how it comes about stays.
fn veil(step: &mut Step, masked: &Masked) {
    let hidden = || Value::from(format!("({} data)", masked.class));
    let hide = |error: &mut MapError| error.message = format!("what is wrong may hold {} data", masked.class);
    step.fields.iter_mut().for_each(|(_, value)| *value = hidden());
    step.looked_up.iter_mut().for_each(|(_, answer)| *answer = format!("({} data)", masked.class));
    match &mut step.canonical {
        Ok(value) => *value = hidden(),
        Err(error) => hide(error),
    }
    match &mut step.back {
        Back::Changes(changes) => changes.values_mut().for_each(|value| *value = hidden()),
        Back::Refused(error) => hide(error),
        Back::ReadOnly | Back::Unchanged => {}
    }
}

/// A record that stands in a file, through the mapping; no system is asked.
fn of_file(choice: &ObjectChoice, file: &std::path::Path) -> anyhow::Result<Vec<Step>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let given: Value = serde_json::from_str(&text).with_context(|| format!("`{}` is not JSON", file.display()))?;
    let local = given.get("local").unwrap_or(&given).clone();
    let version = given.get("version").and_then(Value::as_u64).and_then(|version| u32::try_from(version).ok());
    let (fabric, object, system) = choice.resolve()?;
    let declared = fabric.mapping(&object.reference(), &system, version).with_context(|| {
        let version = version.map(|version| format!(" {version}")).unwrap_or_default();
        format!("no mapping leads from `{}` to `{system}`{version}", object.reference())
    })?;
    let version = version.or(declared.versions.until).or(declared.versions.from).unwrap_or(1);
    let compiled = CompiledMapping::compile(declared, &fabric, version)
        .map_err(|findings| anyhow::anyhow!("the mapping does not compile: {} problems", findings.len()))?;
    let example = Example {
        place: Place::start(&file.display().to_string()),
        version: Some(version),
        links: links(given.get("links").unwrap_or(&Value::Null)),
        canonical: Value::Null,
        local,
    };
    let answers = trace::links_of(&compiled, &example);
    Ok(trace::run(declared, &compiled, &example.local, &answers))
}

/// Answers by field, or by field and linked record.
fn links(given: &Value) -> Vec<ExampleLink> {
    let mut links = Vec::new();
    for (field, answer) in given.as_object().into_iter().flatten() {
        let link = |id: Option<i64>, text: &str| ExampleLink { field: field.clone(), id, text: text.to_owned() };
        match answer {
            Value::String(text) => links.push(link(None, text)),
            Value::Object(by_id) => {
                let each = by_id.iter().filter_map(|(id, text)| Some(link(Some(id.parse().ok()?), text.as_str()?)));
                links.extend(each);
            }
            _ => {}
        }
    }
    links
}

fn human(steps: &[Step]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(TABLE).set_header(["ATTRIBUTE", "IN THE RECORD", "LENS", "VALUE", "BACK"]);
    for step in steps {
        let raw: Vec<String> = step.fields.iter().map(|(field, value)| format!("{field} = {}", short(value))).collect();
        let looked_up = step.looked_up.iter().map(|(question, answer)| format!("{question}: {answer}"));
        let lens: Vec<String> = [step.lens.replace('`', "")].into_iter().chain(looked_up).collect();
        let value = match &step.canonical {
            Ok(value) => short(value),
            Err(error) => format!("{}: {error}", error.code),
        };
        let back = match &step.back {
            Back::ReadOnly => "read only".to_owned(),
            Back::Unchanged => "unchanged".to_owned(),
            Back::Changes(changes) => format!("would change {}", Value::Object(changes.clone())),
            Back::Refused(error) => format!("{}: {error}", error.code),
        };
        table.add_row([step.attribute.clone(), raw.join("\n"), lens.join("\n"), value, back]);
    }
    table.to_string()
}

/// A value as it fits into a cell.
fn short(value: &Value) -> String {
    const MOST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn as_json(step: &Step) -> Value {
    let pairs = |pairs: &[(String, String)]| -> Value {
        pairs.iter().map(|(question, answer)| json!({"question": question, "answer": answer})).collect()
    };
    let fields: Value = step.fields.iter().map(|(field, value)| json!({"field": field, "value": value})).collect();
    let error = |error: &MapError| json!({"code": error.code.as_str(), "detail": error.to_string()});
    let (canonical, wrong) = match &step.canonical {
        Ok(value) => (value.clone(), Value::Null),
        Err(why) => (Value::Null, error(why)),
    };
    let back = match &step.back {
        Back::ReadOnly => json!({"kind": "read-only"}),
        Back::Unchanged => json!({"kind": "unchanged"}),
        Back::Changes(changes) => json!({"kind": "changes", "values": changes}),
        Back::Refused(why) => json!({"kind": "refused", "error": error(why)}),
    };
    json!({
        "attribute": step.attribute, "fields": fields, "lens": step.lens, "looked_up": pairs(&step.looked_up),
        "canonical": canonical, "error": wrong, "back": back,
    })
}
