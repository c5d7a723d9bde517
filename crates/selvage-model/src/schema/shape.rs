//! The words in which manifests are described: shapes, records, fields. Data only.

use super::format::Format;

/// What a value may be.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A scalar of this format.
    Text(Format),
    /// A list; `true` where it may not be empty.
    List(&'static Shape, bool),
    /// A map with keys of this format.
    Map(Format, &'static Shape),
    /// A map with named fields.
    Record(&'static Record),
    /// Any JSON value.
    Any,
    /// A scalar of the one or else the other: a list or a map.
    Either(Format, &'static Shape),
    /// A map whose field `type` is a scalar is the first, any other the second.
    Typed(&'static Shape, &'static Shape),
}

/// A map with named fields.
#[derive(Debug)]
pub(crate) struct Record {
    /// Its name in schemas, and in messages after "a" or "an".
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) about: &'static str,
    /// Its fields.
    pub(crate) fields: &'static [Field],
    /// Further fields, by the word in one of them.
    pub(crate) variants: Option<&'static Variants>,
    /// Exactly one of these fields is given.
    pub(crate) one_of: &'static [&'static str],
    /// What any other key is; nothing where there are no others.
    pub(crate) rest: Option<(Format, &'static Shape)>,
}

/// Fields that a record has by the word in one of its fields.
#[derive(Debug)]
pub(crate) struct Variants {
    /// The field that decides.
    pub(crate) tag: &'static str,
    /// Word and fields.
    pub(crate) cases: &'static [(&'static str, &'static [Field])],
}

/// A field.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    /// What it says, for people and editors.
    pub(crate) about: &'static str,
}

/// A field that must be given.
pub(crate) const fn required(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, required: true, about }
}

/// A field that may be given.
pub(crate) const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, required: false, about }
}

/// A record with these fields and nothing else.
pub(crate) const fn record(name: &'static str, about: &'static str, fields: &'static [Field]) -> Record {
    Record { name, about, fields, variants: None, one_of: &[], rest: None }
}

impl Record {
    /// The same with further fields by the word in one.
    pub(crate) const fn with_variants(self, variants: &'static Variants) -> Self {
        Self { variants: Some(variants), ..self }
    }

    /// The same, with exactly one of these fields.
    pub(crate) const fn with_one_of(self, names: &'static [&'static str]) -> Self {
        Self { one_of: names, ..self }
    }

    /// The same, with any other keys.
    pub(crate) const fn with_rest(self, keys: Format, shape: &'static Shape) -> Self {
        Self { rest: Some((keys, shape)), ..self }
    }

    /// The fields of this case.
    pub(crate) fn case(&self, word: &str) -> &'static [Field] {
        let cases = self.variants.map_or(&[][..], |variants| variants.cases);
        cases.iter().find(|(case, _)| *case == word).map_or(&[], |(_, fields)| fields)
    }

    /// Every field of the record, of any case; a name may stand more than once.
    pub(crate) fn all_fields(&self) -> impl Iterator<Item = &'static Field> {
        let cases = self.variants.map_or(&[][..], |variants| variants.cases);
        self.fields.iter().chain(cases.iter().flat_map(|(_, fields)| fields.iter()))
    }
}
