//! `selvage catalogue show`: all that is known of one interface.

use std::fmt::Write as _;

use clap::Args;
use jiff::Timestamp;
use selvage_control::desk::Passage;
use selvage_governance::catalogue::{self, Consumes, Entry, Example, Told};

use super::Source;
use crate::command::openapi::find;
use crate::command::{Outcome, say};
use crate::node::release::told;
use crate::report;

/// Differences of a release that are listed; the rest is counted.
const MOST_LISTED: usize = 20;

/// Shows one interface.
#[derive(Args)]
pub(crate) struct Show {
    /// The interface, as `products@1`; without its version where there is one only.
    interface: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: Source,
}

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let Some(read) = self.source.read().await? else { return Ok(Outcome::Wrong) };
        let reference = find(&read.fabric, &self.interface)?;
        let Some(entry) = catalogue::entry(&read.fabric, &reference, read.known()) else { return Ok(Outcome::Wrong) };
        let examples = catalogue::examples(&read.fabric, &reference);
        let history = match read.desk() {
            Some(desk) => desk.history(&reference).await.map_err(told)?,
            None => Vec::new(),
        };
        if self.json {
            let mut shown = catalogue::shown(&entry, &examples);
            if let Some(members) = shown.as_object_mut() {
                members.insert("changelog".to_owned(), history.iter().map(Passage::shown).collect());
            }
            say(format_args!("{shown:#}"))?;
        } else {
            let mut text = String::new();
            // Writing to a string cannot fail.
            let _ = write(&mut text, &entry, &examples, &history);
            say(text.trim_end())?;
        }
        Ok(Outcome::Well)
    }
}

fn write(text: &mut String, entry: &Entry, examples: &[Example], history: &[Passage]) -> std::fmt::Result {
    let about = |about: &Option<String>| report::visible(about.as_deref().unwrap_or("nobody says what it is"), false);
    writeln!(text, "{} {}, version {}: {}", entry.kind, entry.interface, entry.version, about(&entry.description))?;
    writeln!(text, "state      {}", report::visible(&entry.stands(), false))?;
    let owner = entry.owner.as_ref().map_or("nobody".to_owned(), ToString::to_string);
    writeln!(text, "owner      {owner}, in the domain {}", entry.domain)?;
    for (role, people) in &entry.people {
        writeln!(text, "{role:<10} {}", report::visible(&people.join(", "), false))?;
    }
    let class: Vec<String> = entry.classification.iter().map(|(word, value)| format!("{word} {value}")).collect();
    list(text, "class", &class)?;
    list(text, "carries", &entry.classes)?;
    list(text, "promises", &entry.slos)?;
    writeln!(text, "contract   {}", entry.contract)?;
    let on: Vec<String> = entry.dependencies.iter().map(|it| format!("{} {}", it.by, it.name)).collect();
    list(text, "stands on", &on)?;
    writeln!(text, "\nconsumers")?;
    entry.consumers.iter().try_for_each(|it| consumer(text, it))?;
    if entry.consumers.is_empty() {
        writeln!(text, "  none")?;
    }
    entry.events.iter().try_for_each(|it| tells(text, it))?;
    writeln!(text, "\nhow it is called")?;
    for example in examples {
        writeln!(text, "  {}\n    {}", example.operation, example.line)?;
    }
    if examples.is_empty() {
        writeln!(text, "  it is not called by consumers")?;
    }
    if !history.is_empty() {
        writeln!(text, "\nwhat releases made of it")?;
    }
    history.iter().try_for_each(|it| release(text, it))
}

fn tells(text: &mut String, it: &Told) -> std::fmt::Result {
    let visible = |words: &str| report::visible(words, false);
    writeln!(text, "\nevent {}: {}", visible(&it.name), visible(&it.carries))?;
    it.members.iter().try_for_each(|member| {
        let mut more = if member.required { String::new() } else { ", where it is known".to_owned() };
        more.extend(member.class.iter().map(|class| format!(", {class}")));
        writeln!(text, "  {}: {}{more}", visible(&member.name), visible(&member.is))
    })
}

fn list(text: &mut String, name: &str, words: &[String]) -> std::fmt::Result {
    match words.is_empty() {
        true => Ok(()),
        false => writeln!(text, "{name:<10} {}", words.join("; ")),
    }
}

fn consumer(text: &mut String, it: &Consumes) -> std::fmt::Result {
    let time = |time: Option<Timestamp>, none: &str| time.map_or(none.to_owned(), |time| format!("{time:.0}"));
    let owner = it.owner.as_deref().unwrap_or("nobody");
    writeln!(text, "  {} of {owner}: {}", it.consumer, it.operations.join(", "))?;
    let purpose = report::visible(it.purpose.as_deref().unwrap_or("no purpose is said"), false);
    let last = match &it.grant {
        Some(_) => format!(", last used {}", time(it.last_used, "never")),
        None => String::new(),
    };
    writeln!(text, "    {purpose}; until {}{last}", time(it.until, "it is ended"))
}

fn release(text: &mut String, it: &Passage) -> std::fmt::Result {
    let active: Vec<&str> = it.active.iter().map(selvage_model::name::EnvironmentName::as_str).collect();
    let active = if active.is_empty() { String::new() } else { format!(", active in {}", active.join(", ")) };
    writeln!(text, "  {:.0}  {}  {}{active}", it.made, it.release, report::visible(&it.title, false))?;
    for difference in it.differences.iter().take(MOST_LISTED) {
        let member = |name: &str| report::visible(difference[name].as_str().unwrap_or_default(), false);
        writeln!(text, "    {:<8}  {}  {}", member("verdict"), member("code"), member("at"))?;
    }
    if it.left_out > 0 {
        writeln!(text, "    {} differences of the change are counted and not kept: the gravest are", it.left_out)?;
    }
    match it.differences.len().checked_sub(MOST_LISTED) {
        Some(more) if more > 0 => writeln!(text, "    and {more} more"),
        _ => Ok(()),
    }
}
