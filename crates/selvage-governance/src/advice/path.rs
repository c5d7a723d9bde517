//! Direct or mediated: whether requests pass to the system as they are, or an object is served through its mapping.

use std::time::Duration;

use selvage_model::cost;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::Objective;
use selvage_model::manifest::system::Connector;
use selvage_model::scalar::spell;

use super::Answer::{Direct, Mediated};
use super::Fact;
use super::Question::Path;
use super::subject::Subject;

pub(super) const FACTS: &[Fact] = &[
    Fact::of("stays-open", Path, Direct, 9, "its requests become WebSockets", stays_open),
    Fact::of("no-records-behind", Path, Direct, 9, "its system is no Odoo", no_records_behind),
    Fact::of("odoo-behind", Path, Mediated, 3, "its system is an Odoo", odoo_behind),
    Fact::of("changes-records", Path, Mediated, 2, "it has operations that change something", changes_records),
    Fact::of("waits-its-turn", Path, Mediated, 1, "its Odoo bears a limited number of calls", waits_its_turn),
    Fact::of("several-consumers", Path, Mediated, 1, "three consumers or more are granted it", several_consumers),
    Fact::of("mappings-are-there", Path, Mediated, 1, "the fabric has mappings to its system", mappings_are_there),
    Fact::of("ends-soon", Path, Direct, 3, "it is deprecated, and the day of its end is set", ends_soon),
    Fact::of(
        "no-time-to-translate",
        Path,
        Direct,
        2,
        "it promises answers sooner than an Odoo takes for two calls",
        no_time_to_translate,
    ),
    Fact::of("one-consumer", Path, Direct, 1, "one consumer is granted it", one_consumer),
];

fn stays_open(it: &Subject<'_>) -> Option<String> {
    let Some(Api::Direct { upstream, .. }) = it.interface.api() else { return None };
    let says = "Its connections stay open (WebSocket), and an object cannot be served over such a connection.";
    upstream.websocket.then(|| says.to_owned())
}

fn no_records_behind(it: &Subject<'_>) -> Option<String> {
    let system = it.system().filter(|system| system.connector != Connector::Odoo)?;
    Some(format!("Selvage reads and writes records of an Odoo; `{}` is none and answers for itself.", system.name))
}

fn odoo_behind(it: &Subject<'_>) -> Option<String> {
    let system = &it.odoo()?.name;
    let says = "whose own fields and methods change with its version; an object stays as it is declared.";
    Some(format!("Behind it is an Odoo (`{system}`), {says}"))
}

fn changes_records(it: &Subject<'_>) -> Option<String> {
    let writing = it.writing();
    if writing.is_empty() {
        return None;
    }
    Some(format!(
        "It changes records ({}): mediated, what is sent twice takes effect once, and an unknown outcome is looked up.",
        writing.join(", ")
    ))
}

fn waits_its_turn(it: &Subject<'_>) -> Option<String> {
    let (system, calls) = it.budget()?;
    Some(format!(
        "`{system}` bears about {calls} calls a minute, and only mediated requests wait for their turn there."
    ))
}

fn several_consumers(it: &Subject<'_>) -> Option<String> {
    let count = it.consumers().len();
    (count >= 3).then(|| format!("{count} consumers use it, and each would have to know the system's own records."))
}

fn mappings_are_there(it: &Subject<'_>) -> Option<String> {
    let system = &it.system()?.name;
    let count = it.fabric.mappings.values().filter(|mapping| &mapping.system.value == system).count();
    let says = match count {
        0 => return None,
        1 => "a mapping".to_owned(),
        count => format!("{count} mappings"),
    };
    Some(format!("The fabric has {says} to `{system}` already."))
}

fn ends_soon(it: &Subject<'_>) -> Option<String> {
    let end = it.end()?;
    Some(format!("It ends on {end}: what is built for it now does not pay any more."))
}

fn no_time_to_translate(it: &Subject<'_>) -> Option<String> {
    it.odoo()?;
    let two = Duration::from_millis(u64::from(cost::CALL_MILLIS) * 2);
    let promises = it.interface.slo.iter().filter_map(|slo| match &slo.objective {
        Objective::Latency { under, .. } => Some(*under),
        Objective::Availability(_) => None,
    });
    let under = promises.min().filter(|under| *under < two)?;
    Some(format!(
        "It promises answers within {}; a call of Odoo takes {} ms or more, and mediation makes several.",
        spell(under),
        cost::CALL_MILLIS
    ))
}

fn one_consumer(it: &Subject<'_>) -> Option<String> {
    let consumers = it.consumers();
    let mut names = consumers.iter();
    match (names.next(), names.next()) {
        (Some(only), None) => Some(format!("Only `{only}` uses it, so a translation serves nobody else.")),
        _ => None,
    }
}
