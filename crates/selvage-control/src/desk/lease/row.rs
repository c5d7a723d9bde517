//! Rows as people write them: `site=ghent`, on the command line and in the console's form.

use selvage_model::name::AttributeName;
use serde_json::{Value, json};

/// `site=ghent`: a word, unless it is a whole number or a truth value.
///
/// # Errors
/// In words, for what says no value of an attribute.
pub fn row(text: &str) -> Result<(AttributeName, Value), String> {
    let wrong = || format!("`{text}` does not say which value an attribute has: write `site=ghent`");
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let name = name.parse().map_err(|_| wrong())?;
    let value = match (value.parse::<bool>(), value.parse::<i64>()) {
        _ if value.is_empty() => return Err(wrong()),
        (Ok(flag), _) => json!(flag),
        (_, Ok(number)) if number.to_string() == value => json!(number),
        _ => json!(value),
    };
    Ok((name, value))
}

/// Values of one attribute together, in the order they were given.
pub fn gathered(rows: &[(AttributeName, Value)]) -> Vec<(AttributeName, Vec<Value>)> {
    let mut gathered: Vec<(AttributeName, Vec<Value>)> = Vec::new();
    for (name, value) in rows {
        match gathered.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(value.clone()),
            None => gathered.push((name.clone(), vec![value.clone()])),
        }
    }
    gathered
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn rows_are_words_numbers_and_truth_values() {
        let table = [
            ("site=ghent", json!("ghent")),
            ("level=7", json!(7)),
            ("code=007", json!("007")),
            ("done=true", json!(true)),
        ];
        for (text, value) in table {
            assert_eq!(row(text).unwrap().1, value, "{text}");
        }
        assert!(row("site").is_err() && row("site=").is_err() && row("Not a name=x").is_err());
        let site: AttributeName = "site".parse().unwrap();
        let rows = [(site.clone(), json!("ghent")), (site.clone(), json!("brno"))];
        assert_eq!(gathered(&rows), [(site, vec![json!("ghent"), json!("brno")])]);
    }
}
