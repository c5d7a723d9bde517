//! Mapping: fields and their lenses.

use super::{BOOLEAN, Format, NAME, OBJECT_REF, Record, SOME, Shape, TEXT};
use crate::schema::shape::{Field, optional, record, required};

pub(crate) static MAPPING: Record = record(
    "Mapping",
    "The two-way translation between a system's records and an object.",
    &[
        required("name", NAME, "Its name."),
        required("object", OBJECT_REF, "The object, as `product@1`."),
        required("system", NAME, "The system."),
        required("record", TEXT, "What the system calls the record, as `product.product`."),
        optional("versions", Shape::Text(Format::VersionRange), "The system's major versions it is for. Default: any."),
        optional(
            "only",
            Shape::Map(Format::Text, &Shape::Any),
            "Which records are objects: each field has this value, one of these, or is `{at_least: 1}`. Dots follow links.",
        ),
        required("fields", Shape::Map(Format::Attribute, &ONE_FIELD), "A field for each attribute."),
        optional(
            "examples",
            Shape::List(&Shape::Record(&EXAMPLE), false),
            "Both sides of some records: they are tests.",
        ),
        optional("unverified", BOOLEAN, "Not yet tried against a real system. Default: false."),
    ],
);

static ONE_FIELD: Shape = Shape::Record(&FIELD);
const AT: Shape = Shape::Either(Format::Text, &Shape::Map(Format::VersionRange, &TEXT));
const BY: Shape = Shape::Text(Format::Words(&["value", "external-id", "label"]));

/// The fields that choose a lens; at most one stands in a field.
pub(crate) const LENSES: &[&str] = &[
    "lang", "const", "code", "ref", "record", "label", "site", "enum", "quantity", "money", "duration", "many", "only",
    "first", "lines", "group", "read",
];

macro_rules! with_lenses {
    ($($field:expr),*) => {
        &[
            $($field,)*
            optional("lang", TEXT, "Translated text in this language, as `en_US`."),
            optional("code", NAME, "Through this code set."),
            BY_FIELD,
            optional("ref", NAME, "A link to a record of this object, shown as its business key."),
            optional("key", Shape::Text(Format::Attribute), "The attribute of that object which names it here. Default: its business key."),
            optional("record", BOOLEAN, "The record's own id, shown as `<system>-<id>`; only read."),
            optional("label", BOOLEAN, "The label beside a link's id; only read, never an identity."),
            optional("site", BOOLEAN, "The record's company, shown as the site that is bound to it."),
            optional("enum", Shape::Map(Format::Text, &TEXT), "Word for word: theirs and ours; `true` and `false` are a yes and a no."),
            optional("quantity", Shape::Either(Format::Text, &Shape::Record(&QUANTITY)), "A number with this unit (UCUM), or the unit of another field."),
            optional("money", Shape::Record(&MONEY), "A number with a currency."),
            optional("duration", Shape::Text(Format::Words(&["days", "hours", "minutes", "seconds"])), "A number of these, shown as an ISO 8601 duration."),
        ]
    };
}

const BY_FIELD: Field = optional("by", BY, "What of the field is looked up in the code set. Default: value.");

pub(crate) static FIELD: Record = record(
    "Field",
    "How one attribute stands in the record.",
    with_lenses!(
        optional(
            "at",
            AT,
            "The record's field, or a field for each range of versions, as `{\"<=18\": a, \">=19\": b}`."
        ),
        optional(
            "or",
            Shape::Either(Format::Text, &Shape::List(&TEXT, true)),
            "A field, or several, read in this order where `at` has nothing; then it is only read."
        ),
        optional("default", Shape::Any, "The canonical value where the record has none."),
        optional(
            "direction",
            Shape::Text(Format::Words(&["both", "read", "write"])),
            "Which ways it goes. Default: both; read for `or`, `record`, `label`, `first` and `read`."
        ),
        optional("const", Shape::Any, "The same canonical value for every record."),
        optional("many", Shape::Record(&LENS), "Each element of a list of values, through this lens."),
        optional(
            "only",
            Shape::Record(&LENS),
            "The one element of a list, through this lens; nothing where there are several."
        ),
        optional("first", Shape::Record(&LENS), "The first element of a list, through this lens; only read."),
        optional("lines", Shape::Record(&LINES), "The records in a list of the record: each is a group of the list."),
        optional("group", Shape::Map(Format::Attribute, &ONE_FIELD), "Several fields as one group."),
        optional("read", TEXT, "A CEL expression over `record`; only read.")
    ),
);

pub(crate) static LENS: Record = record("Lens", "How each element of a list is translated.", with_lenses!());

pub(crate) static LINES: Record = record(
    "Lines",
    "How the lines of a record are the groups of a list.",
    &[
        optional("record", TEXT, "What the system calls the lines, as `mrp.bom.line`, for people."),
        optional(
            "key",
            Shape::List(&Shape::Text(Format::Attribute), true),
            "The attributes by which a line is known again. Default: by its place in the list.",
        ),
        optional(
            "only",
            Shape::Map(Format::Text, &Shape::Any),
            "Which lines are told: each field has this value, one of these, or is `{at_least: 1}`; others stay as they are.",
        ),
        required("fields", Shape::Map(Format::Attribute, &ONE_FIELD), "A field for each attribute of the group."),
    ],
);

pub(crate) static QUANTITY: Record = record(
    "UnitOfQuantity",
    "The unit of a quantity, from another field of the record.",
    &[
        required("unit", AT, "The field of the unit, or a field for each range of versions."),
        required("code", NAME, "The code set of units."),
        BY_FIELD,
    ],
);

pub(crate) static MONEY: Record = record(
    "CurrencyOfMoney",
    "The currency of an amount.",
    &[
        optional(
            "currency",
            Shape::Text(Format::Currency),
            "Always this one, by its ISO 4217 code; with `currency_at`, the one that new records have.",
        ),
        optional("currency_at", TEXT, "The field of the currency: the label of its link is the code."),
    ],
);

pub(crate) static EXAMPLE: Record = record(
    "Example",
    "Both sides of one record.",
    &[
        required("local", Shape::Any, "The record as the system gives it."),
        required("canonical", Shape::Any, "The object."),
        optional("version", SOME, "The system's major version. Default: the newest of the mapping's range."),
        optional(
            "links",
            Shape::Map(Format::Text, &Shape::Either(Format::Text, &Shape::Map(Format::Integer(1, u32::MAX), &TEXT))),
            "What looking up each link answers, by the record's field, or by field and linked id: external id, business key or site.",
        ),
    ],
);
