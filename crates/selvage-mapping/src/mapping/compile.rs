//! Makes lenses of what a mapping declares, for one version of the system, and finds everything that cannot work.
//! What is past here cannot meet an unknown name.

use std::sync::Arc;

use selvage_model::code::{
    Code, MAPPING_ATTRIBUTE, MAPPING_CODES, MAPPING_EXPRESSION, MAPPING_LENS, MAPPING_OVERLAP, MAPPING_REFERENCE,
    MAPPING_VERSION,
};
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::mapping::{
    CurrencySource, Direction, FieldMapping, Lens as Declared, Lines as DeclaredLines, Mapping, UnitSource,
};
use selvage_model::manifest::object::{Attribute, CodeSet, Object, Shape};
use selvage_model::name::{AttributeName, CodeSetName, ObjectName};
use selvage_model::read::nearest;
use selvage_model::scalar::VersionRange;
use selvage_model::source::{Place, Spanned};
use serde_json::Value;

use super::overlap;
use crate::code::Codes;
use crate::expression::Expression;
use crate::lens::{self, CurrencyFrom, Field, Lens, Lines, Spot, Target, UnitFrom};
use crate::quantity::{self, Unit};
use crate::shape::{Checker, is_currency};

mod words;

use words::{is_scalar, lens_word, shape_word};

