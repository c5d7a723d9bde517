//! The classes of differences between schemas. Most come by four: what is sent and what is answered, each narrowed or widened.

use crate::compare::{Area, Class, Direction, Verdict};

/// What may become of one keyword.
pub(super) struct Family {
    /// A request that was accepted may be refused.
    pub(super) narrowed_request: Class,
    /// A request that is accepted may be one that was refused.
    pub(super) widened_request: Class,
    /// An answer may be one that was never given.
    pub(super) widened_response: Class,
    /// An answer is always one that could be given before.
    pub(super) narrowed_response: Class,
}

/// A class for each way.
pub(super) struct Both {
    pub(super) request: Class,
    pub(super) response: Class,
}

macro_rules! class {
    ($element:literal, $action:literal, $way:literal, $direction:ident, $verdict:ident, $because:expr) => {
        Class {
            code: concat!("schema.", $element, ".", $action, ".", $way),
            area: Area::Schema,
            element: $element,
            action: $action,
            direction: Direction::$direction,
            verdict: Verdict::$verdict,
            because: $because,
        }
    };
}

/// Four classes, by what the narrower schema refuses.
macro_rules! family {
    ($name:ident, $element:literal, $refused:literal) => {
        pub(super) static $name: Family = Family {
            narrowed_request: class!(
                $element,
                "narrowed",
                "request",
                Request,
                Breaking,
                concat!("Requests with ", $refused, " were accepted and are refused now.")
            ),
            widened_request: class!(
                $element,
                "widened",
                "request",
                Request,
                Safe,
                concat!("Requests with ", $refused, " are accepted too; those from before still are.")
            ),
            widened_response: class!(
                $element,
                "widened",
                "response",
                Response,
                Breaking,
                concat!("Answers may come with ", $refused, ", which nobody had to expect.")
            ),
            narrowed_response: class!(
                $element,
                "narrowed",
                "response",
                Response,
                Safe,
                concat!("Answers come no longer with ", $refused, "; whoever read them reads the rest.")
            ),
        };
    };
}

/// The same where no more can be told than that it is said, or is not.
macro_rules! doubtful {
    ($name:ident, $element:literal, $what:literal) => {
        pub(super) static $name: Family = Family {
            narrowed_request: class!(
                $element,
                "narrowed",
                "request",
                Request,
                Unproven,
                concat!("It cannot be told whether all that was accepted keeps to ", $what, ".")
            ),
            widened_request: class!(
                $element,
                "removed",
                "request",
                Request,
                Safe,
                concat!("Requests need no longer keep to ", $what, ".")
            ),
            widened_response: class!(
                $element,
                "widened",
                "response",
                Response,
                Unproven,
                concat!("It cannot be told whether all answers still keep to ", $what, ".")
            ),
            narrowed_response: class!(
                $element,
                "added",
                "response",
                Response,
                Safe,
                concat!("Answers also keep to ", $what, "; whoever read them reads these.")
            ),
        };
    };
}

/// A class for each way with a verdict for each.
macro_rules! both {
    ($name:ident, $element:literal, $action:literal, $request:ident $why:literal, $response:ident $reason:literal) => {
        pub(super) static $name: Both = Both {
            request: class!($element, $action, "request", Request, $request, $why),
            response: class!($element, $action, "response", Response, $response, $reason),
        };
    };
}

macro_rules! single {
    ($name:ident, $element:literal, $action:literal, $way:literal $direction:ident, $verdict:ident, $why:literal) => {
        pub(super) static $name: Class = class!($element, $action, $way, $direction, $verdict, $why);
    };
}

