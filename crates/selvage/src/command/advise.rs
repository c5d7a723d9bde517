//! `selvage advise`: direct or mediated, real-time or batch, copy or live, webhook or poll, for each interface, with what speaks for it
//! and what against. With a store, what was seen of its traffic speaks too. It changes nothing.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use comfy_table::Table;
use jiff::Timestamp;
use selvage_governance::advice::{self, Advice, Reason, Traffic};
use selvage_model::fabric::Fabric;
use serde_json::{Value, json};

use super::openapi::find;
use super::{Outcome, StoreGiven, TABLE, duration, say};
use crate::{directory, report};

const HOUR: Duration = Duration::from_secs(3600);

/// Advises how each interface is best built, and says why.
#[derive(Args)]
pub(crate) struct Advise {
    /// The fabric's directory.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// About this interface alone, as `products@1`.
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// How much of the traffic in the store is looked at.
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    since: Duration,
    /// Lists the facts that advice is made of, and nothing else.
    #[arg(long)]
    facts: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreGiven,
}

impl Advise {
    /// Advises; wrong where what is declared is clearly another answer, and no `because` says why.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        if self.facts {
            say(facts(self.json))?;
            return Ok(Outcome::Well);
        }
        let checked = directory::check(&self.directory)?;
        directory::must_hold_manifests(&self.directory, &checked)?;
        if !checked.runs() {
            eprintln!("{}", report::human::write(&checked));
            return Ok(Outcome::Wrong);
        }
        let fabric = &checked.fabric;
        let only = self.interface.as_deref().map(|name| find(fabric, name)).transpose()?;
        let traffic = self.traffic(fabric).await?;
        let mut all = advice::advise(fabric, traffic.as_ref());
        all.retain(|advice| only.as_ref().is_none_or(|only| only == &advice.interface));
        let is_wrong = all.iter().any(Advice::is_ignored);
        if self.json {
            say(format_args!("{:#}", Value::Array(all.iter().map(shown).collect())))?;
        } else {
            say(text(&all).trim_end())?;
            if traffic.is_none() {
                eprintln!("selvage: without `--data` or `--store` nothing is said of traffic");
            }
        }
        Ok(if is_wrong { Outcome::Wrong } else { Outcome::Well })
    }

    async fn traffic(&self, fabric: &Fabric) -> anyhow::Result<Option<Traffic>> {
        let Some(store) = self.store.open().await? else { return Ok(None) };
        let now = Timestamp::now();
        let since = now.checked_sub(self.since).context("so long ago there was no time")?;
        let totals = store.usage_since(since, now).await?;
        let hourly = store.usage_course(since, now, HOUR).await?;
        Ok(Some(Traffic::of(fabric, &totals, &hourly, self.since)))
    }
}

fn text(all: &[Advice]) -> String {
    let mut text = String::new();
    let mut last = None;
    for advice in all {
        if last != Some(&advice.interface) {
            let gap = if last.is_some() { "\n" } else { "" };
            text.push_str(&format!("{gap}{}\n", advice.interface));
            last = Some(&advice.interface);
        }
        text.push_str(&format!("  {}: {}{}\n", advice.question.as_str(), advice.answer, stands(advice)));
        let sides = [('+', &advice.reasons), ('-', &advice.against)];
        for (sign, reason) in sides.into_iter().flat_map(|(sign, side)| side.iter().map(move |reason| (sign, reason))) {
            text.push_str(&format!("    {sign} {}\n", report::visible(&reason.says, false)));
        }
        if let Some(because) = advice.because.as_deref().filter(|_| differs(advice)) {
            text.push_str(&format!("    = {}\n", report::visible(because, false)));
        }
    }
    text
}

fn differs(advice: &Advice) -> bool {
    advice.declared.is_some_and(|declared| declared != advice.answer)
}

/// How sure the answer is, and whether it is what is declared.
fn stands(advice: &Advice) -> String {
    let sure = match (advice.reasons.is_empty() && advice.against.is_empty(), advice.is_clear) {
        (true, _) => ", nothing speaks for either",
        (false, true) => ", clearly",
        (false, false) => ", by a little",
    };
    match advice.declared {
        Some(declared) if declared == advice.answer => format!("{sure}, as declared"),
        Some(declared) if advice.is_ignored() => format!("{sure}; declared is {declared}, and no `because` says why"),
        Some(declared) => format!("{sure}; declared is {declared}"),
        None => sure.to_owned(),
    }
}

fn shown(advice: &Advice) -> Value {
    let reasons = |all: &[Reason]| {
        let each = all.iter().map(|reason| json!({"fact": reason.fact, "weight": reason.weight, "says": reason.says}));
        each.collect::<Vec<_>>()
    };
    json!({
        "interface": advice.interface.to_string(),
        "question": advice.question.as_str(),
        "answer": advice.answer.as_str(),
        "declared": advice.declared.map(advice::Answer::as_str),
        "because": advice.because,
        "clear": advice.is_clear,
        "ignored": advice.is_ignored(),
        "reasons": reasons(&advice.reasons),
        "against": reasons(&advice.against),
    })
}

/// The table of facts.
fn facts(as_json: bool) -> String {
    let all = advice::FACTS.iter().flat_map(|facts| facts.iter());
    if as_json {
        let facts = all.map(|fact| {
            json!({
                "fact": fact.name, "question": fact.question.as_str(), "speaks_for": fact.speaks_for.as_str(),
                "weight": fact.weight, "when": fact.holds_when,
            })
        });
        return format!("{:#}", Value::Array(facts.collect()));
    }
    let mut table = Table::new();
    table.load_style(TABLE).set_header(["FACT", "QUESTION", "SPEAKS FOR", "WEIGHT", "WHEN"]);
    for fact in all {
        let weight = fact.weight.to_string();
        table.add_row([fact.name, fact.question.as_str(), fact.speaks_for.as_str(), &weight, fact.holds_when]);
    }
    table.to_string()
}
