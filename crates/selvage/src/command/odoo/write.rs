//! The report of a probe, for people and as JSON. Text of the server is shown so that it moves no cursor; no secret is in it.

use std::fmt::{Display, Write as _};

use comfy_table::Table;
use selvage_engine::probe::{AccountProbe, CompanyRow, Found, Reason, RightRow, UseRow, Verdict, Works};
use serde_json::{Value, json};

use super::target::Chosen;
use crate::command::TABLE;
use crate::report::visible;

/// Whether something can at least be read with a mapping.
pub(crate) fn reads(works: &Works) -> bool {
    matches!(works.verdict, Verdict::Works | Verdict::Partly | Verdict::ReadOnly)
}

/// For people.
pub(crate) fn human(chosen: &Chosen, accounts: &[AccountProbe]) -> String {
    let (system, environment) = (chosen.system(), chosen.environment());
    let address = environment.url.as_ref().map_or("no address", |url| url.value.as_str());
    let mut text = String::new();
    line(&mut text, 0, format_args!("{} in {}: {address}", system.name, environment.name.value));
    if let Some(database) = &environment.database {
        line(&mut text, 0, format_args!("database {database}"));
    }
    let limits = &system.limits;
    let rate = limits.per_second.map_or_else(String::new, |rate| format!(", {rate} a second"));
    let (calls, longest) = (limits.concurrency, limits.longest_transaction.as_secs());
    line(&mut text, 0, format_args!("declared: {calls} calls at a time{rate}, longest transaction {longest} s"));
    if online(address) {
        line(
            &mut text,
            0,
            "the host is Odoo's own: Odoo Online takes about one call a second, on the Custom plan only",
        );
    }
    for probe in accounts {
        text.push('\n');
        line(&mut text, 0, format_args!("account {} ({})", probe.account, probe.login));
        let declared = chosen.accounts().find(|account| account.name.value == probe.account);
        if let Some((account, expires)) = declared.and_then(|account| Some((account, account.expires.as_ref()?))) {
            let next = if account.next_key.is_some() { "the next one is declared" } else { "no next one is declared" };
            line(&mut text, 2, format_args!("its key is declared to end {}; {next}", expires.value));
        }
        match &probe.outcome {
            Ok(found) => write_found(&mut text, found),
            Err(unfound) => {
                line(&mut text, 2, format_args!("{} {}", unfound.code, unfound.message));
                if let Some(fix) = &unfound.fix {
                    line(&mut text, 2, format_args!("to do: {fix}"));
                }
            }
        }
    }
    text.trim_end().to_owned()
}

/// A line, indented, with text of others made harmless.
fn line(text: &mut String, indent: usize, content: impl Display) {
    let content = visible(&content.to_string(), false);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{:indent$}{content}", "");
}

fn block(text: &mut String, table: &Table) {
    for row in table.to_string().lines() {
        line(text, 4, row.trim_end());
    }
}

fn write_found(text: &mut String, found: &Found) {
    line(text, 2, format_args!("version {}, spoken to by {}", found.version, found.dialect));
    line(text, 2, format_args!("modules {}", modules(found)));
    for (name, end) in &found.keys {
        line(
            text,
            2,
            format_args!(
                "key `{name}` {}",
                end.as_deref().map_or("has no end".to_owned(), |end| format!("ends {end}"))
            ),
        );
    }
    line(text, 2, "companies");
    let mut companies = Table::new();
    companies.load_style(TABLE);
    for company in &found.companies {
        companies.add_row(company_cells(company));
    }
    block(text, &companies);
    for (site, called) in &found.unbound {
        line(text, 4, format_args!("site {site} is bound to `{called}`, which the account does not see"));
    }
    line(text, 2, "rights that are needed");
    let mut rights = Table::new();
    rights.load_style(TABLE).set_header(["MODEL", "READ", "WRITE", "CREATE", "DELETE"]);
    for row in &found.rights {
        rights.add_row([row.model.clone(), may(row.read), may(row.write), may(row.create), may(row.delete)]);
    }
    block(text, &rights);
    line(text, 2, "mappings and verbs");
    for works in &found.works {
        write_works(text, works);
    }
    if !found.requests.is_empty() {
        line(text, 2, "to ask the administrator for");
        for request in &found.requests {
            line(text, 4, format_args!("- {request}"));
        }
    }
}

fn modules(found: &Found) -> String {
    let word = |there: Option<bool>| match there {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not told",
    };
    let all: Vec<String> = found.modules.iter().map(|(module, there)| format!("{module} {}", word(*there))).collect();
    all.join(", ")
}

fn company_cells(company: &CompanyRow) -> [String; 5] {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let site = company.site.as_ref().map_or_else(|| "no site".to_owned(), |site| format!("site {site}"));
    [company.id.to_string(), company.name.clone(), text(&company.registry), text(&company.external_id), site]
}

fn may(may: Option<bool>) -> String {
    match may {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "-",
    }
    .to_owned()
}

