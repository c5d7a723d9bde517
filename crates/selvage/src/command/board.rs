//! `selvage board`: what waits for whom, and who sits on which seat.

mod access;
mod ended;

use clap::{Args, Subcommand};
use comfy_table::Table;
use jiff::Timestamp;
use selvage_control::desk::Waits;
use selvage_control::desk::lease::Pending;
use selvage_governance::approval::Standing;
use selvage_model::change::{Change, Delegation};
use selvage_model::name::DomainName;
use serde_json::{Value, json};

use ended::Ended;

use super::change::{at_desk, desk};
use super::signature::{Signature, Signed};
use super::terms::until;
use super::{Outcome, StoreChoice, TABLE, say, words};
use crate::node::release::told;
use crate::report;

/// Shows what waits for whom, changes and access: emergencies first, then the oldest.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Board {
    #[command(subcommand)]
    seat: Option<Seat>,
    /// What waits for this person alone.
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

/// Seats of boards.
#[derive(Subcommand)]
enum Seat {
    /// Shows who sits on which board, as each domain released last, and to whom seats are lent.
    Seats(Seats),
    /// Lends a seat to somebody else for a time; who sits on it keeps it.
    Delegate(Delegate),
    /// Ends a delegation before its time: who lent the seat, who fills it, or who sits over it.
    End(End),
}

/// Shows seats.
#[derive(Args)]
struct Seats {
    #[command(flatten)]
    store: StoreChoice,
}

/// Lends a seat.
#[derive(Args)]
struct Delegate {
    /// The domain of the board.
    #[arg(long, value_name = "NAME")]
    domain: DomainName,
    /// The seat.
    #[arg(long, value_name = "NAME")]
    discipline: String,
    #[command(flatten)]
    signature: Signature,
    /// To whom.
    #[arg(long, value_name = "NAME", value_parser = words)]
    to: String,
    /// Until when: a day, to its end (UTC), or a time, as `2027-06-30T18:00:00+02:00`.
    #[arg(long, value_name = "TIME|DAY", value_parser = until)]
    until: Timestamp,
    #[command(flatten)]
    store: StoreChoice,
}

/// Ends a delegation.
#[derive(Args)]
struct End {
    /// The delegation's id.
    id: String,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    store: StoreChoice,
}

impl Board {
    /// Runs the command; wrong where an emergency was not ratified in time, also where it was since, for a month, and where a review or an
    /// answer of a campaign is late.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self.seat {
            Some(Seat::Seats(seats)) => return seats.run().await,
            Some(Seat::Delegate(delegate)) => return delegate.run().await,
            Some(Seat::End(end)) => return end.run().await,
            None => {}
        }
        let desk = at_desk(&self.store).await?;
        let waits = desk.board(self.person.as_deref()).await.map_err(told)?;
        let due = access::due(&desk, &self.store.open().await?, self.person.as_deref()).await?;
        let everything = self.person.is_none();
        let ended = if everything { ended::ended(&self.store.open().await?).await? } else { Vec::new() };
        let late = late(&self.store, self.person.as_deref()).await?;
        let waits = Pending::all(waits, due);
        let is_wrong = waits.iter().any(Pending::is_breach) || !late.is_empty();
        if self.json {
            let waits = waits.iter().map(json_of);
            let late = late
                .iter()
                .map(|(change, standing)| json!({"change": report::change::json(change, standing), "breach": true}));
            let shown: Vec<_> = waits.chain(late).chain(ended.iter().map(Ended::json)).collect();
            say(serde_json::to_string_pretty(&shown)?)?;
        } else {
            say(table(&waits, &late))?;
            ended::print(&ended)?;
        }
        Ok(if is_wrong { Outcome::Wrong } else { Outcome::Well })
    }
}

/// For scripts.
fn json_of(it: &Pending) -> Value {
    match it {
        Pending::Change(waits) => {
            json!({"change": report::change::json(&waits.change, &waits.standing), "breach": it.is_breach()})
        }
        Pending::Access(due) => json!({"access": due.shown(), "breach": it.is_breach()}),
    }
}

