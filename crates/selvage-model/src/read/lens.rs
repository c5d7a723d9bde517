//! The lenses of a mapping's fields: which one is meant, and what it needs beside it.

use super::check::article;
use super::fields::{Fields, key_text, spanned_text};
use super::mapping::{at, field_mappings};
use crate::code;
use crate::finding::Finding;
use crate::manifest::mapping::{CodeBy, CurrencySource, Lens, UnitSource};
use crate::schema::shape::Record;
use crate::schema::tables::mapping::{LENS, LENSES, MONEY, QUANTITY};
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
        "ref" => Lens::Ref { object: fields.spanned("ref")? },
        "record" => switched_on(fields, "record", Lens::Record, findings)?,
        "label" => switched_on(fields, "label", Lens::Label, findings)?,
        "site" => switched_on(fields, "site", Lens::Site, findings)?,
        "enum" => {
            let words = fields.entries("enum").iter();
            Lens::Enum(words.filter_map(|(theirs, ours)| Some((key_text(theirs), spanned_text(ours)?))).collect())
        }
        "quantity" => Lens::Quantity(unit(fields, findings)?),
        "money" => Lens::Money { currency: currency(fields.record("money", &MONEY)?)? },
        "many" => Lens::Many(Box::new(lens(fields.record("many", &LENS)?, &LENS, findings)?)),
        "group" => Lens::Group(field_mappings(fields.entries("group"), findings)),
        "read" => Lens::Expression(fields.spanned_text("read")?),
        _ => return None,
    })
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

fn currency(fields: Fields<'_>) -> Option<CurrencySource> {
    let field = fields.spanned_text("currency_at").map(CurrencySource::Field);
    fields.text("currency").map(CurrencySource::Fixed).or(field)
}
