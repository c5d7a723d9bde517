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
            "Which records are objects: each field has this value, or one of these. Dots follow links.",
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
pub(crate) const LENSES: &[&str] =
    &["lang", "const", "code", "ref", "record", "label", "site", "enum", "quantity", "money", "many", "group", "read"];

macro_rules! with_lenses {
    ($($field:expr),*) => {
        &[
            $($field,)*
            optional("lang", TEXT, "Translated text in this language, as `en_US`."),
            optional("code", NAME, "Through this code set."),
            BY_FIELD,
            optional("ref", NAME, "A link to a record of this object, shown as its business key."),
            optional("record", BOOLEAN, "The record's own id, shown as `<system>-<id>`; only read."),
            optional("label", BOOLEAN, "The label beside a link's id; only read, never an identity."),
            optional("site", BOOLEAN, "The record's company, shown as the site that is bound to it."),
            optional("enum", Shape::Map(Format::Text, &TEXT), "Word for word: theirs and ours."),
            optional("quantity", Shape::Either(Format::Text, &Shape::Record(&QUANTITY)), "A number with this unit (UCUM), or the unit of another field."),
            optional("money", Shape::Record(&MONEY), "A number with a currency."),
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
        optional("default", Shape::Any, "The canonical value where the record has none."),
        optional(
            "direction",
            Shape::Text(Format::Words(&["both", "read", "write"])),
            "Which ways it goes. Default: both; read for `record`, `label` and `read`."
        ),
        optional("const", Shape::Any, "The same canonical value for every record."),
        optional("many", Shape::Record(&LENS), "Each element of a list of values, through this lens."),
        optional("group", Shape::Map(Format::Attribute, &ONE_FIELD), "Several fields as one group."),
        optional("read", TEXT, "A CEL expression over `record`; only read.")
    ),
);

pub(crate) static LENS: Record = record("Lens", "How each element of a list is translated.", with_lenses!());

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
        optional("currency", Shape::Text(Format::Currency), "Always this one, by its ISO 4217 code."),
        optional("currency_at", TEXT, "The field of the currency: the label of its link is the code."),
    ],
)
.with_one_of(&["currency", "currency_at"]);

pub(crate) static EXAMPLE: Record = record(
    "Example",
    "Both sides of one record.",
    &[
        required("local", Shape::Any, "The record as the system gives it."),
        required("canonical", Shape::Any, "The object."),
        optional("version", SOME, "The system's major version. Default: the newest of the mapping's range."),
        optional(
            "links",
            Shape::Map(Format::Text, &TEXT),
            "What looking up each link answers, by the record's field: external id, business key or site.",
        ),
    ],
);