family!(TYPE, "type", "values of another type");
family!(NULL, "null", "`null`");
family!(ENUM, "enum", "values that are not listed");
family!(VALUE, "value", "a value that the other list does not have");
family!(MINIMUM, "minimum", "smaller numbers");
family!(MAXIMUM, "maximum", "larger numbers");
family!(MULTIPLE_OF, "multiple-of", "numbers that are no such multiple");
family!(MIN_LENGTH, "min-length", "shorter texts");
family!(MAX_LENGTH, "max-length", "longer texts");
family!(PATTERN, "pattern", "texts that do not match");
family!(FORMAT, "format", "texts of another form");
family!(MIN_ITEMS, "min-items", "shorter lists");
family!(MAX_ITEMS, "max-items", "longer lists");
family!(UNIQUE_ITEMS, "unique-items", "lists that hold an item twice");
family!(CONTAINS, "contains", "lists without such items, or with too many");
family!(MIN_PROPERTIES, "min-properties", "objects of fewer members");
family!(MAX_PROPERTIES, "max-properties", "objects of more members");
family!(REQUIRED, "required", "objects that lack the member");
family!(ADDITIONAL_PROPERTIES, "additional-properties", "members that are not declared");
family!(DEPENDENT_REQUIRED, "dependent-required", "one member without the other");
doubtful!(PATTERN_PROPERTIES, "pattern-properties", "what members whose names match must be");
doubtful!(PROPERTY_NAMES, "property-names", "what names must be");
doubtful!(DEPENDENT_SCHEMAS, "dependent-schemas", "what holds where a member is there");
doubtful!(ANY_OF, "any-of", "one of the alternatives");
doubtful!(ONE_OF, "one-of", "exactly one of the alternatives");
doubtful!(NOT, "not", "what must not be");
doubtful!(IF, "if", "a condition");
doubtful!(UNEVALUATED_PROPERTIES, "unevaluated-properties", "what nothing else speaks of");
doubtful!(UNEVALUATED_ITEMS, "unevaluated-items", "what holds of items that nothing else speaks of");
doubtful!(REFERENCE, "reference", "what a reference names that leads nowhere within the document");
doubtful!(KEYWORD, "keyword", "a keyword that cannot be read");
family!(ALTERNATIVE, "alternative", "values that only this alternative fits");

both!(PATTERN_CHANGED, "pattern", "changed",
    Unproven "It cannot be told whether texts that matched the one match the other.",
    Unproven "It cannot be told whether texts that match the one matched the other.");
both!(FORMAT_CHANGED, "format", "changed",
    Breaking "Texts of the old form are refused where they are not of the new one.",
    Breaking "Texts of the new form come where the old one was expected.");
both!(CONST_CHANGED, "const", "changed",
    Breaking "The only value that was accepted is refused now.",
    Breaking "Another value comes than the only one that came.");
both!(DEFAULT_CHANGED, "default", "changed",
    Unproven "Whoever leaves the member out may get something else than before.",
    Safe "An answer says what it holds; what would be taken without it does not matter.");
both!(CONTENT_CHANGED, "content", "changed",
    Unproven "Texts that carry something else, encoded otherwise, may not be understood.",
    Unproven "Texts may carry something else, or carry it encoded otherwise.");
both!(XML_CHANGED, "xml", "changed",
    Unproven "The same value is written otherwise in XML.",
    Unproven "The same value is written otherwise in XML.");
both!(DISCRIMINATOR_ADDED, "discriminator", "added",
    Safe "What fits is as before; a member only says sooner which alternative is meant.",
    Safe "What comes is as before; a member only says sooner which alternative is meant.");
both!(DISCRIMINATOR_REMOVED, "discriminator", "removed",
    Unproven "Whoever sends by the discriminator may no longer be understood.",
    Unproven "Whoever tells alternatives apart by the discriminator can no longer rely on it.");
both!(DISCRIMINATOR_CHANGED, "discriminator", "changed",
    Unproven "Another member says which alternative is meant.",
    Unproven "Another member says which alternative is meant.");
both!(MAPPING_CHANGED, "discriminator-mapping", "changed",
    Unproven "A name of the discriminator is gone or stands for another alternative.",
    Unproven "A name of the discriminator is gone or stands for another alternative.");
both!(MAPPING_ADDED, "discriminator-mapping", "added",
    Safe "One more name of the discriminator is understood.",
    Unproven "A name of the discriminator may come that nobody had to know.");
both!(EXTENSIBLE_REMOVED, "extensible-enum", "removed",
    Breaking "A value that was understood is not any longer.",
    Safe "The list was open: whoever reads it had to expect any value.");
both!(EXTENSIBLE_ADDED, "extensible-enum", "added",
    Safe "One more value is understood.",
    Safe "The list is open: whoever reads it had to expect any value.");
both!(EXTENSIBLE_CHANGED, "extensible-enum", "changed",
    Unproven "Whether other values are understood than those that are listed is said now, or is not said any longer.",
    Unproven "Whether other values may come than those that are listed is said now, or is not said any longer.");
both!(SUBTYPE_CHANGED, "discriminator-schema", "changed",
    Unproven "A schema that the discriminator leads to is another one.",
    Unproven "A schema that the discriminator leads to is another one.");
both!(OTHER, "other", "changed",
    Unproven "No class names the word, and so not what it means.",
    Unproven "No class names the word, and so not what it means.");
both!(CLASS_CHANGED, "class", "changed",
    Unproven "Who may send the member may be others than before.",
    Unproven "Who sees the member as it is may be others than before.");
