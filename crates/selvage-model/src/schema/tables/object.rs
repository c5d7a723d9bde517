//! Object and CodeSet.

use super::{BOOLEAN, Format, NAME, Record, Shape, TEXT, VERSION};
use crate::manifest::compatibility::CompatibilityPromise;
use crate::schema::shape::{Field, Variants, optional, record, required};

pub(crate) const DIMENSIONS: &[&str] = &["count", "mass", "length", "area", "volume", "time", "temperature", "energy"];

/// What is promised of later states.
pub(crate) const COMPATIBILITY: Shape = Shape::Text(Format::Words(&CompatibilityPromise::WORDS));

pub(crate) static OBJECT: Record = record(
    "Object",
    "A canonical business object.",
    &[
        required("name", NAME, "Its name."),
        required("version", VERSION, "Its version, as `1.0`: the major number changes when something breaks."),
        required("owner", NAME, "The team that owns it."),
        optional("description", TEXT, "What it is, for people."),
        required(
            "identity",
            Shape::List(&Shape::Text(Format::Attribute), true),
            "The attributes that make the business key.",
        ),
        required("attributes", Shape::Map(Format::Attribute, &ONE_ATTRIBUTE), "Its attributes by name."),
        optional(
            "authority",
            Shape::List(&Shape::Record(&AUTHORITY), false),
            "Which system may change which attributes.",
        ),
        optional("stewards", NAME, "The team that resolves data exceptions."),
        optional(
            "compatibility",
            COMPATIBILITY,
            "What it promises of its later states, as `full-transitive`. Default: nothing.",
        ),
    ],
);

static ONE_ATTRIBUTE: Shape = Shape::Record(&ATTRIBUTE);

pub(crate) static ATTRIBUTE: Record = record(
    "Attribute",
    "An attribute of an object.",
    &[
        TYPE,
        optional("optional", BOOLEAN, "May be absent (`null`). Default: false."),
        optional("read_only", BOOLEAN, "Set by systems and verbs only, never taken from a create. Default: false."),
        optional(
            "class",
            NAME,
            "The class of data of its values, as `personal`: whoever's grant does not see the class is shown `null`.",
        ),
        optional("description", TEXT, "What it is, for people."),
    ],
)
.with_variants(&TYPES);

/// What the elements of a list are: a type as an attribute's, or attributes, which make a group.
pub(crate) static ELEMENT: Record = record("Element", "The elements of a list.", &[TYPE]).with_variants(&TYPES);

const TYPE: Field = required("type", Shape::Text(Format::Words(TYPE_WORDS)), "What its values are.");

const TYPE_WORDS: &[&str] = &[
    "string",
    "text",
    "integer",
    "decimal",
    "boolean",
    "enum",
    "code",
    "ref",
    "quantity",
    "money",
    "timestamp",
    "date",
    "duration",
    "list",
    "group",
];

static TYPES: Variants = Variants {
    tag: "type",
    cases: &[
        ("string", &[optional("max", Shape::Text(Format::Integer(1, 1_000_000)), "Most characters.")]),
        ("text", &[]),
        ("integer", &[]),
        ("decimal", &[]),
        ("boolean", &[]),
        ("enum", &[required("values", Shape::List(&TEXT, true), "The words.")]),
        ("code", &[required("set", NAME, "The code set.")]),
        ("ref", &[required("object", NAME, "The object, in any version.")]),
        (
            "quantity",
            &[optional("dimension", Shape::Text(Format::Words(DIMENSIONS)), "What is measured; any where not said.")],
        ),
        ("money", &[]),
        ("timestamp", &[]),
        ("date", &[]),
        ("duration", &[]),
        (
            "list",
            &[required(
                "of",
                Shape::Typed(&Shape::Record(&ELEMENT), &Shape::Map(Format::Attribute, &ONE_ATTRIBUTE)),
                "What its elements are: a type, or the attributes of a group.",
            )],
        ),
        (
            "group",
            &[required("attributes", Shape::Map(Format::Attribute, &ONE_ATTRIBUTE), "The attributes of the group.")],
        ),
    ],
};

pub(crate) static AUTHORITY: Record = record(
    "Authority",
    "A system of record.",
    &[
        required(
            "attributes",
            Shape::Either(Format::Words(&["*"]), &Shape::List(&Shape::Text(Format::Attribute), true)),
            "The attributes; `\"*\"` for all.",
        ),
        required("record", NAME, "The system, or with `per: site` the role that a site binds."),
        optional("per", Shape::Text(Format::Words(&["site"])), "`site`: `record` is a role that each site binds."),
        optional("while", TEXT, "A CEL condition on the object's state."),
    ],
);

pub(crate) static CODE_SET: Record = record(
    "CodeSet",
    "Codes, and each system's words for them.",
    &[
        required("name", NAME, "Its name."),
        optional("standard", TEXT, "The standard it follows, as `ucum`."),
        required("codes", Shape::List(&Shape::Record(&CODE), true), "The codes."),
        optional(
            "systems",
            Shape::Map(Format::Name, &Shape::Map(Format::Text, &TEXT)),
            "Each system's own word and our code, as `odoo: {Units: \"1\"}`.",
        ),
        optional(
            "on_unmatched",
            Shape::Text(Format::Words(&["park", "reject", "pass"])),
            "What becomes of a word that none of these is. Default: park.",
        ),
    ],
);

pub(crate) static CODE: Record = record(
    "Code",
    "One code.",
    &[
        required("code", TEXT, "The code."),
        optional("name", TEXT, "Its name for people."),
        optional("dimension", Shape::Text(Format::Words(DIMENSIONS)), "What it measures, for units."),
    ],
);
