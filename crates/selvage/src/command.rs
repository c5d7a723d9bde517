//! The commands, one file each. Exit codes: 0 all is well, 1 the answer is no, 2 there is no answer.

mod access;
pub(crate) mod acknowledged;
pub(crate) mod active;
mod advise;
mod asyncapi;
mod backup;
mod block;
mod board;
mod broker;
mod captures;
mod catalogue;
mod change;
mod check;
mod completions;
mod dead_letters;
mod decide;
mod demo;
mod diff;
mod events;
mod evidence;
mod explain;
mod export;
mod factory;
mod fmt;
mod get;
mod grant;
mod graph;
mod import;
mod init;
mod key;
mod known;
mod lanes;
mod ledger;
mod list;
mod lsp;
mod mail;
mod man;
mod mapping;
mod new;
mod nodes;
mod odoo;
mod openapi;
mod operations;
mod operator;
mod parked_operations;
mod people;
mod propose;
mod put;
mod recertify;
mod release;
mod replays;
mod restore;
mod rules;
mod schema;
mod serve;
mod shadow;
mod signature;
mod store_choice;
mod subscriptions;
mod terms;
mod test;
mod usage;
mod used;
mod violations;

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use selvage_gateway::stand_behind_the_data_path;
use selvage_store::StoreError;
use tracing_subscriber::EnvFilter;

pub(crate) use self::store_choice::{StoreChoice, StoreGiven};
use crate::node::release::Coded;

/// A governed integration fabric for manufacturers: the contract is the program.
#[derive(Parser)]
#[command(name = "selvage", version, arg_required_else_help = true, after_help = EXIT)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// What is logged, as `info` or `selvage_engine=debug`.
    #[arg(long, global = true, default_value = "warn", value_name = "FILTER", value_parser = filter)]
    log: EnvFilter,
}

