//! What is said of what the mouse points at: the page of a finding's code, the description of a field, what a name stands for.

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;

use super::cursor::{self, Cursor};
use crate::embedded;

/// Markdown for a cursor; nothing where there is nothing to say.
pub(super) fn text(cursor: &Cursor, fabric: &Fabric, here: &[&Finding]) -> Option<String> {
    let page = |code: &str| embedded::error_page(code).map(str::to_owned);
    if let Some((code, _)) = code::find(&cursor.word) {
        return page(code.as_str());
    }
    let field = field(cursor).or_else(|| object(cursor, fabric));
    let pages = here.iter().filter_map(|finding| page(finding.code.as_str()));
    let all: Vec<String> = field.into_iter().chain(pages).collect();
    (!all.is_empty()).then(|| all.join("\n\n---\n\n"))
}

fn field(cursor: &Cursor) -> Option<String> {
    let kind = cursor.kind?;
    // On the key itself, or on its value.
    let mut path = cursor.path.clone();
    let name = if cursor.in_value { path.pop()? } else { cursor.word.clone() };
    let (schema, _) = cursor::schema_at(kind, &path)?;
    let (_, property) = cursor::properties(&schema).into_iter().find(|(known, _)| *known == name)?;
    let about = property.get("description")?.as_str()?;
    let words = property.get("enum").and_then(|words| words.as_array()).map(|words| {
        let words: Vec<String> = words.iter().filter_map(|word| Some(format!("`{}`", word.as_str()?))).collect();
        format!("\n\nOne of {}.", words.join(", "))
    });
    Some(format!("**{name}** ({kind}): {about}{}", words.unwrap_or_default()))
}

fn object(cursor: &Cursor, fabric: &Fabric) -> Option<String> {
    let object = fabric.objects.values().find(|object| object.reference().to_string() == cursor.word)?;
    let attributes: Vec<&str> = object.attributes.iter().map(|attribute| attribute.name.value.as_str()).collect();
    let about = object.description.as_deref().unwrap_or_default();
    Some(format!("**{}**: {about}\n\n{}", object.reference(), attributes.join(", ")))
}
