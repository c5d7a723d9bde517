//! What a model looks like in a version: the fields that are simulated, then those that are only known from the recordings.
//! Put together once for each version; nothing here reads or changes a record.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::field::{Field, Kind};
use super::recorded::{self, Recorded};
use super::{Model, base};
use crate::odoo::OdooVersion;

/// The fields of a model in one version.
pub(super) struct Shape {
    pub(super) fields: Vec<&'static Field>,
    by_name: HashMap<&'static str, &'static Field>,
    recorded: HashMap<&'static str, &'static Recorded>,
}

type Shapes = HashMap<Model, Shape>;

static SHAPES_16: LazyLock<Shapes> = LazyLock::new(|| shapes(OdooVersion::V16));
static SHAPES_17: LazyLock<Shapes> = LazyLock::new(|| shapes(OdooVersion::V17));
static SHAPES_18: LazyLock<Shapes> = LazyLock::new(|| shapes(OdooVersion::V18));
static SHAPES_19: LazyLock<Shapes> = LazyLock::new(|| shapes(OdooVersion::V19));
static NOTHING: LazyLock<Shape> =
    LazyLock::new(|| Shape { fields: Vec::new(), by_name: HashMap::new(), recorded: HashMap::new() });

pub(super) fn of(model: Model, version: OdooVersion) -> &'static Shape {
    let shapes = match version {
        OdooVersion::V16 => &SHAPES_16,
        OdooVersion::V17 => &SHAPES_17,
        OdooVersion::V18 => &SHAPES_18,
        OdooVersion::V19 => &SHAPES_19,
    };
    shapes.get(&model).unwrap_or(&NOTHING)
}

impl Shape {
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.by_name.get(name).copied()
    }

    /// How a server described the field.
    pub(super) fn recorded(&self, name: &str) -> Option<&'static Recorded> {
        self.recorded.get(name).copied()
    }
}

fn shapes(version: OdooVersion) -> Shapes {
    Model::ALL.iter().map(|model| (*model, shape(*model, version))).collect()
}

fn shape(model: Model, version: OdooVersion) -> Shape {
    let own = || base::HEAD.iter().chain(model.info().fields).chain(&base::LOG);
    let recorded = recorded::of(model.name(), version);
    // A field of another version is not one of this version only because 18 was recorded.
    let unknown = recorded.iter().filter(|(name, _)| !own().any(|field| field.name == *name));
    let known_only: Vec<Field> =
        unknown.map(|(name, recorded)| Field::known(name, recorded, kind(model, recorded))).collect();
    let known_only: &'static [Field] = known_only.leak();
    let mut fields: Vec<&'static Field> = own().filter(|field| field.in_version(version)).chain(known_only).collect();
    // In the order in which a server tells them.
    fields.sort_by_key(|field| recorded.iter().position(|(name, _)| *name == field.name).unwrap_or(usize::MAX));
    let by_name = fields.iter().map(|field| (field.name, *field)).collect();
    let recorded = recorded.iter().map(|(name, recorded)| (*name, recorded)).collect();
    Shape { fields, by_name, recorded }
}

/// How a field that is not simulated keeps what is written to it.
fn kind(model: Model, recorded: &'static Recorded) -> Kind {
    let target = recorded.relation.and_then(Model::parse);
    match (recorded.kind, target) {
        ("boolean", _) => Kind::Bool,
        ("integer", _) => Kind::Int,
        ("float" | "monetary", _) => Kind::Float(false),
        ("date", _) => Kind::Date,
        ("datetime", _) => Kind::Datetime,
        ("selection", _) => Kind::Selection(recorded.selection),
        ("many2one_reference", _) => Kind::AnyId,
        ("many2one", Some(target)) => Kind::One(target),
        ("many2many", Some(target)) => Kind::Many(target),
        ("one2many", Some(target)) => match recorded.inverse.filter(|inverse| points_to(target, inverse, model)) {
            Some(inverse) => Kind::Children(target, inverse),
            None => Kind::Elsewhere(true),
        },
        ("many2many" | "one2many" | "properties" | "properties_definition", _) => Kind::Elsewhere(true),
        ("many2one" | "json" | "reference", _) => Kind::Elsewhere(false),
        ("char", _) => Kind::Char,
        _ => Kind::Text,
    }
}

/// Whether `target` has a many2one of that name to `model`.
fn points_to(target: Model, name: &str, model: Model) -> bool {
    let own = target.info().fields.iter().any(|field| field.name == name && field.kind == Kind::One(model));
    let recorded = recorded::of(target.name(), OdooVersion::V18).iter();
    let mut known = recorded.filter(|(known, _)| *known == name);
    own || known.any(|(_, known)| known.kind == "many2one" && known.relation == Some(model.name()))
}
