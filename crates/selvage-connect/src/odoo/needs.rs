//! What verbs need of a server: models, fields, methods and rights. Each verb's table stands beside the verb; here are the form of
//! a table and the list of them all. Pure; whether a server has what is needed is asked elsewhere.

use super::{bill, consume, inventory, maintenance, order, relocation, report, scrap, trade, transfer, update, work};

/// A right on a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// See records.
    Read,
    /// Change records, and press their buttons.
    Write,
    /// Make records.
    Create,
    /// Take records away.
    Delete,
}

impl Right {
    /// Odoo's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Create => "create",
            Self::Delete => "unlink",
        }
    }
}

/// What a verb needs of one model: only what the connector itself asks for. What a button does inside Odoo is Odoo's.
///
/// A field whose name differs between versions is given by its names with `|` between them, the newest first: one of them is
/// needed. What the verb can do without does not belong here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelNeeds {
    /// As `mrp.production`.
    pub model: &'static str,
    /// Fields that are read or searched by.
    pub reads: &'static [&'static str],
    /// Fields that are written, by `write` or in a `create`; they may not be read only.
    pub writes: &'static [&'static str],
    /// Buttons: methods that take records and change them.
    pub calls: &'static [&'static str],
    /// Whether records are made.
    pub creates: bool,
    /// Whether records are written to that were there before, where records are made too.
    pub changes: bool,
    /// Whether records are taken away.
    pub deletes: bool,
}

impl ModelNeeds {
    /// Nothing of this model yet.
    pub(super) const fn of(model: &'static str) -> Self {
        Self { model, reads: &[], writes: &[], calls: &[], creates: false, changes: false, deletes: false }
    }

    /// Reading these fields.
    pub(super) const fn reads(self, reads: &'static [&'static str]) -> Self {
        Self { reads, ..self }
    }

    /// Writing these fields.
    pub(super) const fn writes(self, writes: &'static [&'static str]) -> Self {
        Self { writes, ..self }
    }

    /// Pressing these buttons.
    pub(super) const fn calls(self, calls: &'static [&'static str]) -> Self {
        Self { calls, ..self }
    }

    /// Making records.
    pub(super) const fn creates(self) -> Self {
        Self { creates: true, ..self }
    }

    /// Writing to records that were there, beside those that are made.
    pub(super) const fn changes(self) -> Self {
        Self { changes: true, ..self }
    }

    /// Taking records away.
    pub(super) const fn deletes(self) -> Self {
        Self { deletes: true, ..self }
    }

    /// The rights that follow. Fields of a record that is only made are written without the right to write.
    pub fn rights(&self) -> Vec<Right> {
        let mut rights = vec![Right::Read];
        if self.changes || !self.calls.is_empty() || (!self.writes.is_empty() && !self.creates) {
            rights.push(Right::Write);
        }
        if self.creates {
            rights.push(Right::Create);
        }
        if self.deletes {
            rights.push(Right::Delete);
        }
        rights
    }
}

/// The names that an entry of a table gives a field.
pub fn names(entry: &'static str) -> impl Iterator<Item = &'static str> {
    entry.split('|')
}

/// A verb with what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerbNeeds {
    /// The word of the operation, as in manifests.
    pub verb: &'static str,
    /// The model whose records have it.
    pub record: &'static str,
    /// What it needs, model by model.
    pub models: &'static [ModelNeeds],
}

