//! The table of a mapping: each attribute, its fields by version, its lens in words, and which ways it goes.

use std::fmt::Write as _;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::mapping::{
    CodeBy, CurrencySource, Direction, FieldMapping, Lens, Mapping, TimeUnit, UnitSource,
};
use selvage_model::manifest::object::Object;
use selvage_model::scalar::VersionRange;
use selvage_model::source::Spanned;

use super::words::{allowed, cell, code, ranged};
use crate::lens::{Field, Lens as Compiled};
use crate::mapping::CompiledMapping;
use crate::trial::versions;

/// A row for each attribute; members of groups and lines below their attribute.
pub(super) fn rows(fabric: &Fabric, object: &Object, mapping: &Mapping, text: &mut String) {
    let compiled: Vec<CompiledMapping> = versions(mapping)
        .into_iter()
        .filter_map(|version| CompiledMapping::compile(mapping, fabric, version).ok())
        .collect();
    let members: Vec<&[Field]> = compiled.iter().map(CompiledMapping::members).collect();
    of_fields(&mapping.fields, "", &members, text);
    for attribute in object.attributes.iter().filter(|one| !carries(mapping, one.name.value.as_str())) {
        let _ = writeln!(text, "| `{}` | | not carried: always `null` | |", attribute.name);
    }
}

fn carries(mapping: &Mapping, name: &str) -> bool {
    mapping.fields.iter().any(|field| field.attribute.value.as_str() == name)
}

fn of_fields(fields: &[FieldMapping], of: &str, compiled: &[&[Field]], text: &mut String) {
    for field in fields {
        let path = format!("{of}{}", field.attribute);
        let found: Vec<&Field> = compiled
            .iter()
            .filter_map(|members| members.iter().find(|member| member.name() == field.attribute.value.as_str()))
            .collect();
        let mut lens = lens(&field.lens);
        if let Some(default) = &field.default {
            let _ = write!(lens, "; where there is none, {}", code(&default.to_string()));
        }
        let _ = writeln!(text, "| `{path}` | {} | {lens} | {} |", place(field), ways(field, &found));
        let inner = |member: &Field| match &member.lens {
            Compiled::Group(members) => members.clone(),
            Compiled::Lines(lines) => lines.members.clone(),
            _ => Vec::new(),
        };
        let inner: Vec<Vec<Field>> = found.into_iter().map(inner).collect();
        let inner: Vec<&[Field]> = inner.iter().map(Vec::as_slice).collect();
        match &field.lens {
            Lens::Group(members) => of_fields(members, &format!("{path}/"), &inner, text),
            Lens::Lines(lines) => of_fields(&lines.fields, &format!("{path}/"), &inner, text),
            _ => {}
        }
    }
}

fn ways(field: &FieldMapping, compiled: &[&Field]) -> &'static str {
    match field.direction {
        _ if matches!(field.lens, Lens::Const(_)) => "checked",
        Direction::Write => "written",
        _ if compiled.iter().any(|member| member.writable) => "both",
        _ => "read",
    }
}

fn place(field: &FieldMapping) -> String {
    let mut place = by_version(&field.at);
    for other in &field.or {
        let _ = write!(place, ", or {}", code(&other.value));
    }
    place
}

fn by_version(at: &[(VersionRange, Spanned<String>)]) -> String {
    let word = |(range, field): &(VersionRange, Spanned<String>)| match (range.from, range.until) {
        (None, None) => code(&field.value),
        _ => format!("{} ({})", code(&field.value), ranged(*range)),
    };
    at.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// A lens in words.
pub(crate) fn lens(lens: &Lens) -> String {
    match lens {
        Lens::Plain => "as it is".to_owned(),
        Lens::Text { lang } => format!("text in {}", code(lang)),
        Lens::Const(value) => format!("always {}", code(&value.to_string())),
        Lens::Code { set, by } => format!("code of {set}{}", coded(*by)),
        Lens::Ref { object, key: None } => format!("the {object} that is linked"),
        Lens::Ref { object, key: Some(key) } => format!("the {object} that is linked, by its `{key}`"),
        Lens::Record => "the record's own id".to_owned(),
        Lens::Label => "the label of the link".to_owned(),
        Lens::Site => "the site that the company is bound to".to_owned(),
        Lens::Enum(words) => {
            let word = |(theirs, ours): &(Spanned<String>, Spanned<String>)| {
                if theirs.value == ours.value {
                    code(&ours.value)
                } else {
                    format!("{} is {}", code(&theirs.value), code(&ours.value))
                }
            };
            words.iter().map(word).collect::<Vec<_>>().join(", ")
        }
        Lens::Quantity(UnitSource::Fixed(unit)) => format!("quantity in {}", code(&unit.value)),
        Lens::Quantity(UnitSource::Field { at, set, by }) => {
            format!("quantity in the unit of {}, code of {set}{}", by_version(at), coded(*by))
        }
        Lens::Money { currency: CurrencySource::Fixed(currency) } => format!("money in {currency}"),
        Lens::Money { currency: CurrencySource::Field { at, .. } } => {
            format!("money in the currency of {}", code(&at.value))
        }
        Lens::Duration(unit) => format!("a number of {}", time(*unit)),
        Lens::Many(element) => format!("each of the list: {}", self::lens(element)),
        Lens::Only(element) => format!("the only one of the list: {}", self::lens(element)),
        Lens::First(element) => format!("the first of the list: {}", self::lens(element)),
        Lens::Lines(lines) => {
            let key: Vec<String> = lines.key.iter().map(|name| code(name.value.as_str())).collect();
            let known = if key.is_empty() {
                "known by their place".to_owned()
            } else {
                format!("known by {}", key.join(" and "))
            };
            let record = lines.record.as_ref().map(|record| format!(" {}", code(&record.value))).unwrap_or_default();
            let told = |(field, wanted): &(Spanned<String>, _)| {
                format!(", only where {} is {}", code(&field.value), allowed(wanted))
            };
            let only: String = lines.only.iter().map(told).collect();
            format!("lines{record}, {known}{only}")
        }
        Lens::Group(_) => "a group of fields".to_owned(),
        Lens::Expression(text) => code(&cell(&text.value)),
    }
}

fn coded(by: CodeBy) -> &'static str {
    match by {
        CodeBy::Value => "",
        CodeBy::ExternalId => ", by external id",
        CodeBy::Label => ", by label",
    }
}

fn time(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Days => "days",
        TimeUnit::Hours => "hours",
        TimeUnit::Minutes => "minutes",
        TimeUnit::Seconds => "seconds",
    }
}