/// Compiles the fields of one mapping.
pub(super) struct Compiler<'a> {
    mapping: &'a Mapping,
    fabric: &'a Fabric,
    major: u32,
    /// Where the record stands whose fields are compiled: empty, or the lists of lines that lead there.
    prefix: String,
    pub(super) languages: Vec<Spanned<String>>,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(mapping: &'a Mapping, fabric: &'a Fabric, major: u32) -> Self {
        Self { mapping, fabric, major, prefix: String::new(), languages: Vec::new(), findings: Vec::new() }
    }

    fn find(&mut self, code: Code, place: &Place, message: impl Into<String>) {
        self.findings.push(Finding::error(code, place, message));
    }

    /// The object and its compiled attributes.
    pub(super) fn object(&mut self) -> Option<(&'a Object, Vec<Field>)> {
        let (mapping, fabric) = (self.mapping, self.fabric);
        if !mapping.versions.contains(self.major) {
            let message =
                format!("the mapping `{}` is not for version {} of {}", mapping.name, self.major, mapping.system);
            self.find(MAPPING_VERSION, &mapping.place, message);
        }
        let Some(object) = fabric.objects.get(&mapping.object.value) else {
            let message = format!("the object `{}` is not declared", mapping.object);
            self.find(MAPPING_ATTRIBUTE, &mapping.object.place, message);
            return None;
        };
        let fields = self.fields(&object.attributes, &mapping.fields, &mapping.place, "");
        self.overlaps(&fields);
        self.one_language();
        Some((object, fields))
    }

    /// The members of an object or a group.
    fn fields(&mut self, attributes: &[Attribute], declared: &[FieldMapping], place: &Place, of: &str) -> Vec<Field> {
        let mut fields = Vec::new();
        for field in declared {
            let name = &field.attribute.value;
            match attributes.iter().find(|attribute| &attribute.name.value == name) {
                Some(attribute) => fields.extend(self.field(attribute, field)),
                None => {
                    let message = format!("`{}` has no attribute `{of}{name}`", self.mapping.object);
                    let finding = Finding::error(MAPPING_ATTRIBUTE, &field.attribute.place, message);
                    let known = attributes.iter().map(|attribute| attribute.name.value.as_str());
                    self.findings.push(match nearest(name.as_str(), known) {
                        Some(like) => finding.fix(format!("did you mean `{like}`?")),
                        None => finding.fix("remove it, or add the attribute to the object"),
                    });
                }
            }
        }
        for attribute in attributes.iter().filter(|attribute| !attribute.optional) {
            let name = &attribute.name.value;
            if !declared.iter().any(|field| &field.attribute.value == name) {
                let message = format!("the attribute `{of}{name}` is required, and the mapping does not carry it");
                self.find(MAPPING_ATTRIBUTE, place, message);
            }
        }
        let place_of = |field: &Field| attributes.iter().position(|attribute| attribute.name == field.attribute.name);
        fields.sort_by_key(place_of);
        fields
    }

    fn field(&mut self, attribute: &Attribute, declared: &FieldMapping) -> Option<Field> {
        let place = &declared.attribute.place;
        let at = declared.field(self.major).map(|at| Spot::new(&self.prefix, at));
        let lens = match (&declared.lens, &at) {
            (_, None) if !declared.at.is_empty() => self.absent(attribute, declared)?,
            (Declared::Lines(lines), Some(at)) => self.lines(lines, &at.at, attribute, place)?,
            (lens, _) => self.lens(lens, &attribute.shape, place)?,
        };
        if at.is_none() && !matches!(lens, Lens::Absent | Lens::Const(_) | Lens::Group(_) | Lens::Expression(_)) {
            self.find(MAPPING_LENS, place, format!("`{}` needs `at`: a field of the record", attribute.name));
            return None;
        }
        if let Some(default) = &declared.default {
            self.canonical(&attribute.shape, default, place);
        }
        let is_linked = at.as_ref().is_some_and(Spot::is_linked);
        if is_linked && declared.direction == Direction::Write {
            let message = format!("`{}` is another record's, which this mapping does not write", attribute.name);
            self.find(MAPPING_LENS, place, message);
        }
        Some(Field {
            writable: declared.direction != Direction::Read && !attribute.read_only && !is_linked && lens.inverts(),
            or: declared.or.iter().map(|at| Spot::new(&self.prefix, &at.value)).collect(),
            readable: declared.direction != Direction::Write,
            attribute: attribute.clone(),
            at,
            lens,
            default: declared.default.clone(),
        })
    }

    /// No field in this version: fine where the attribute may be missing.
    fn absent(&mut self, attribute: &Attribute, declared: &FieldMapping) -> Option<Lens> {
        if attribute.optional || declared.default.is_some() {
            return Some(Lens::Absent);
        }
        let message = format!(
            "`{}` is required and has no field in version {} of {}",
            attribute.name, self.major, self.mapping.system
        );
        self.find(MAPPING_VERSION, &declared.attribute.place, message);
        None
    }

    fn lens(&mut self, declared: &Declared, shape: &Shape, place: &Place) -> Option<Lens> {
        match (declared, shape) {
            (
                Declared::Plain,
                Shape::String { .. }
                | Shape::Text
                | Shape::Integer
                | Shape::Decimal
                | Shape::Boolean
                | Shape::Enum { .. }
                | Shape::Timestamp
                | Shape::Date
                | Shape::Duration,
            ) => Some(Lens::Plain),
            (Declared::Text { lang }, Shape::String { .. } | Shape::Text) => {
                self.languages.push(Spanned::new(lang.clone(), place.clone()));
                Some(Lens::Plain)
            }
            (Declared::Const(value), shape) => {
                self.canonical(shape, value, place);
                Some(Lens::Const(value.clone()))
            }
            (Declared::Code { set, by }, Shape::Code { set: wanted }) if set.value == wanted.value => {
                Some(Lens::Code { codes: self.codes(set)?, by: *by })
            }
            (Declared::Ref { object, key }, Shape::Ref { object: wanted }) if object.value == wanted.value => {
                self.target(object, key.as_ref()).map(Lens::Ref)
            }
            (Declared::Record, Shape::String { .. }) => Some(Lens::Record),
            (Declared::Label, Shape::String { .. } | Shape::Text) => Some(Lens::Label),
            (Declared::Site, Shape::String { .. }) => Some(Lens::Site),
            (Declared::Enum(words), Shape::Enum { values }) => Some(self.words(words, values)),
            (Declared::Duration(unit), Shape::Duration) => Some(Lens::Duration(*unit)),
            (Declared::Quantity(unit), Shape::Quantity { .. }) => self.unit(unit, shape).map(Lens::Quantity),
            (Declared::Money { currency }, Shape::Money) => self.currency(currency, place).map(Lens::Money),
            (Declared::Many(element), Shape::List(of)) => self.many(element, of, place),
            (Declared::Only(element), shape) => Some(Lens::Only(Box::new(self.element(element, shape, place)?))),
            (Declared::First(element), shape) => Some(Lens::First(Box::new(self.element(element, shape, place)?))),
            (Declared::Group(members), Shape::Group(attributes)) => {
                Some(Lens::Group(self.fields(attributes, members, place, "…")))
            }
            (Declared::Expression(text), shape) if is_scalar(shape) => self.expression(text),
            _ => {
                let message = format!("{} does not make {}", lens_word(declared), shape_word(shape));
                self.find(MAPPING_LENS, place, message);
                None
            }
        }
    }

    fn many(&mut self, element: &Declared, of: &Shape, place: &Place) -> Option<Lens> {
        let lens = self.element(element, of, place)?;
        Some(Lens::Many(Box::new(lens), Box::new(of.clone())))
    }

    fn element(&mut self, element: &Declared, of: &Shape, place: &Place) -> Option<Lens> {
        if matches!(element, Declared::Const(_) | Declared::Expression(_) | Declared::Record) {
            self.find(MAPPING_LENS, place, format!("{} does not make the elements of a list", lens_word(element)));
            return None;
        }
        self.lens(element, of, place)
    }

    /// The lines of a list, whose fields are those of records of their own.
    fn lines(&mut self, declared: &DeclaredLines, at: &str, attribute: &Attribute, place: &Place) -> Option<Lens> {
        let attributes = match &attribute.shape {
            Shape::List(of) => match of.as_ref() {
                Shape::Group(attributes) => attributes,
                _ => return self.no_lines(attribute, place),
            },
            _ => return self.no_lines(attribute, place),
        };
        let outer = self.prefix.clone();
        self.prefix = format!("{outer}{at}.");
        let members = self.fields(attributes, &declared.fields, place, &format!("{}/", attribute.name));
        self.prefix = outer;
        for name in &declared.key {
            if !declared.fields.iter().any(|field| field.attribute.value == name.value) {
                let message = format!("lines are known again by `{name}`, which they do not carry");
                self.find(MAPPING_ATTRIBUTE, &name.place, message);
            }
        }
        let key = declared.key.iter().map(|name| name.value.clone()).collect();
        let only = lens::allowed(&declared.only);
        Some(Lens::Lines(Box::new(Lines { attributes: attributes.clone(), members, key, only })))
    }

    fn no_lines(&mut self, attribute: &Attribute, place: &Place) -> Option<Lens> {
        let message =
            format!("lines make a list of groups, and `{}` is {}", attribute.name, shape_word(&attribute.shape));
        self.find(MAPPING_LENS, place, message);
        None
    }

    fn code_set(&mut self, set: &Spanned<CodeSetName>) -> Option<&'a CodeSet> {
        let found = self.fabric.code_sets.get(&set.value);
        if found.is_none() {
            self.find(MAPPING_CODES, &set.place, format!("the code set `{set}` is not declared"));
        }
        found
    }

    fn codes(&mut self, set: &Spanned<CodeSetName>) -> Option<Codes> {
        self.code_set(set).map(|found| Codes::new(found, &self.mapping.system.value))
    }

    fn words(&mut self, words: &[(Spanned<String>, Spanned<String>)], values: &[Spanned<String>]) -> Lens {
        let mut table: Vec<(String, String)> = Vec::new();
        for (theirs, ours) in words {
            if !values.contains(ours) {
                let message = format!("`{ours}` is none of the attribute's words");
                self.find(MAPPING_LENS, &ours.place, message);
            }
            if table.iter().any(|(word, _)| *word == theirs.value) {
                self.find(MAPPING_LENS, &theirs.place, format!("`{theirs}` is mapped twice"));
            }
            table.push((theirs.value.clone(), ours.value.clone()));
        }
        let flags = table.iter().map(|(theirs, ours)| Some((theirs.parse().ok()?, ours.clone())));
        match flags.collect::<Option<Vec<(bool, String)>>>() {
            Some(flags) if !flags.is_empty() => Lens::Flag(flags),
            _ => Lens::Enum(table),
        }
    }

    fn unit(&mut self, source: &UnitSource, shape: &Shape) -> Option<UnitFrom> {
        match source {
            UnitSource::Fixed(code) => {
                let unit = self.ucum(&code.value, &code.place)?;
                if let Shape::Quantity { dimension: Some(dimension) } = shape
                    && !quantity::measures(&unit, *dimension)
                {
                    self.find(MAPPING_CODES, &code.place, format!("`{code}` is no unit of {dimension}"));
                }
                Some(UnitFrom::Fixed(unit))
            }
            UnitSource::Field { at, set, by } => {
                let found = self.code_set(set)?;
                for entry in &found.codes {
                    self.ucum(&entry.code.value, &entry.code.place);
                }
                let at = self.versioned(at, &set.place)?;
                Some(UnitFrom::Field { at, codes: Codes::new(found, &self.mapping.system.value), by: *by })
            }
        }
    }

    fn ucum(&mut self, code: &str, place: &Place) -> Option<Unit> {
        let parsed = code.parse();
        if let Err(error) = &parsed {
            self.find(MAPPING_CODES, place, format!("{error}, so that quantities cannot have it"));
        }
        parsed.ok()
    }

    fn versioned(&mut self, at: &[(VersionRange, Spanned<String>)], place: &Place) -> Option<Spot> {
        let found = at.iter().find(|(range, _)| range.contains(self.major));
        let found = found.map(|(_, field)| Spot::new(&self.prefix, &field.value));
        if found.is_none() {
            let message = format!("the unit has no field in version {} of {}", self.major, self.mapping.system);
            self.find(MAPPING_VERSION, place, message);
        }
        found
    }

    fn currency(&mut self, source: &CurrencySource, place: &Place) -> Option<CurrencyFrom> {
        match source {
            CurrencySource::Fixed(code) if is_currency(code) => Some(CurrencyFrom::Fixed(code.clone())),
            CurrencySource::Fixed(code) => {
                self.find(MAPPING_LENS, place, format!("`{code}` is no ISO 4217 code"));
                None
            }
            CurrencySource::Field { at, new } => {
                Some(CurrencyFrom::Field { at: Spot::new(&self.prefix, &at.value), new: new.clone() })
            }
        }
    }

    /// How the other object's records are named: by the one attribute of its identity, as this system maps it.
    fn target(&mut self, object: &Spanned<ObjectName>, key: Option<&Spanned<AttributeName>>) -> Option<Target> {
        let system = &self.mapping.system.value;
        let candidates = self.fabric.mappings.values().filter(|other| {
            other.object.value.name == object.value
                && &other.system.value == system
                && other.versions.contains(self.major)
        });
        let Some(other) = candidates.max_by_key(|other| other.object.value.major) else {
            let message = format!(
                "`{object}` has no mapping to {system} {}, so that nothing can be told of its records",
                self.major
            );
            self.find(MAPPING_REFERENCE, &object.place, message);
            return None;
        };
        let declared = self.fabric.objects.get(&other.object.value)?;
        let name = match (key, declared.identity.as_slice()) {
            (Some(key), _) => key,
            (None, [identity]) => identity,
            (None, _) => {
                let message = format!("`{object}` is identified by several attributes; a reference takes one");
                let finding = Finding::error(MAPPING_REFERENCE, &object.place, message);
                self.findings.push(finding.fix("say which with `key: <attribute>`"));
                return None;
            }
        };
        let Some(named) = other.fields.iter().find(|field| field.attribute.value == name.value) else {
            let message = format!("`{}` does not carry `{name}` of `{object}`", other.name);
            self.find(MAPPING_REFERENCE, &name.place, message);
            return None;
        };
        Some(match key {
            _ if named.lens == Declared::Record => Target::Record,
            Some(key) if !declared.identity.iter().map(|name| &name.value).eq([&key.value]) => {
                Target::Attribute(object.value.clone(), key.value.clone())
            }
            _ => Target::Key(object.value.clone()),
        })
    }

    fn expression(&mut self, text: &Spanned<String>) -> Option<Lens> {
        match Expression::parse(&text.value) {
            Ok(expression) => Some(Lens::Expression(Arc::new(expression))),
            Err(error) => {
                self.find(MAPPING_EXPRESSION, &text.place, error);
                None
            }
        }
    }

    fn canonical(&mut self, shape: &Shape, value: &Value, place: &Place) {
        let mut checker = Checker::new(self.fabric, false);
        checker.value(shape, "", value);
        for error in checker.errors {
            self.find(MAPPING_LENS, place, error.detail);
        }
    }

    fn overlaps(&mut self, fields: &[Field]) {
        for (attribute, message) in overlap::overlaps(fields) {
            let declared = self.mapping.fields.iter().find(|declared| declared.attribute.value == attribute);
            let place = declared.map_or(&self.mapping.place, |declared| &declared.attribute.place);
            self.findings
                .push(Finding::error(MAPPING_OVERLAP, place, message).fix("make one of them `direction: read`"));
        }
    }

    /// A record is read in one language.
    fn one_language(&mut self) {
        let Some((first, others)) = self.languages.split_first() else { return };
        let other = others.iter().find(|other| other.value != first.value);
        if let Some(other) = other.cloned() {
            let message = format!("a record is read in one language: `{first}` stands above, `{other}` here");
            self.find(MAPPING_LENS, &other.place, message);
        }
    }
}
