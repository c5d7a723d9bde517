//! `selvage put OBJECT FILE`: objects brought into a system: made where there is none of their key, changed where they differ.
//! Each is an operation like any other: claimed, recorded, sent, read back; nothing is sent twice.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use selvage_model::code;
use selvage_model::exchange::MediatedAnswer;
use selvage_model::manifest::api::Operation;
use selvage_model::problem::Problem;
use serde_json::{Map, Value};

use super::{Outcome, StoreChoice, say};
use crate::by_hand::{ByHand, ObjectChoice};
use crate::report::refusal;

/// More than this is no file of objects.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// Makes or changes records of a system by their objects.
#[derive(Args)]
pub(crate) struct Put {
    #[command(flatten)]
    choice: ObjectChoice,
    /// A file of JSON: one object, an array of them, or one a line; `-` reads it from standard input.
    file: PathBuf,
    /// Says what would be done, and does nothing.
    #[arg(long)]
    dry_run: bool,
    /// Names this run: repeated under the same key, what was done already is not done again.
    #[arg(long, value_name = "KEY", value_parser = super::words)]
    key: Option<String>,
    #[command(flatten)]
    store: StoreChoice,
}

/// What is to become of an object.
enum Plan {
    Create(Value),
    Change { key: String, changes: Map<String, Value> },
    Nothing { key: String },
}

