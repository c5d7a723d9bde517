//! The descriptions of fields as real servers gave them: two compact tables, derived from the recordings, one line a field.
//! A line is `name type flags [>relation[/inverse]] [#digits]`, for a selection with a tab and `key=label|…` behind it;
//! flags are required, readonly (o), computed, per company and translated, or `-`. A test derives the tables again.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value as Json, json};

use crate::odoo::OdooVersion;

const TABLE_18: &str = include_str!("recorded/18.txt");
const TABLE_19: &str = include_str!("recorded/19.txt");

/// The fields of the models of one table, each in the order in which it was recorded.
type Table = HashMap<&'static str, Vec<(&'static str, Recorded)>>;

static FIELDS_18: LazyLock<Table> = LazyLock::new(|| read(TABLE_18, false));
static FIELDS_19: LazyLock<Table> = LazyLock::new(|| read(TABLE_19, true));

/// The recorded fields of a model; those of 18 stand for the versions of which there is no recording.
pub(super) fn of(model: &str, version: OdooVersion) -> &'static [(&'static str, Recorded)] {
    let own = if version >= OdooVersion::V19 { FIELDS_19.get(model) } else { None };
    own.or_else(|| FIELDS_18.get(model)).map(Vec::as_slice).unwrap_or_default()
}

/// A field as it was described.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded {
    pub(super) kind: &'static str,
    pub(super) required: bool,
    pub(super) readonly: bool,
    pub(super) stored: bool,
    pub(super) per_company: bool,
    translated: bool,
    pub(super) relation: Option<&'static str>,
    pub(super) inverse: Option<&'static str>,
    digits: Option<&'static str>,
    pub(super) selection: &'static [(&'static str, &'static str)],
    /// Only what matters most was asked for.
    brief: bool,
}

impl Recorded {
    /// The attributes as they were answered.
    pub(super) fn describe(&self) -> Map<String, Json> {
        let mut all = Map::new();
        let mut set = |name: &str, value: Json| {
            all.insert(name.to_owned(), value);
        };
        set("type", json!(self.kind));
        set("required", json!(self.required));
        set("readonly", json!(self.readonly));
        set("store", json!(self.stored));
        if let Some(relation) = self.relation {
            set("relation", json!(relation));
        }
        if matches!(self.kind, "selection" | "reference") {
            set("selection", json!(self.selection));
        }
        if self.brief {
            return all;
        }
        set("company_dependent", json!(self.per_company));
        if let Some(inverse) = self.inverse {
            set("relation_field", json!(inverse));
        }
        if let Some(digits) = self.digits.and_then(|digits| serde_json::from_str(digits).ok()) {
            set("digits", digits);
        }
        if matches!(self.kind, "char" | "text" | "html") {
            set("translate", json!(self.translated));
        }
        all
    }
}

fn read(text: &'static str, brief: bool) -> Table {
    let mut table = Table::new();
    let mut model = "";
    for line in text.lines() {
        match line.strip_prefix("= ") {
            Some(name) => model = name,
            None => table.entry(model).or_default().extend(read_line(line, brief)),
        }
    }
    table
}

fn read_line(line: &'static str, brief: bool) -> Option<(&'static str, Recorded)> {
    let (head, selection) = line.split_once('\t').unwrap_or((line, ""));
    let mut words = head.split(' ');
    let (name, kind, flags) = (words.next()?, words.next()?, words.next()?);
    let (mut relation, mut digits) = (None, None);
    for word in words {
        match word.split_at_checked(1)? {
            (">", target) => relation = Some(target),
            (_, number) => digits = Some(number),
        }
    }
    let inverse = relation.and_then(|target| target.split_once('/')).map(|(_, inverse)| inverse);
    let relation = relation.map(|target| target.split_once('/').map_or(target, |(model, _)| model));
    let pairs: Vec<_> = selection.split('|').filter_map(|pair| pair.split_once('=')).collect();
    let has = |flag| flags.contains(flag);
    let recorded = Recorded {
        kind,
        required: has('r'),
        readonly: has('o'),
        stored: !has('c'),
        per_company: has('p'),
        translated: has('t'),
        relation,
        inverse,
        digits,
        // Read once and kept for as long as the process runs.
        selection: pairs.leak(),
        brief,
    };
    Some((name, recorded))
}
