//! Every statement is understood by both databases.

use sqlx::{Executor as _, SqlSafeStr as _};

use super::both;
use super::stage::Stage;
use crate::database::Connection;
use crate::statement::Sql;

both!(every_statement_is_prepared);

/// Every module that has statements.
const MODULES: &[(&str, &[(&str, Sql)])] = &[
    ("access", crate::access::STATEMENTS),
    ("access::block", crate::access::block::STATEMENTS),
    ("access::break_glass", crate::access::break_glass::STATEMENTS),
    ("access::grant", crate::access::grant::STATEMENTS),
    ("access::key", crate::access::key::STATEMENTS),
    ("access::lease", crate::access::lease::STATEMENTS),
    ("access::past", crate::access::past::STATEMENTS),
    ("access::recertification", crate::access::recertification::STATEMENTS),
    ("access::request", crate::access::request::STATEMENTS),
    ("access::session", crate::access::session::STATEMENTS),
    ("access::subscription", crate::access::subscription::STATEMENTS),
    ("access::subscription::ask", crate::access::subscription::ask::STATEMENTS),
    ("access::subscription::replay", crate::access::subscription::replay::STATEMENTS),
    ("backup", crate::backup::STATEMENTS),
    ("backup::ended", crate::backup::ended::STATEMENTS),
    ("backup::lost", crate::backup::lost::STATEMENTS),
    ("backup::restore", crate::backup::restore::STATEMENTS),
    ("backup::safe", crate::backup::safe::STATEMENTS),
    ("budget", crate::budget::STATEMENTS),
    ("capture", crate::capture::STATEMENTS),
    ("capture::finding", crate::capture::finding::STATEMENTS),
    ("capture::hint", crate::capture::hint::STATEMENTS),
    ("capture::known", crate::capture::known::STATEMENTS),
    ("capture::outbox", crate::capture::outbox::STATEMENTS),
    ("capture::parked", crate::capture::parked::STATEMENTS),
    ("capture::person", crate::capture::person::STATEMENTS),
    ("capture::step", crate::capture::step::STATEMENTS),
    ("change", crate::change::STATEMENTS),
    ("change::delegation", crate::change::delegation::STATEMENTS),
    ("change::waiting", crate::change::waiting::STATEMENTS),
    ("claim", crate::claim::STATEMENTS),
    ("contract_check", crate::contract_check::STATEMENTS),
    ("cross_reference", crate::cross_reference::STATEMENTS),
    ("delivery", crate::delivery::STATEMENTS),
    ("delivery::hold", crate::delivery::hold::STATEMENTS),
    ("delivery::kept", crate::delivery::kept::STATEMENTS),
    ("delivery::letter", crate::delivery::letter::STATEMENTS),
    ("delivery::view", crate::delivery::view::STATEMENTS),
    ("delivery::passed", crate::delivery::passed::STATEMENTS),
    ("delivery::withheld", crate::delivery::withheld::STATEMENTS),
    ("effect", crate::effect::STATEMENTS),
    ("environment", crate::environment::STATEMENTS),
    ("event", crate::event::STATEMENTS),
    ("event::broker_id", crate::event::broker_id::STATEMENTS),
    ("event::cursor", crate::event::cursor::STATEMENTS),
    ("event::group", crate::event::group::STATEMENTS),
    ("event::home", crate::event::home::STATEMENTS),
    ("event::known", crate::event::known::STATEMENTS),
    ("event::pulled", crate::event::pulled::STATEMENTS),
    ("event::opening", crate::event::opening::STATEMENTS),
    ("event::read", crate::event::read::STATEMENTS),
    ("event::retention", crate::event::retention::STATEMENTS),
    ("event::seal", crate::event::seal::STATEMENTS),
    ("issuer", crate::issuer::STATEMENTS),
    ("ledger::checkpoint", crate::ledger::checkpoint::STATEMENTS),
    ("ledger", crate::ledger::STATEMENTS),
    ("ledger::verify", crate::ledger::verify::STATEMENTS),
    ("migration", crate::migration::STATEMENTS),
    ("node", crate::node::STATEMENTS),
    ("node::ran", crate::node::ran::STATEMENTS),
    ("node::released", crate::node::released::STATEMENTS),
    ("notice", crate::notice::STATEMENTS),
    ("observed", crate::observed::STATEMENTS),
    ("operation", crate::operation::STATEMENTS),
    ("operation::due", crate::operation::due::STATEMENTS),
    ("operation::lane", crate::operation::lane::STATEMENTS),
    ("operation::outcome", crate::operation::outcome::STATEMENTS),
    ("operation::person", crate::operation::person::STATEMENTS),
    ("person", crate::person::STATEMENTS),
    ("person::erase", crate::person::erase::STATEMENTS),
    ("promise", crate::promise::STATEMENTS),
    ("release", crate::release::STATEMENTS),
    ("release::active", crate::release::active::STATEMENTS),
    ("release::import", crate::release::import::STATEMENTS),
    ("release::receipt", crate::release::receipt::STATEMENTS),
    ("release::signed", crate::release::signed::STATEMENTS),
    ("usage", crate::usage::STATEMENTS),
    ("webhook", crate::webhook::STATEMENTS),
];

async fn every_statement_is_prepared(stage: &Stage) {
    let store = stage.open().await;
    let numbered: Vec<(&str, Sql)> = crate::event::append::numbered().map(|sql| ("numbered", sql)).collect();
    let appends = [("event::append", numbered.as_slice()), ("event", crate::event::WITH_OTHERS)];
    for (name, sql) in appends.iter().flat_map(|(_, statements)| *statements) {
        assert!(
            !sql.sqlite.contains('$'),
            "{name} goes with others, whose parameters are counted through: {}",
            sql.sqlite
        );
    }
    for (module, statements) in MODULES.iter().chain(&appends) {
        for (name, sql) in *statements {
            let prepared = match store.database.write().await.unwrap().on {
                Connection::SqliteWrite(mut turns) => {
                    turns.flushed().await.unwrap().prepare(sql.sqlite.into_sql_str()).await.map(drop)
                }
                Connection::Postgres(mut connection) => connection.prepare(sql.postgres.into_sql_str()).await.map(drop),
                Connection::SqliteRead(_) => unreachable!("it writes"),
            };
            prepared.unwrap_or_else(|error| panic!("{module}::{name}: {error}"));
        }
    }
}
