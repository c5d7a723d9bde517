//! `selvage rules`: the built-in rules of `selvage check`, each with its code, area, severity and page.

use clap::Args;
use comfy_table::Table;
use selvage_governance::RULES;
use serde_json::{Value, json};

use super::{Outcome, TABLE, say};

/// Lists the built-in rules of `selvage check`.
#[derive(Args)]
pub(crate) struct Rules {
    /// As one JSON document.
    #[arg(long)]
    json: bool,
}

impl Rules {
    /// Prints the list.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        match self.json {
            true => say(format_args!("{:#}", document()))?,
            false => say(table())?,
        }
        Ok(Outcome::Well)
    }
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(TABLE).set_header(["CODE", "NAME", "AREA", "IS", "WAIVABLE", "ABOUT"]);
    for rule in RULES {
        let waivable = if rule.waivable { "yes" } else { "no" };
        let area = rule.area().to_string();
        let severity = rule.severity.to_string();
        table.add_row([rule.code.as_str(), rule.name, &area, &severity, waivable, rule.title()]);
    }
    table
}

fn document() -> Value {
    let rules = RULES.iter().map(|rule| {
        json!({
            "code": rule.code.as_str(),
            "name": rule.name,
            "area": rule.area().to_string(),
            "severity": rule.severity.to_string(),
            "waivable": rule.waivable,
            "title": rule.title(),
            "page": rule.page(),
        })
    });
    json!({ "rules": rules.collect::<Vec<_>>() })
}