fn write_works(text: &mut String, works: &Works) {
    let Works { object, mapping, record, verdict, .. } = works;
    let unverified = if works.unverified { ", unverified" } else { "" };
    line(text, 4, format_args!("{object} ({mapping}, {record}{unverified}): {}", verdict.as_str()));
    if !works.used_by.is_empty() {
        let users: Vec<String> = works.used_by.iter().map(ToString::to_string).collect();
        line(text, 6, format_args!("used by {}", users.join(", ")));
    }
    let word = |usage: &UseRow| if usage.at_risk { format!("{} (at-risk)", usage.word) } else { usage.word.to_owned() };
    let well: Vec<String> = works.uses.iter().filter(|usage| usage.reasons.is_empty()).map(word).collect();
    if !well.is_empty() {
        line(text, 6, format_args!("works: {}", well.join(", ")));
    }
    for usage in works.uses.iter().filter(|usage| !usage.reasons.is_empty()) {
        if usage.needed || works.used_by.is_empty() {
            line(text, 6, format_args!("does not work: {}", usage.word));
            usage.reasons.iter().for_each(|reason| write_reason(text, reason));
        } else {
            // An account without rights that no interface needs is as it should be.
            let codes: Vec<&str> = usage.reasons.iter().map(|reason| reason.code).collect();
            line(text, 6, format_args!("would not work, and is not needed: {} ({})", usage.word, codes.join(", ")));
        }
    }
    for remark in &works.remarks {
        line(text, 6, "to note:");
        write_reason(text, remark);
    }
}

fn write_reason(text: &mut String, reason: &Reason) {
    line(text, 8, format_args!("{} ({}) {}", reason.code, reason.cause, reason.reason));
    line(text, 8, format_args!("to do: {}", reason.fix));
}

/// Whether the host is one of Odoo's own.
fn online(address: &str) -> bool {
    let host = address.split("://").nth(1).and_then(|rest| rest.split(['/', ':']).next()).unwrap_or_default();
    host.to_ascii_lowercase().ends_with(".odoo.com")
}

/// One JSON document.
pub(crate) fn json(chosen: &Chosen, accounts: &[AccountProbe]) -> Value {
    let (system, environment) = (chosen.system(), chosen.environment());
    json!({
        "system": system.name.as_str(),
        "environment": environment.name.value.as_str(),
        "url": environment.url.as_ref().map(|url| &url.value),
        "database": environment.database,
        "limits": {
            "concurrency": system.limits.concurrency,
            "per_second": system.limits.per_second,
            "longest_transaction_seconds": system.limits.longest_transaction.as_secs(),
        },
        "accounts": accounts.iter().map(account).collect::<Vec<_>>(),
    })
}

fn account(probe: &AccountProbe) -> Value {
    let (failure, found) = match &probe.outcome {
        Ok(it) => (Value::Null, found(it)),
        Err(it) => (json!({"code": it.code, "message": it.message, "fix": it.fix}), Value::Null),
    };
    json!({
        "account": probe.account, "login": probe.login, "lacks": probe.lacks(), "failure": failure, "found": found,
    })
}

fn found(found: &Found) -> Value {
    let modules = found.modules.iter().map(|(module, there)| ((*module).to_owned(), json!(there)));
    let company = |row: &CompanyRow| {
        let site = row.site.as_ref().map(|site| site.as_str());
        json!({"id": row.id, "name": row.name, "registry": row.registry, "external_id": row.external_id, "site": site})
    };
    let right = |row: &RightRow| json!({"model": row.model, "read": row.read, "write": row.write, "create": row.create, "delete": row.delete});
    json!({
        "version": found.version,
        "dialect": found.dialect,
        "modules": modules.collect::<serde_json::Map<_, _>>(),
        "keys": found.keys.iter().map(|(name, end)| json!({"name": name, "ends": end})).collect::<Vec<_>>(),
        "companies": found.companies.iter().map(company).collect::<Vec<_>>(),
        "unbound": found.unbound.iter().map(|(site, company)| json!({"site": site.as_str(), "company": company})).collect::<Vec<_>>(),
        "rights": found.rights.iter().map(right).collect::<Vec<_>>(),
        "works": found.works.iter().map(works).collect::<Vec<_>>(),
        "requests": found.requests,
    })
}

fn works(works: &Works) -> Value {
    let reason = |reason: &Reason| json!({"code": reason.code, "cause": reason.cause.as_str(), "reason": reason.reason, "fix": reason.fix});
    let usage = |usage: &UseRow| {
        let reasons: Vec<Value> = usage.reasons.iter().map(reason).collect();
        json!({"use": usage.word, "at_risk": usage.at_risk, "needed": usage.needed, "works": usage.reasons.is_empty(), "reasons": reasons})
    };
    json!({
        "object": works.object.to_string(),
        "mapping": works.mapping.as_str(),
        "record": works.record,
        "unverified": works.unverified,
        "used_by": works.used_by.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "verdict": works.verdict.as_str(),
        "uses": works.uses.iter().map(usage).collect::<Vec<_>>(),
        "remarks": works.remarks.iter().map(reason).collect::<Vec<_>>(),
    })
}