impl Put {
    /// Brings one object after the other; wrong when one was refused or its outcome is not known.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let objects = objects(&self.read()?)?;
        let operations = [Operation::Get, Operation::Create, Operation::Update];
        let by_hand = ByHand::begin(&self.choice, &operations, self.store.begun().await?).await?;
        let outcome = self.bring(&by_hand, objects).await;
        by_hand.end().await;
        outcome
    }

    fn read(&self) -> anyhow::Result<Vec<u8>> {
        let from = |error: std::io::Error| anyhow::anyhow!("cannot read `{}`: {error}", self.file.display());
        let mut bytes = Vec::new();
        if self.file.as_os_str() == "-" {
            std::io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(from)?;
        } else {
            let file = std::fs::File::open(&self.file).map_err(from)?;
            file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(from)?;
        }
        anyhow::ensure!(bytes.len() as u64 <= MOST_BYTES, "`{}` is larger than 256 MB", self.file.display());
        Ok(bytes)
    }

    async fn bring(&self, by_hand: &ByHand, objects: Vec<Map<String, Value>>) -> anyhow::Result<Outcome> {
        let run = self.key.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let progress = ProgressBar::new(objects.len() as u64);
        progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len}")?);
        let mut wrong = 0_usize;
        for (number, object) in objects.into_iter().enumerate() {
            let place = format!("object {}", number + 1);
            let done = match self.plan(by_hand, object).await? {
                Ok(plan) => self.carry_out(by_hand, plan, &format!("{run}-{number}")).await?,
                Err(problem) => Err(problem),
            };
            match done {
                Ok(told) => progress.suspend(|| say(told))?,
                Err(problem) => {
                    wrong += 1;
                    progress.suspend(|| eprintln!("selvage: {place}: {}", refusal::write(&problem)));
                }
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        if wrong > 0 {
            eprintln!("selvage: {wrong} not brought; what was done is not done again with `--key {run}`");
        }
        Ok(if wrong == 0 { Outcome::Well } else { Outcome::Wrong })
    }

    async fn plan(&self, by_hand: &ByHand, mut object: Map<String, Value>) -> anyhow::Result<Result<Plan, Problem>> {
        let declared = by_hand.object();
        let identity = by_hand.identity().with_context(|| {
            format!("`{}` has a key of several attributes, so no one record can be named", declared.name)
        })?;
        let read_only = declared.attribute(identity).is_some_and(|attribute| attribute.read_only);
        let Some(key) = object.get(identity.as_str()).and_then(Value::as_str).map(str::to_owned) else {
            return Ok(Ok(Plan::Create(Value::Object(object))));
        };
        let there = match by_hand.get(&key).await {
            MediatedAnswer::Done { body, .. } => body,
            MediatedAnswer::Refused { problem, .. } if problem.code == code::RECORD_UNKNOWN && !read_only => {
                return Ok(Ok(Plan::Create(Value::Object(object))));
            }
            MediatedAnswer::Refused { problem, .. } => return Ok(Err(problem)),
            MediatedAnswer::Accepted { operation } => anyhow::bail!("a read became operation `{operation}`"),
        };
        object.retain(|name, value| name != identity.as_str() && there.get(name.as_str()) != Some(value));
        Ok(Ok(if object.is_empty() { Plan::Nothing { key } } else { Plan::Change { key, changes: object } }))
    }

    async fn carry_out(&self, by_hand: &ByHand, plan: Plan, key: &str) -> anyhow::Result<Result<String, Problem>> {
        let (operation, id, body, told) = match plan {
            Plan::Nothing { key } => return Ok(Ok(format!("unchanged {key}"))),
            Plan::Create(object) if self.dry_run => return Ok(Ok(format!("would create {}", shown(by_hand, &object)))),
            Plan::Create(object) => (Operation::Create, None, object, "created".to_owned()),
            Plan::Change { key, changes } => {
                let names: Vec<&str> = changes.keys().map(String::as_str).collect();
                let names = names.join(", ");
                if self.dry_run {
                    return Ok(Ok(format!("would change {key}: {names}")));
                }
                let told = format!("changed {key}: {names}");
                (Operation::Update, Some(key), Value::Object(changes), told)
            }
        };
        let began = Instant::now();
        loop {
            match by_hand.write(operation, id.as_deref(), body.clone(), key).await {
                MediatedAnswer::Done { body, .. } => {
                    let made = id.is_none().then(|| format!(" {}", shown(by_hand, &body)));
                    return Ok(Ok(format!("{told}{}", made.unwrap_or_default())));
                }
                // The same key leads to the same operation, whose outcome is being found out meanwhile.
                MediatedAnswer::Accepted { .. } if began.elapsed() < self.choice.place.wait => {}
                MediatedAnswer::Refused { problem, .. }
                    if problem.code == code::KEY_IN_FLIGHT && began.elapsed() < self.choice.place.wait => {}
                MediatedAnswer::Accepted { operation } => {
                    let detail = format!("its outcome is not known yet: see operation `{operation}`");
                    return Ok(Err(Problem::new(202, code::OUTCOME_LATE, detail)));
                }
                MediatedAnswer::Refused { problem, .. } => return Ok(Err(problem)),
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }
}

/// The objects of a file, in order.
fn objects(bytes: &[u8]) -> anyhow::Result<Vec<Map<String, Value>>> {
    let mut objects = Vec::new();
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        let values = match value.context("the file is not JSON")? {
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            match value {
                Value::Object(object) => objects.push(object),
                other => anyhow::bail!("object {} is {other}, not a JSON object", objects.len() + 1),
            }
        }
    }
    anyhow::ensure!(!objects.is_empty(), "the file holds no object");
    Ok(objects)
}

/// The key of an object, as far as it has one.
fn shown(by_hand: &ByHand, object: &Value) -> String {
    let key = by_hand.identity().and_then(|identity| object.get(identity.as_str())?.as_str());
    key.map_or_else(|| format!("a {}", by_hand.object().name), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_an_array_or_lines_are_read() {
        for text in [r#"{"a":1}"#, r#"[{"a":1}]"#, "{\"a\":1}\n"] {
            assert_eq!(objects(text.as_bytes()).unwrap().len(), 1, "{text}");
        }
        assert_eq!(objects(b"{\"a\":1}\n{\"a\":2}\n[{\"a\":3}]").unwrap().len(), 3);
        for (text, expected) in [("", "no object"), ("[1]", "object 1 is 1"), ("{\"a\":", "not JSON")] {
            assert!(objects(text.as_bytes()).unwrap_err().to_string().contains(expected), "{text}");
        }
    }
}