/// Every verb of this connector. One that is added here is checked before it runs, shown by the probe, and stands in the
/// guide's table of rights.
pub const VERBS: &[VerbNeeds] = &[
    VerbNeeds { verb: "release", record: "mrp.production", models: order::RELEASE },
    VerbNeeds { verb: "revise", record: "mrp.bom", models: bill::REVISE },
    VerbNeeds { verb: "consume", record: "mrp.production", models: consume::CONSUME },
    VerbNeeds { verb: "cancel", record: "mrp.production", models: order::CANCEL },
    VerbNeeds { verb: "update", record: "mrp.production", models: update::QUANTITY },
    VerbNeeds { verb: "close", record: "maintenance.request", models: maintenance::CLOSE },
    VerbNeeds { verb: "start", record: "mrp.workorder", models: work::START },
    VerbNeeds { verb: "pause", record: "mrp.workorder", models: work::PAUSE },
    VerbNeeds { verb: "finish", record: "mrp.workorder", models: work::FINISH },
    VerbNeeds { verb: "report", record: "mrp.production", models: report::REPORT },
    VerbNeeds { verb: "release", record: "purchase.order", models: trade::RELEASE_PURCHASE },
    VerbNeeds { verb: "receive", record: "purchase.order", models: transfer::RECEIVE },
    VerbNeeds { verb: "release", record: "sale.order", models: trade::RELEASE_SALE },
    VerbNeeds { verb: "ship", record: "sale.order", models: transfer::SHIP },
    VerbNeeds { verb: "ship", record: "stock.picking", models: transfer::SHIP },
    VerbNeeds { verb: "adjust", record: "stock.quant", models: inventory::ADJUST },
    VerbNeeds { verb: "scrap", record: "stock.quant", models: scrap::SCRAP },
    VerbNeeds { verb: "quarantine", record: "stock.lot", models: relocation::RELOCATE },
    VerbNeeds { verb: "release", record: "stock.lot", models: relocation::RELOCATE },
];

/// What this verb needs on records of this model.
pub fn of_verb(verb: &str, record: &str) -> Option<&'static VerbNeeds> {
    VERBS.iter().find(|known| known.verb == verb && known.record == record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_follow_from_what_is_done() {
        use Right::{Create, Delete, Read, Write};
        let table = [
            (ModelNeeds::of("m").reads(&["a"]), vec![Read]),
            (ModelNeeds::of("m").writes(&["a"]), vec![Read, Write]),
            (ModelNeeds::of("m").calls(&["button"]), vec![Read, Write]),
            (ModelNeeds::of("m").writes(&["a"]).creates(), vec![Read, Create]),
            (ModelNeeds::of("m").calls(&["button"]).creates(), vec![Read, Write, Create]),
            (ModelNeeds::of("m").writes(&["a"]).creates().changes(), vec![Read, Write, Create]),
            (ModelNeeds::of("m").deletes(), vec![Read, Delete]),
        ];
        for (needs, expected) in table {
            assert_eq!(needs.rights(), expected, "{needs:?}");
        }
    }

    #[test]
    fn a_verb_is_found_by_its_word_and_record() {
        assert_eq!(of_verb("report", "mrp.production").map(|verb| verb.models.len()), Some(report::REPORT.len()));
        assert_eq!(of_verb("report", "mrp.workorder"), None);
        assert_eq!(of_verb("sing", "mrp.production"), None);
    }

    #[test]
    fn the_guide_says_what_rights_each_verb_needs() {
        let guide = include_str!("../../../../docs/guide/odoo.md");
        let rights = |needs: &ModelNeeds| {
            let words: Vec<&str> = needs.rights().into_iter().map(Right::as_str).collect();
            format!("`{}` {}", needs.model, words.join(", "))
        };
        let row = |VerbNeeds { verb, record, models }: &VerbNeeds| {
            let all: Vec<String> = models.iter().map(rights).collect();
            format!("| {verb} | `{record}` | {} |", all.join("; "))
        };
        let expected: Vec<String> = VERBS.iter().map(row).collect();
        let table = guide.split_once("| verb | of | rights |\n|---|---|---|\n").map_or("", |(_, table)| table);
        let stands: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
        assert_eq!(stands, expected, "docs/guide/odoo.md, `Least rights`, needs the rows\n{}", expected.join("\n"));
    }

    #[test]
    fn no_verb_needs_a_model_twice() {
        for verb in VERBS {
            for (index, one) in verb.models.iter().enumerate() {
                assert!(
                    verb.models.iter().skip(index + 1).all(|other| other.model != one.model),
                    "{} {one:?}",
                    verb.verb
                );
            }
        }
    }
}