/// What waits, and what was late, as lines.
fn table(waits: &[Pending], late: &[(Change, Standing)]) -> Table {
    let mut table = Table::new();
    table.load_style(TABLE).set_header(["WHAT", "ID", "DOMAIN", "RISK", "SINCE", "TITLE", "WAITS FOR"]);
    for it in waits {
        table.add_row(match it {
            Pending::Change(waits) => row(&waits.change, waited_for(waits)),
            Pending::Access(due) => access::row(due),
        });
    }
    for (change, _) in late {
        let Some(due) = change.ratified_late else { continue };
        table.add_row(row(change, format!("nobody: BREACH, ratified {:.0} and not until {due:.0}", change.changed)));
    }
    table
}

fn row(change: &Change, needed: String) -> [String; 7] {
    let (what, risk) = ("change".to_owned(), change.report.risk.clone());
    let (since, title) = (format!("{:.0}", change.proposed), report::visible(&change.title, false));
    [what, change.id.clone(), change.domain.to_string(), risk, since, title, needed]
}

fn waited_for(waits: &Waits) -> String {
    let change = &waits.change;
    let needed: Vec<String> = waits.standing.open.iter().map(report::change::needed).collect();
    let needed = match (needed.is_empty(), &waits.standing.rejected) {
        (_, Some(said)) if change.ratify_until.is_some() => {
            format!("rejected by {}: go back, or {}", said.signed_by(), needed.join("\n"))
        }
        (_, Some(_)) => "its author: rejected".to_owned(),
        (true, None) => "its release".to_owned(),
        (false, None) => needed.join("\n"),
    };
    match change.ratify_until {
        Some(until) if waits.is_breach => format!("BREACH since {until:.0}: {needed}"),
        Some(until) => format!("to ratify until {until:.0}: {needed}"),
        None => needed,
    }
}

/// Emergencies that were ratified late, for as long as they stand on the board of everybody.
async fn late(store: &StoreChoice, person: Option<&str>) -> anyhow::Result<Vec<(Change, Standing)>> {
    if person.is_some() {
        return Ok(Vec::new());
    }
    at_desk(store).await?.late_on_board().await.map_err(told)
}

impl Seats {
    async fn run(self) -> anyhow::Result<Outcome> {
        let desk = at_desk(&self.store).await?;
        let boards = desk.boards().await.map_err(told)?;
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["DOMAIN", "DISCIPLINE", "PEOPLE", "LENT TO"]);
        for domain in boards.domains() {
            for (discipline, people) in &domain.board {
                let lent = boards.lent(domain, &discipline.value);
                let lent: Vec<String> =
                    lent.map(|it| format!("{} until {:.0} ({}){}", it.to, it.until, it.id, by_name(it))).collect();
                let (name, seat) = (domain.name.to_string(), discipline.value.clone());
                table.add_row([name, seat, people.join(", "), lent.join("\n")]);
            }
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

/// Says where a name alone lent it.
fn by_name(it: &Delegation) -> String {
    if it.unproven { format!(", by {}", it.given_by()) } else { String::new() }
}

impl Delegate {
    async fn run(self) -> anyhow::Result<Outcome> {
        let Self { domain, discipline, signature, to, until, store } = self;
        let Signed { store, by } = signature.decide(store.existing().await?).await?;
        let new = Delegation { id: String::new(), domain, discipline, from: by, to, until, unproven: false };
        let lent = desk(store).lend(&new).await.map_err(told)?;
        let (id, to, until) = (lent.id, lent.to, lent.until);
        say(format_args!("{id}: {to} fills {} on the board of {} until {until:.0}", lent.discipline, lent.domain))?;
        Ok(Outcome::Well)
    }
}

impl End {
    async fn run(self) -> anyhow::Result<Outcome> {
        let Signed { store, by } = self.signature.decide(self.store.existing().await?).await?;
        desk(store).take_back(&self.id, &by).await.map_err(told)?;
        say(format_args!("{} has ended", self.id))?;
        Ok(Outcome::Well)
    }
}
