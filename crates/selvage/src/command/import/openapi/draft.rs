//! What is drafted, as data: objects with their attributes, code sets. How it is written stands beside.

/// A draft of an object.
pub(super) struct ObjectDraft {
    pub(super) name: String,
    pub(super) description: Option<String>,
    /// Where its schema stands in the contract.
    pub(super) pointer: String,
    /// The attributes that make the business key; none where the contract does not tell.
    pub(super) identity: Option<String>,
    pub(super) attributes: Vec<AttributeDraft>,
}

/// A draft of an attribute.
pub(super) struct AttributeDraft {
    pub(super) name: String,
    /// What the contract calls it.
    pub(super) at: String,
    pub(super) shape: ShapeDraft,
    pub(super) optional: bool,
    pub(super) read_only: bool,
    pub(super) description: Option<String>,
}

/// What its values are.
pub(super) enum ShapeDraft {
    String {
        max: Option<u64>,
    },
    Text,
    Integer,
    Decimal,
    Boolean,
    Enum(Vec<String>),
    /// A code of this set.
    Code(String),
    /// Another object.
    Ref(String),
    Quantity {
        dimension: Option<&'static str>,
        unit: Unit,
    },
    Money(Currency),
    Timestamp,
    Date,
    /// A text of ISO 8601, or a number of these.
    Duration(Option<&'static str>),
    List(Box<ShapeDraft>),
    Group(Vec<AttributeDraft>),
}

/// Where the unit of a quantity is said.
pub(super) enum Unit {
    /// In the name.
    Fixed(&'static str),
    /// In a member beside it, in words of this code set.
    Beside { member: String, set: String },
    /// In the value.
    Inside { member: String, set: String },
}

/// Where the currency of an amount is said.
pub(super) enum Currency {
    /// In a member beside it.
    Beside(String),
    /// In the value.
    Inside(String),
}

/// A draft of a code set.
pub(super) struct CodeSetDraft {
    pub(super) name: String,
    pub(super) codes: Vec<CodeDraft>,
    /// The contract's words for them, where they are others: theirs and ours.
    pub(super) words: Vec<(String, String)>,
}

/// One code.
pub(super) struct CodeDraft {
    pub(super) code: String,
    pub(super) name: Option<&'static str>,
    pub(super) dimension: Option<&'static str>,
}
