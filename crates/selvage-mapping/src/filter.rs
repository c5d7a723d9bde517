//! An equality on an attribute, said in the system's own terms. It selects exactly the records whose attribute has
//! the value, or the mapping refuses to make it.

use selvage_model::name::SiteName;
use serde_json::Value;

use crate::link::LinkQuery;

/// Which records have the value.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Those whose field has this value; `false` where the field is empty.
    Equals {
        /// The record's field.
        field: String,
        /// The value as the record has it; a plain id for a link.
        value: Value,
    },
    /// Those whose field has one of these values (several of the system's words may be one of ours).
    OneOf {
        /// The record's field.
        field: String,
        /// The values as the record has them.
        values: Vec<Value>,
    },
    /// Those that link to the record that this look-up finds; none where it finds none.
    Link {
        /// The record's field.
        field: String,
        /// The look-up.
        query: LinkQuery,
    },
    /// This record.
    Id(i64),
    /// Those of this site's company.
    Company(SiteName),
    /// None.
    Nothing,
    /// All.
    Everything,
}