#[derive(Subcommand)]
enum Command {
    /// Reads a fabric directory and names every problem in it.
    Check(check::Check),
    /// Compares two states of a fabric, or two contracts, and says whom a change breaks.
    Diff(diff::Diff),
    /// Says what a code means and how to get rid of it.
    Explain(explain::Explain),
    /// Lists the built-in rules of `selvage check`.
    Rules(rules::Rules),
    /// Prints the JSON Schema of the manifests, for editors.
    Schema(schema::Schema),
    /// Makes a new fabric directory that passes the check, with comments that teach.
    Init(init::Init),
    /// Writes a manifest to fill in.
    New(new::New),
    /// Puts manifests into one form; comments and meaning stay.
    Fmt(fmt::Fmt),
    /// Writes the catalogue in the form of another tool: Backstage, OpenSLO, OpenAPI, AsyncAPI.
    Export(Box<export::Export>),
    /// Advises how each interface is best built: direct or mediated, real-time or batch, copy or live, webhook or poll.
    Advise(advise::Advise),
    /// Shows what interfaces there are, whose they are, who uses them and how they are called.
    #[command(subcommand)]
    Catalogue(Box<catalogue::Catalogue>),
    /// Draws who uses what: consumers, interfaces, objects, systems.
    Graph(graph::Graph),
    /// Serves an editor (LSP): findings, completion, hover, definitions.
    Lsp(lsp::Lsp),
    /// Prints the contract of a mediated interface as OpenAPI 3.1.
    Openapi(openapi::Openapi),
    /// Prints the contract of event interfaces and webhooks as AsyncAPI 3.0.
    Asyncapi(asyncapi::Asyncapi),
    /// Drafts manifests from what a system already has.
    #[command(subcommand)]
    Import(import::Import),
    /// Runs the examples of all mappings and checks their laws on generated records.
    Test(test::Test),
    /// Shows one record of a system as its object.
    Get(get::Get),
    /// Lists records of a system as their object.
    List(list::List),
    /// Makes or changes records of a system by their objects.
    Put(put::Put),
    /// Shows what a mapping does to one record.
    #[command(subcommand)]
    Mapping(mapping::Mapping),
    /// Proposes the files of a domain as its next release.
    Propose(propose::Propose),
    /// Shows changes, and decides about them.
    #[command(subcommand)]
    Change(change::ChangeCommand),
    /// Shows what waits for whom, oldest first.
    Board(board::Board),
    /// Lists and activates the releases of domains.
    #[command(subcommand)]
    Release(release::ReleaseCommand),
    /// Serves what is active in an environment, or a fabric directory: gateway, engine and console.
    Serve(Box<serve::Serve>),
    /// Lists nodes, what each runs, and why one does not run what is active.
    Nodes(nodes::Nodes),
    /// Shows how a request would be decided about, stage by stage, and why.
    Decide(decide::Decide),
    /// Starts a simulated factory with a sample fabric, and traffic through it. Nothing to install.
    Demo(demo::Demo),
    /// Runs the simulated factory alone: an Odoo, an MES, a warehouse.
    Factory(factory::FactoryCommand),
    /// Looks at Odoo servers.
    #[command(subcommand)]
    Odoo(odoo::OdooCommand),
    /// Issues, rotates, lists and revokes the keys of consumers.
    #[command(subcommand)]
    Key(key::Key),
    /// Asks for access, decides about it, opens it in an emergency, reviews it.
    #[command(subcommand)]
    Access(access::Access),
    /// Lists, narrows and ends the grants that are alive, and says what of them is used.
    #[command(subcommand)]
    Grant(grant::Grant),
    /// Lets those who own interfaces answer for the grants on them.
    #[command(subcommand)]
    Recertify(recertify::Recertify),
    /// Cuts consumers and interfaces off at once, and lifts that again.
    #[command(subcommand)]
    Block(block::Block),
    /// Adds people who may log in at the console.
    #[command(subcommand)]
    Operator(operator::Operator),
    /// Shows whom the ledger names, and erases people from it.
    #[command(subcommand)]
    People(people::People),
    /// Shows where messages did not fit their contracts, and which interfaces are ready to enforce them.
    Violations(violations::Violations),
    /// Shows captures of systems' changes, and lets those go on that stand still.
    #[command(subcommand)]
    Captures(captures::Captures),
    /// Shows copies of objects, and builds them anew.
    #[command(subcommand)]
    Copies(captures::Copies),
    /// Shows writes whose outcome is not known.
    #[command(subcommand)]
    Operations(operations::Operations),
    /// Shows the events that the log has of an interface.
    #[command(subcommand)]
    Events(events::Events),
    /// Shows who is sent which events, and how far each is.
    #[command(subcommand)]
    Subscriptions(subscriptions::Subscriptions),
    /// Sends events again that a subscription had.
    #[command(subcommand)]
    Replays(replays::Replays),
    /// Shows lanes of deliveries that are set aside, and why.
    Lanes(lanes::Lanes),
    /// Shows messages that will not be tried again, and decides about them.
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLetters),
    /// Shows operations whose system lacks what they need, as a node sees them.
    #[command(subcommand)]
    ParkedOperations(parked_operations::ParkedOperations),
    /// Shows who uses what, and how often.
    Usage(usage::Usage),
    /// Shows requests that nothing declares, grouped by how they look.
    Shadow(shadow::Shadow),
    /// Shows and verifies the ledger.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Writes what the ledger and the store prove, as packages that are checked alone.
    #[command(subcommand)]
    Evidence(Box<evidence::Evidence>),
    /// Writes everything that a store holds into one file, while nodes go on.
    Backup(backup::Backup),
    /// Puts a backup into a store that has nothing yet.
    Restore(restore::Restore),
    /// Prints the completions of a shell.
    Completions(completions::Completions),
    /// Writes the manual pages of all commands into a directory.
    Man(man::Man),
}

/// What is said by how a command ends.
const EXIT: &str = "Exit status: 0 all is well; 1 the command looked, and the answer is no: findings, differences, a request or a step that is \
                    refused; 2 it could not be done: wrong usage, something that is not there, a store or a file that cannot be reached.";
/// How lists are laid out: columns without lines, so that other tools can cut them.
const TABLE: comfy_table::TableStyle = comfy_table::presets::NOTHING;
/// How long a name or a reason in the ledger may be, in characters.
const MOST_WORDS: usize = 200;

/// How a command ended, where it did not fail.
pub(crate) enum Outcome {
    /// All is well.
    Well,
    /// The command did its work and found something wrong.
    Wrong,
}

/// Runs a command to its end.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(arguments.log)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let result = arguments.command.run();
    match result {
        Ok(Outcome::Well) => ExitCode::SUCCESS,
        Ok(Outcome::Wrong) => ExitCode::from(1),
        Err(error) => {
            match error.downcast_ref::<StoreError>() {
                Some(store) => eprintln!("selvage: {}: {store}", store.code()),
                None => eprintln!("selvage: {error:#}"),
            }
            ExitCode::from(if is_refusal(&error) { 1 } else { 2 })
        }
    }
}

/// Whether nothing broke, and the answer is no.
fn is_refusal(error: &anyhow::Error) -> bool {
    let by_store = error.downcast_ref::<StoreError>().is_some_and(StoreError::is_refusal);
    by_store || error.downcast_ref::<Coded>().is_some_and(Coded::is_refusal)
}

