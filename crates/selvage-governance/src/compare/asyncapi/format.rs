//! The formats that schemas of messages are written in, by what their names mean: JSON and YAML of the same draft are the same.

use selvage_model::yaml::Node;

use crate::compare::schema::Dialect;

/// The format of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// As AsyncAPI has it, after draft 7.
    Seven,
    /// JSON Schema 2020-12.
    Draft,
    /// Something else, by its name.
    Other(String),
}

impl Format {
    /// The format of a payload or of headers; that of AsyncAPI where nothing is said.
    pub(super) fn of(carried: Option<&Node>) -> Self {
        let Some(written) = carried.and_then(|node| node.get("schemaFormat")) else { return Self::Seven };
        let plain: String =
            written.text().unwrap_or_default().chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
        let plain = plain.to_ascii_lowercase();
        let (kind, parameter) = plain.split_once(';').unwrap_or((&plain, ""));
        let base = kind.split(['+', ';']).next().unwrap_or_default();
        match (base, parameter) {
            ("application/schema", "" | "version=draft-07") => Self::Seven,
            ("application/schema", "version=draft-2020-12" | "version=2020-12") => Self::Draft,
            // The schemas of AsyncAPI 2 are those of 3: draft 7, with words that only say something to people.
            ("application/vnd.aai.asyncapi", version)
                if version.is_empty() || version.starts_with("version=3.") || version.starts_with("version=2.") =>
            {
                Self::Seven
            }
            _ => Self::Other(plain),
        }
    }

    /// How its schemas are read; nothing where they are not taken apart.
    pub(super) fn dialect(&self) -> Option<Dialect> {
        match self {
            Self::Seven => Some(Dialect::Seven),
            Self::Draft => Some(Dialect::Draft),
            Self::Other(_) => None,
        }
    }
}

/// The schema of a payload or of headers, within its format or by itself.
pub(super) fn schema(carried: Option<&Node>) -> Option<&Node> {
    carried.and_then(|node| if node.get("schemaFormat").is_some() { node.get("schema") } else { Some(node) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use selvage_model::yaml::{self, Limits};

    use super::*;

    #[test]
    fn formats_are_told_by_what_their_names_mean() {
        let other = |text: &str| Format::Other(text.to_owned());
        for (text, expected) in [
            ("application/schema+json;version=draft-07", Format::Seven),
            ("application/schema+yaml; version=draft-07", Format::Seven),
            ("application/vnd.aai.asyncapi+json;version=3.0.0", Format::Seven),
            ("application/vnd.aai.asyncapi;version=3.0.0", Format::Seven),
            ("application/vnd.aai.asyncapi+json;version=2.6.0", Format::Seven),
            ("application/schema+json;version=draft-2020-12", Format::Draft),
            ("Application/Schema+YAML; version=\"draft-2020-12\"", Format::Draft),
            ("application/schema+json;version=draft-04", other("application/schema+json;version=draft-04")),
            ("application/vnd.apache.avro;version=1.9.0", other("application/vnd.apache.avro;version=1.9.0")),
        ] {
            let written = serde_json::json!({"schemaFormat": text, "schema": {}}).to_string();
            let (nodes, _) = yaml::parse(written.as_bytes(), &Arc::from("a.yaml"), &Limits::CONTRACT);
            assert_eq!(Format::of(nodes.first()), expected, "{text}");
        }
        assert_eq!(Format::of(None), Format::Seven);
    }
}