both!(DEPRECATED, "deprecated", "added",
    Safe "It is still accepted.",
    Safe "It still comes.");
both!(UNDEPRECATED, "deprecated", "removed",
    Safe "It stays.",
    Safe "It stays.");
both!(TOO_LARGE, "size", "exceeded",
    Unproven "There are more combinations to compare than are looked at.",
    Unproven "There are more combinations to compare than are looked at.");

single!(ADDED_REQUEST, "property", "added", "request" Request, Safe,
    "Nobody could send the member before, and nobody has to.");
single!(CLAIMED_REQUEST, "property", "claimed", "request" Request, Unproven,
    "The name was free for anything: whoever sends it already, meaning something else, may be refused.");
single!(ADDED_REQUIRED, "property", "required", "request" Request, Breaking,
    "Nobody sends the new member yet, and requests without it are refused.");
single!(REMOVED_REQUEST, "property", "removed", "request" Request, Unproven,
    "The member is still let through, but nothing says what becomes of it.");
single!(REFUSED_REQUEST, "property", "refused", "request" Request, Breaking,
    "Whoever sends the member is refused.");
single!(ADDED_RESPONSE, "property", "added", "response" Response, Safe,
    "Members that are not declared were always allowed; whoever reads the answer passes over this one.");
single!(UNEXPECTED_RESPONSE, "property", "unexpected", "response" Response, Unproven,
    "The answer was closed to such a member: whoever holds it to the old contract refuses it.");
single!(REMOVED_RESPONSE, "property", "removed", "response" Response, Breaking,
    "Whoever reads the member does not find it any longer.");
single!(READ_ONLY, "read-only", "set", "request" Request, Breaking,
    "What is sent in the member is refused or passed over.");
single!(NOT_READ_ONLY, "read-only", "unset", "request" Request, Safe,
    "The member may be sent now; where it has to be, that is a difference of its own.");
single!(READ_ONLY_NEEDED, "read-only", "demanded", "request" Request, Breaking,
    "The member has to be there and was not to be sent: whoever left it out is refused.");
single!(WRITE_ONLY, "write-only", "set", "response" Response, Breaking,
    "The member does not come any longer.");
single!(NOT_WRITE_ONLY, "write-only", "unset", "response" Response, Safe,
    "The member comes now as well.");

/// Four of a family.
macro_rules! rows {
    ($($family:ident),* ; $($pair:ident),* ; $($single:ident),*) => {
        /// The classes of schemas.
        pub(in crate::compare) static CLASSES: &[&Class] = &[
            $(&$family.narrowed_request, &$family.widened_request, &$family.widened_response, &$family.narrowed_response,)*
            $(&$pair.request, &$pair.response,)*
            $(&$single,)*
        ];
    };
}

rows!(
    TYPE, NULL, ENUM, VALUE, MINIMUM, MAXIMUM, MULTIPLE_OF, MIN_LENGTH, MAX_LENGTH, PATTERN, FORMAT, MIN_ITEMS, MAX_ITEMS,
    UNIQUE_ITEMS, CONTAINS, MIN_PROPERTIES, MAX_PROPERTIES, REQUIRED, ADDITIONAL_PROPERTIES, DEPENDENT_REQUIRED,
    PATTERN_PROPERTIES, PROPERTY_NAMES, DEPENDENT_SCHEMAS, ANY_OF, ONE_OF, NOT, IF, UNEVALUATED_PROPERTIES,
    UNEVALUATED_ITEMS, REFERENCE, KEYWORD, ALTERNATIVE;
    PATTERN_CHANGED, FORMAT_CHANGED, CONST_CHANGED, DEFAULT_CHANGED, CONTENT_CHANGED, XML_CHANGED, DISCRIMINATOR_ADDED,
    DISCRIMINATOR_REMOVED, DISCRIMINATOR_CHANGED, MAPPING_CHANGED, MAPPING_ADDED, EXTENSIBLE_REMOVED, EXTENSIBLE_ADDED,
    EXTENSIBLE_CHANGED, SUBTYPE_CHANGED, OTHER, CLASS_CHANGED, DEPRECATED, UNDEPRECATED, TOO_LARGE;
    ADDED_REQUEST, CLAIMED_REQUEST, ADDED_REQUIRED, REMOVED_REQUEST, REFUSED_REQUEST, ADDED_RESPONSE, UNEXPECTED_RESPONSE,
    REMOVED_RESPONSE, READ_ONLY, NOT_READ_ONLY, READ_ONLY_NEEDED, WRITE_ONLY, NOT_WRITE_ONLY
);