impl Command {
    #[allow(clippy::too_many_lines, reason = "a line for each command")]
    fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Check(check) => check.run(),
            Self::Diff(diff) => in_runtime(diff.run()),
            Self::Explain(explain) => explain.run(),
            Self::Rules(rules) => rules.run(),
            Self::Schema(schema) => schema.run(),
            Self::Init(init) => init.run(),
            Self::New(new) => new.run(),
            Self::Fmt(fmt) => fmt.run(),
            Self::Graph(graph) => graph.run(),
            Self::Lsp(lsp) => lsp.run(),
            Self::Openapi(openapi) => openapi.run(),
            Self::Asyncapi(asyncapi) => asyncapi.run(),
            Self::Import(import) => import.run(),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
            Self::Export(export) => in_runtime(export.run()),
            Self::Catalogue(catalogue) => in_runtime(catalogue.run()),
            Self::Advise(advise) => in_runtime(advise.run()),
            Self::Test(test) => in_runtime(test.run()),
            Self::Mapping(mapping) => in_runtime(mapping.run()),
            Self::Get(get) => in_runtime(get.run()),
            Self::List(list) => in_runtime(list.run()),
            Self::Put(put) => in_runtime(put.run()),
            Self::Propose(propose) => in_runtime(propose.run()),
            Self::Change(change) => in_runtime(change.run()),
            Self::Board(board) => in_runtime(board.run()),
            Self::Release(release) => in_runtime(release.run()),
            Self::Serve(serve) => in_runtime(serve.run()),
            Self::Nodes(nodes) => in_runtime(nodes.run()),
            Self::Decide(decide) => in_runtime(decide.run()),
            Self::Demo(demo) => in_runtime(demo.run()),
            Self::Factory(factory) => in_runtime(factory.run()),
            Self::Odoo(odoo) => in_runtime(odoo.run()),
            Self::Key(key) => in_runtime(key.run()),
            Self::Access(access) => in_runtime(access.run()),
            Self::Grant(grant) => in_runtime(grant.run()),
            Self::Recertify(recertify) => in_runtime(recertify.run()),
            Self::Block(block) => in_runtime(block.run()),
            Self::Operator(operator) => in_runtime(operator.run()),
            Self::People(people) => in_runtime(people.run()),
            Self::Captures(captures) => in_runtime(captures.run()),
            Self::Copies(copies) => in_runtime(copies.run()),
            Self::Violations(violations) => in_runtime(violations.run()),
            Self::Operations(operations) => in_runtime(operations.run()),
            Self::Events(events) => in_runtime(events.run()),
            Self::Subscriptions(subscriptions) => in_runtime(subscriptions.run()),
            Self::Replays(replays) => in_runtime(replays.run()),
            Self::Lanes(lanes) => in_runtime(lanes.run()),
            Self::DeadLetters(letters) => in_runtime(letters.run()),
            Self::ParkedOperations(parked) => in_runtime(parked.run()),
            Self::Usage(usage) => in_runtime(usage.run()),
            Self::Shadow(shadow) => in_runtime(shadow.run()),
            Self::Ledger(ledger) => in_runtime(ledger.run()),
            Self::Evidence(evidence) => in_runtime(evidence.run()),
            Self::Backup(backup) => in_runtime(backup.run()),
            Self::Restore(restore) => in_runtime(restore.run()),
        }
    }
}

/// Prints what was asked for. Whoever reads it may have had enough of it (`| head`): that is no error.
pub(crate) fn say(text: impl Display) -> anyhow::Result<()> {
    heard(text).map(|_| ())
}

/// The same, and whether somebody still reads, for what would go on for ever.
fn heard(text: impl Display) -> anyhow::Result<bool> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot print the answer"),
    }
}

/// A name or a reason for the ledger: said at all, in one line.
fn words(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MOST_WORDS || text.chars().any(char::is_control) {
        return Err(format!("say it in 1 to {MOST_WORDS} characters, on one line"));
    }
    Ok(text.to_owned())
}

/// A duration as in manifests: `500ms`, `10s`, `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    selvage_model::scalar::duration(text)
        .ok_or_else(|| format!("`{text}` is not a duration: write `500ms`, `10s`, `5m`, `7d`"))
}

fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(text).map_err(|error| format!("`{text}` is no filter: {error}"))
}

fn in_runtime(work: impl Future<Output = anyhow::Result<Outcome>>) -> anyhow::Result<Outcome> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    // INVARIANT: SHIELDED-PATH: the gateway's own threads are started by this one, which does not stand behind them.
    let runtime = runtime.enable_all().on_thread_start(stand_behind_the_data_path).build()?;
    let outcome = runtime.block_on(work);
    // Whatever still runs was told to end; a stuck system call must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(2));
    outcome
}

/// A prompt to press ctrl-c, or a signal from whoever supervises the process.
pub(crate) async fn until_stopped() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
