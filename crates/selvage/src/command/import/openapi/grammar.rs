//! What stands where in an OpenAPI document: which of its values may be references, and to what. What is data (examples, defaults,
//! extensions) holds none, whatever it looks like.

/// What a value of the document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    Document,
    Components,
    /// One of these.
    One(Part),
    /// A list or a map of these.
    Many(Part),
    /// Not of OpenAPI's own.
    Data,
}

/// What can be referred to, and what lies between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    PathItem,
    Operation,
    Parameter,
    RequestBody,
    Response,
    Header,
    Media,
    Encoding,
    Schema,
    Example,
    Link,
    Callback,
    SecurityScheme,
}

const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];

impl Part {
    /// Where such things stand in `components`.
    pub(super) fn section(self) -> Option<&'static str> {
        match self {
            Self::Parameter => Some("parameters"),
            Self::RequestBody => Some("requestBodies"),
            Self::Response => Some("responses"),
            Self::Header => Some("headers"),
            Self::Schema => Some("schemas"),
            Self::Example => Some("examples"),
            Self::Link => Some("links"),
            Self::Callback => Some("callbacks"),
            Self::SecurityScheme => Some("securitySchemes"),
            // Older documents have no section for them: they are put where they are referred to.
            Self::PathItem | Self::Operation | Self::Media | Self::Encoding => None,
        }
    }
}

impl Spot {
    /// What the member of this name is.
    pub(super) fn member(self, name: &str) -> Self {
        match self {
            Self::Many(part) => Self::One(part),
            Self::Data => Self::Data,
            _ if name.starts_with("x-") => Self::Data,
            Self::Document => match name {
                "paths" | "webhooks" => Self::Many(Part::PathItem),
                "components" => Self::Components,
                _ => Self::Data,
            },
            Self::Components => of_components(name),
            Self::One(part) => of_part(part, name),
        }
    }
}

fn of_components(name: &str) -> Spot {
    match name {
        "schemas" => Spot::Many(Part::Schema),
        "responses" => Spot::Many(Part::Response),
        "parameters" => Spot::Many(Part::Parameter),
        "examples" => Spot::Many(Part::Example),
        "requestBodies" => Spot::Many(Part::RequestBody),
        "headers" => Spot::Many(Part::Header),
        "securitySchemes" => Spot::Many(Part::SecurityScheme),
        "links" => Spot::Many(Part::Link),
        "callbacks" => Spot::Many(Part::Callback),
        "pathItems" => Spot::Many(Part::PathItem),
        _ => Spot::Data,
    }
}

fn of_part(part: Part, name: &str) -> Spot {
    match (part, name) {
        (Part::PathItem | Part::Operation, "parameters") => Spot::Many(Part::Parameter),
        (Part::PathItem, method) if METHODS.contains(&method) => Spot::One(Part::Operation),
        (Part::Operation, "requestBody") => Spot::One(Part::RequestBody),
        (Part::Operation, "responses") => Spot::Many(Part::Response),
        (Part::Operation, "callbacks") => Spot::Many(Part::Callback),
        (Part::Callback, _) => Spot::One(Part::PathItem),
        (Part::Parameter | Part::Header | Part::Media, "schema") => Spot::One(Part::Schema),
        (Part::Parameter | Part::Header | Part::Media, "examples") => Spot::Many(Part::Example),
        (Part::Parameter | Part::Header | Part::RequestBody | Part::Response, "content") => Spot::Many(Part::Media),
        (Part::Response | Part::Encoding, "headers") => Spot::Many(Part::Header),
        (Part::Response, "links") => Spot::Many(Part::Link),
        (Part::Media, "encoding") => Spot::Many(Part::Encoding),
        (Part::Schema, name) => of_schema(name),
        _ => Spot::Data,
    }
}

fn of_schema(name: &str) -> Spot {
    match name {
        "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" | "allOf" | "anyOf"
        | "oneOf" | "prefixItems" => Spot::Many(Part::Schema),
        "items"
        | "additionalProperties"
        | "additionalItems"
        | "not"
        | "if"
        | "then"
        | "else"
        | "contains"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema" => Spot::One(Part::Schema),
        _ => Spot::Data,
    }
}
