//! The lenses of a mapping's fields: which one is meant, and what it needs beside it.

use super::check::article;
use super::fields::{Fields, key_text, spanned_text};
use super::mapping::{at, field_mappings, only};
use crate::code;
use crate::finding::Finding;
use crate::manifest::mapping::{CodeBy, CurrencySource, Lens, Lines, TimeUnit, UnitSource};
use crate::schema::shape::Record;
use crate::schema::tables::mapping::{LENS, LENSES, LINES, MONEY, QUANTITY};
use crate::yaml::Content;

/// Reads the lens of a field, or of a list's elements. `None` where it is wrong; that is noted.
pub(super) fn lens(fields: Fields<'_>, record: &'static Record, findings: &mut Vec<Finding>) -> Option<Lens> {
    let has = |name: &&&str| record.fields.iter().any(|field| field.name == **name) && fields.given(name);
    let given: Vec<&str> = LENSES.iter().filter(has).copied().collect();
    if fields.has("by") && !fields.has("code") {
        let finding = Finding::error(
            code::MISSING_FIELD,
            fields.place(),
            "`by` says what is looked up, but no code set is named",
        );
        findings.push(finding.fix("add `code: <code set>`, or remove `by`"));
    }
    if fields.has("key") && !fields.has("ref") {
        let finding = Finding::error(
            code::MISSING_FIELD,
            fields.place(),
            "`key` says which attribute names another object, but no object is referred to",
        );
        findings.push(finding.fix("add `ref: <object>`, or remove `key`"));
    }
    match given.as_slice() {
        [] => Some(Lens::Plain),
        [word] => chosen(word, fields, findings),
        [first, second, ..] => {
            let message = format!("`{first}` and `{second}` are two translations; {} has one", article(record.name));
            findings.push(Finding::error(code::FIELDS_CLASH, fields.place(), message).fix("keep one of them"));
            None
        }
    }
}

fn chosen(word: &str, fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Lens> {
    Some(match word {
        "lang" => Lens::Text { lang: fields.text("lang")? },
        "const" => Lens::Const(fields.value("const")?),
        "code" => Lens::Code { set: fields.spanned("code")?, by: by(fields) },
        "ref" => Lens::Ref { object: fields.spanned("ref")?, key: fields.spanned("key") },
        "record" => switched_on(fields, "record", Lens::Record, findings)?,
        "label" => switched_on(fields, "label", Lens::Label, findings)?,
        "site" => switched_on(fields, "site", Lens::Site, findings)?,
        "enum" => {
            let words = fields.entries("enum").iter();
            Lens::Enum(words.filter_map(|(theirs, ours)| Some((key_text(theirs), spanned_text(ours)?))).collect())
        }
        "quantity" => Lens::Quantity(unit(fields, findings)?),
        "money" => Lens::Money { currency: currency(fields.record("money", &MONEY)?, findings)? },
        "duration" => Lens::Duration(fields.word("duration", TIME_UNITS)?),
        "many" => Lens::Many(element("many", fields, findings)?),
        "only" => Lens::Only(element("only", fields, findings)?),
        "first" => Lens::First(element("first", fields, findings)?),
        "lines" => Lens::Lines(lines(fields.record("lines", &LINES)?, findings)),
        "group" => Lens::Group(field_mappings(fields.entries("group"), findings)),
        "read" => Lens::Expression(fields.spanned_text("read")?),
        _ => return None,
    })
}

const TIME_UNITS: &[(&str, TimeUnit)] = &[
    ("days", TimeUnit::Days),
    ("hours", TimeUnit::Hours),
    ("minutes", TimeUnit::Minutes),
    ("seconds", TimeUnit::Seconds),
];

/// The lens of a list's elements.
fn element(word: &str, fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Box<Lens>> {
    lens(fields.record(word, &LENS)?, &LENS, findings).map(Box::new)
}

fn lines(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Lines {
    Lines {
        record: fields.spanned_text("record"),
        key: fields.list("key"),
        only: only(fields, findings),
        fields: field_mappings(fields.entries("fields"), findings),
    }
}

/// A lens that is only ever switched on.
fn switched_on(fields: Fields<'_>, name: &str, lens: Lens, findings: &mut Vec<Finding>) -> Option<Lens> {
    let node = fields.node(name)?;
    if node.text() == Some("false") {
        let message = format!("`{name}: false` says nothing");
        findings.push(Finding::error(code::BAD_VALUE, &node.place, message).fix(format!("remove `{name}`")));
        return None;
    }
    Some(lens)
}

fn by(fields: Fields<'_>) -> CodeBy {
    const BY: &[(&str, CodeBy)] =
        &[("value", CodeBy::Value), ("external-id", CodeBy::ExternalId), ("label", CodeBy::Label)];
    fields.word("by", BY).unwrap_or(CodeBy::Value)
}

fn unit(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<UnitSource> {
    let node = fields.node("quantity")?;
    if let Content::Scalar(_) = node.content {
        return spanned_text(node).map(UnitSource::Fixed);
    }
    let fields = fields.record("quantity", &QUANTITY)?;
    Some(UnitSource::Field { at: at(fields.node("unit")?, findings), set: fields.spanned("code")?, by: by(fields) })
}

fn currency(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<CurrencySource> {
    let fixed = fields.text("currency");
    match fields.spanned_text("currency_at") {
        Some(at) => Some(CurrencySource::Field { at, new: fixed }),
        None if fixed.is_none() && !fields.given("currency") && !fields.given("currency_at") => {
            let message = "a currency of money needs one of its fields `currency` or `currency_at`";
            let finding = Finding::error(code::MISSING_FIELD, fields.place(), message);
            findings.push(finding.fix("add the one that is meant"));
            None
        }
        None => fixed.map(CurrencySource::Fixed),
    }
}
