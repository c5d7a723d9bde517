//! What extends a manifest of a pack. Its parts are checked with the whole that they become.

use super::{Format, NAME, OBJECT_REF, Record, Shape};
use crate::manifest::kind::Kind;
use crate::schema::shape::{optional, record, required};

/// The record of a document of this kind that extends another; none where nothing of this kind can be extended.
pub(crate) fn of(kind: Kind) -> Option<&'static Record> {
    match kind {
        Kind::Mapping => Some(&MAPPING),
        Kind::Object => Some(&OBJECT),
        Kind::CodeSet => Some(&CODE_SET),
        _ => None,
    }
}

const PARTS: Shape = Shape::Map(Format::Attribute, &Shape::Any);

static MAPPING: Record = record(
    "MappingExtension",
    "What differs from a mapping of a pack.",
    &[
        required("extends", NAME, "The mapping of the pack; this one has its name."),
        optional("fields", PARTS, "Fields that are other than in the pack, by attribute; `null` removes one."),
        optional("versions", Shape::Any, "The system's major versions it is for, instead of the pack's."),
        optional("record", Shape::Any, "What the system calls the record, instead of the pack's."),
        optional("only", Shape::Any, "Which records are objects, instead of the pack's."),
        optional("examples", Shape::Any, "Examples, instead of the pack's."),
        optional("unverified", Shape::Any, "Whether it was never tried, instead of the pack's."),
    ],
);

static OBJECT: Record = record(
    "ObjectExtension",
    "What differs from an object of a pack.",
    &[
        required("extends", OBJECT_REF, "The object of the pack, as `product@1`; this one has its name and version."),
        optional("attributes", PARTS, "New attributes, and parts of attributes that are other than in the pack."),
        optional("owner", Shape::Any, "The team that owns it, instead of the pack's."),
        optional("stewards", Shape::Any, "The team that resolves data exceptions, instead of the pack's."),
        optional("description", Shape::Any, "What it is, instead of the pack's."),
        optional("authority", Shape::Any, "Which system may change which attributes, instead of the pack's."),
    ],
);

static CODE_SET: Record = record(
    "CodeSetExtension",
    "What differs from a code set of a pack.",
    &[
        required("extends", NAME, "The code set of the pack; this one has its name."),
        optional(
            "codes",
            Shape::List(&Shape::Any, false),
            "Codes besides the pack's, or instead of those of the same code.",
        ),
        optional(
            "systems",
            Shape::Map(Format::Name, &Shape::Map(Format::Text, &Shape::Any)),
            "Words besides the pack's, or other codes for them; `null` removes one.",
        ),
        optional("on_unmatched", Shape::Any, "What becomes of a word that none of these is, instead of the pack's."),
    ],
);
