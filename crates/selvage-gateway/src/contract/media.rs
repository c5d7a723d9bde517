//! Media types: which of those that a contract declares a message has, and whether it is JSON.

use super::form::{self, Form};
use super::{Expected, Reading, Schema};

/// A media type that a contract declares.
#[derive(Debug)]
pub(super) struct Media {
    /// `application`, or `*`.
    kind: Box<str>,
    /// `json`, or `*`.
    subtype: Box<str>,
    schema: Option<Schema>,
    /// How it is read where it is a form.
    form: Option<Form>,
    /// Its schema says more than that it is text or bytes.
    structured: bool,
}

impl Media {
    /// Of this range: `application/json`, `text/*`, `*/*`.
    pub(super) fn new(range: &str, schema: Option<Schema>, form: Option<Form>, structured: bool) -> Option<Self> {
        let (kind, subtype) = parts(range)?;
        let [kind, subtype] = [kind, subtype].map(|part| part.to_ascii_lowercase().into());
        Some(Self { kind, subtype, schema, form, structured })
    }

    /// Whether it was declared by this range.
    pub(super) fn is_range(&self, range: &str) -> bool {
        let is = |(kind, subtype): (&str, &str)| {
            self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
        };
        parts(range).is_some_and(is)
    }

    /// What its bodies are checked against.
    pub(super) fn schema_mut(&mut self) -> Option<&mut Schema> {
        self.schema.as_mut()
    }

    /// Whether it promises what nobody here reads.
    pub(super) fn is_unread(&self) -> bool {
        self.structured && self.schema.is_some() && self.form.is_none() && !is_json(&self.kind, &self.subtype)
    }

    /// How exactly it names a media type; nothing where it does not.
    fn exactness(&self, kind: &str, subtype: &str) -> Option<u8> {
        match (&*self.kind, &*self.subtype) {
            (own, other) if own.eq_ignore_ascii_case(kind) && other.eq_ignore_ascii_case(subtype) => Some(2),
            (own, "*") if own.eq_ignore_ascii_case(kind) => Some(1),
            ("*", "*") => Some(0),
            _ => None,
        }
    }
}

/// What a body that says nothing of its media type is taken for (RFC 9110, 8.3).
const UNSAID: (&str, &str) = ("application", "octet-stream");

/// What a body of this media type is to be checked against.
pub(super) fn expected<'a>(declared: &'a [Media], media_type: Option<&str>) -> Expected<'a> {
    let Some((kind, subtype)) = media_type.map_or(Some(UNSAID), parts) else { return Expected::Undeclared };
    let fitting = declared.iter().filter_map(|media| Some((media.exactness(kind, subtype)?, media)));
    match fitting.max_by_key(|(exactness, _)| *exactness) {
        None => Expected::Undeclared,
        Some((_, Media { schema: Some(schema), .. })) if is_json(kind, subtype) => {
            Expected::Read(Reading { schema, form: None })
        }
        Some((_, Media { schema: Some(schema), form: Some(form), .. })) => {
            Expected::Read(Reading { schema, form: Some(form) })
        }
        Some((_, media)) if media.is_unread() => Expected::Unread,
        Some(_) => Expected::Anything,
    }
}

/// Whether this range is that of forms.
pub(super) fn is_form(range: &str) -> bool {
    let (own, other) = form::KIND;
    parts(range).is_some_and(|(kind, subtype)| kind.eq_ignore_ascii_case(own) && subtype.eq_ignore_ascii_case(other))
}

/// Whether a body of this media type is JSON.
pub(super) fn is_json(kind: &str, subtype: &str) -> bool {
    let ends = subtype.len().checked_sub("+json".len()).and_then(|start| subtype.get(start..));
    kind.eq_ignore_ascii_case("application")
        && (subtype.eq_ignore_ascii_case("json") || ends.is_some_and(|end| end.eq_ignore_ascii_case("+json")))
}

/// Type and subtype, without parameters.
pub(super) fn parts(media_type: &str) -> Option<(&str, &str)> {
    // By bytes: they are short, and there is one in each message.
    let end = media_type.bytes().position(|byte| byte == b';').unwrap_or(media_type.len());
    let essence = media_type.get(..end)?.trim();
    let slash = essence.bytes().position(|byte| byte == b'/')?;
    let (kind, subtype) = (essence.get(..slash)?, essence.get(slash + 1..)?);
    let whole = !kind.is_empty() && !subtype.is_empty() && !subtype.bytes().any(|byte| byte == b'/');
    whole.then_some((kind, subtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_range_counts() {
        let declared: Vec<Media> =
            ["*/*", "text/*", "text/csv"].iter().filter_map(|range| Media::new(range, None, None, false)).collect();
        let exactness = |media_type: &str| {
            let (kind, subtype) = parts(media_type)?;
            declared.iter().filter_map(|media| media.exactness(kind, subtype)).max()
        };
        for (media_type, expected) in [
            ("text/csv; header=present", Some(2)),
            ("TEXT/Plain", Some(1)),
            ("image/png", Some(0)),
            ("text", None),
            ("a/b/c", None),
        ] {
            assert_eq!(exactness(media_type), expected, "{media_type}");
        }
        assert!(matches!(expected(&declared[2..], Some("text/plain")), Expected::Undeclared));
        // What is unsaid is of no kind that is named.
        assert!(matches!(expected(&declared[1..], None), Expected::Undeclared));
        assert!(matches!(expected(&declared, None), Expected::Anything));
        assert!(matches!(expected(&declared, Some("text")), Expected::Undeclared));
    }
}
