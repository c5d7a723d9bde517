//! Where in a body something is that cannot be used, as a JSON Pointer. What reads bodies tracks the place; a member that is missing or that
//! nobody knows has the place that it would have.

use std::error::Error;

use axum::extract::rejection::JsonRejection;
use selvage_model::problem::FieldError;
use serde_path_to_error::{Error as Tracked, Path, Segment};

/// The place of what cannot be used and what is wrong there; none where the whole is no JSON.
pub(super) fn of(rejection: &JsonRejection) -> Option<FieldError> {
    let JsonRejection::JsonDataError(error) = rejection else { return None };
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = next {
        if let Some(tracked) = error.downcast_ref::<Tracked<serde_json::Error>>() {
            return Some(place(tracked.path(), &tracked.inner().to_string()));
        }
        next = error.source();
    }
    None
}

fn place(path: &Path, said: &str) -> FieldError {
    // Line and column are told by the sentence; in a body of one line they help nobody.
    let detail = said.rsplit_once(" at line ").map_or(said, |(detail, _)| detail);
    let missing = detail.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let pointer: String = path.iter().filter_map(token).chain(missing.map(escaped)).collect();
    FieldError { pointer, detail: detail.to_owned() }
}

fn token(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(escaped(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

fn escaped(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use axum::Json;
    use serde::Deserialize;

    use super::super::{Because, Object};
    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "it is only read")]
    struct Asked {
        ids: Vec<String>,
        because: Option<Object<Because>>,
    }

    fn of_body(body: &str) -> Option<(String, String)> {
        let rejection = Json::<Object<Asked>>::from_bytes(body.as_bytes()).err()?;
        of(&rejection).map(|error| (error.pointer, error.detail))
    }

    #[test]
    fn a_place_is_where_it_is_or_would_be() {
        let place = |body: &str| of_body(body).map(|(pointer, _)| pointer);
        for (body, pointer) in [
            (r#"{"ids": ["a", 5]}"#, "/ids/1"),
            (r#"{"because": null}"#, "/ids"),
            (r#"{"ids": [], "because": {}}"#, "/because/because"),
            (r#"{"ids": [], "because": {"because": ""}}"#, "/because/because"),
            (r#"{"ids": [], "a/b~c": 1}"#, "/a~1b~0c"),
            ("[]", ""),
        ] {
            assert_eq!(place(body).as_deref(), Some(pointer), "{body}");
        }
        assert_eq!(of_body("{"), None, "that is no JSON");
        assert_eq!(of_body(r#"{"ids": 5}"#).unwrap().1, "invalid type: integer `5`, expected a sequence");
    }
}
