//! `selvage list OBJECT`: records of a system, shown as their object, page by page.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use comfy_table::Table;
use indicatif::{ProgressBar, ProgressStyle};
use selvage_model::exchange::MediatedAnswer;
use selvage_model::manifest::api::Operation;
use serde_json::Value;

use super::{Outcome, TABLE, say};
use crate::by_hand::{ByHand, ObjectChoice, passing_store};
use crate::report::{cell, refusal};

/// Records of a page, where more than that are asked for.
const PAGE: u32 = 200;

/// Lists records of a system as their object.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    choice: ObjectChoice,
    /// Only records whose attribute has this value; several of one attribute are alternatives.
    #[arg(long = "where", value_name = "ATTRIBUTE=VALUE", value_parser = condition)]
    conditions: Vec<(String, String)>,
    /// Only records changed at this moment or later, as `2026-11-23T06:00:00Z`.
    #[arg(long, value_name = "MOMENT")]
    updated_since: Option<jiff::Timestamp>,
    /// Most records.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Every record, however many.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Which attributes, in this order.
    #[arg(long, value_name = "ATTRIBUTE", value_delimiter = ',')]
    attributes: Vec<String>,
    /// How they are shown.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns, for people.
    Table,
    /// One JSON array.
    Json,
    /// One JSON object a line, as they come: for any number of records.
    Lines,
}

impl List {
    /// Reads page after page and prints them.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let place = tempfile::tempdir()?;
        let store = passing_store(place.path()).await?;
        let by_hand = ByHand::begin(&self.choice, &[Operation::List], store).await?;
        let outcome = self.print(&by_hand).await;
        by_hand.end().await;
        outcome
    }

    async fn print(&self, by_hand: &ByHand) -> anyhow::Result<Outcome> {
        self.check_attributes(by_hand)?;
        let progress = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {pos} records")?);
        let mut left = if self.all { u32::MAX } else { self.limit };
        let mut cursor = None;
        let (mut kept, mut wrong) = (Vec::new(), 0_usize);
        loop {
            let (items, problems, next) = match by_hand.list(self.query(left, cursor.as_deref())).await {
                MediatedAnswer::Done { body, .. } => parts(body),
                MediatedAnswer::Refused { problem, .. } => {
                    progress.finish_and_clear();
                    eprintln!("selvage: {}", refusal::write(&problem));
                    return Ok(Outcome::Wrong);
                }
                MediatedAnswer::Accepted { operation } => anyhow::bail!("a read became operation `{operation}`"),
            };
            for problem in &problems {
                progress.suspend(|| eprintln!("selvage: left out: {}", left_out(problem)));
            }
            wrong += problems.len();
            left = left.saturating_sub(u32::try_from(items.len() + problems.len()).unwrap_or(u32::MAX));
            progress.inc(items.len() as u64);
            let items = items.into_iter().map(|item| self.chosen(item));
            match self.format {
                Format::Lines => items.into_iter().try_for_each(|item| progress.suspend(|| say(item)))?,
                Format::Table | Format::Json => kept.extend(items),
            }
            cursor = next;
            if cursor.is_none() || left == 0 {
                break;
            }
        }
        progress.finish_and_clear();
        match self.format {
            Format::Lines => {}
            Format::Json => say(format_args!("{:#}", Value::Array(kept)))?,
            Format::Table => say(self.table(by_hand, &kept))?,
        }
        if cursor.is_some() && self.format == Format::Table {
            eprintln!("selvage: there are more; `--all` or a larger `--limit` shows them");
        }
        Ok(if wrong == 0 { Outcome::Well } else { Outcome::Wrong })
    }

    fn query(&self, left: u32, cursor: Option<&str>) -> Vec<(String, String)> {
        let mut query = self.conditions.clone();
        query.push(("limit".to_owned(), left.min(PAGE).to_string()));
        if let Some(since) = self.updated_since {
            query.push(("updated_since".to_owned(), since.to_string()));
        }
        if let Some(cursor) = cursor {
            query.push(("cursor".to_owned(), cursor.to_owned()));
        }
        query
    }

    fn check_attributes(&self, by_hand: &ByHand) -> anyhow::Result<()> {
        let known: Vec<&str> = by_hand.object().attributes.iter().map(|known| known.name.value.as_str()).collect();
        for wanted in &self.attributes {
            let object = &by_hand.object().name;
            anyhow::ensure!(
                known.contains(&wanted.as_str()),
                "`{object}` has no attribute `{wanted}`; it has {}",
                known.join(", ")
            );
        }
        Ok(())
    }

    /// The record with the chosen attributes alone.
    fn chosen(&self, item: Value) -> Value {
        let Value::Object(mut members) = item else { return item };
        if self.attributes.is_empty() {
            return Value::Object(members);
        }
        let chosen = self.attributes.iter().filter_map(|name| members.remove_entry(name));
        Value::Object(chosen.collect())
    }

    fn table(&self, by_hand: &ByHand, items: &[Value]) -> Table {
        let all = by_hand.object().attributes.iter().map(|attribute| attribute.name.value.as_str());
        let columns: Vec<&str> = if self.attributes.is_empty() {
            // An attribute that no record has would be an empty column.
            let told: BTreeSet<&str> = items
                .iter()
                .filter_map(Value::as_object)
                .flat_map(|item| item.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str()))
                .collect();
            all.filter(|name| told.contains(name)).collect()
        } else {
            self.attributes.iter().map(String::as_str).collect()
        };
        let mut table = Table::new();
        table.load_style(TABLE).set_header(columns.iter().map(|column| column.to_uppercase()));
        for item in items {
            table.add_row(columns.iter().map(|column| cell::write(item.get(*column).unwrap_or(&Value::Null))));
        }
        table
    }
}

/// Items, what was left out, and where the next page begins.
fn parts(mut body: Value) -> (Vec<Value>, Vec<Value>, Option<String>) {
    let mut taken = |name: &str| match body.get_mut(name).map(Value::take) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    };
    let (items, problems) = (taken("items"), taken("problems"));
    (items, problems, body.get("next").and_then(Value::as_str).map(str::to_owned))
}

fn left_out(problem: &Value) -> String {
    let part = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    format!("{}: {} {}", part("id"), part("code"), part("detail"))
}

fn condition(text: &str) -> Result<(String, String), String> {
    let (attribute, value) = text.split_once('=').ok_or("write `attribute=value`")?;
    Ok((attribute.trim().to_owned(), value.to_owned()))
}
