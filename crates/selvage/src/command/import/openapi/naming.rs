//! Names: the words of a text, and what becomes of them in manifests. What is no name of ours is made one, or there is none.

use selvage_model::name::{AttributeName, ObjectName};

/// Longest name in manifests, in bytes.
const LONGEST: usize = 64;
/// Words that say that something is an interface, and nothing of what it is about.
const EMPTY: &[&str] = &["api", "apis", "rest", "service", "openapi", "swagger", "spec"];
/// Words that say how a schema is used, and nothing of what it is.
const USES: &[&str] =
    &["dto", "response", "resource", "model", "read", "out", "output", "view", "entity", "details", "detail", "schema"];

/// The words of a text in small letters: `orderLineID`, `order-line id` and `Order_Line_Id` are `order`, `line`, `id`.
pub(super) fn words(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().flat_map(plain).collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (at, c) in characters.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            continue;
        }
        let before = at.checked_sub(1).and_then(|at| characters.get(at));
        let after = characters.get(at + 1);
        let is_cased = |c: Option<&char>| c.is_some_and(char::is_ascii_lowercase);
        let rises = is_cased(before) || (before.is_some_and(char::is_ascii_digit) && is_cased(after));
        let ends_capitals = before.is_some_and(char::is_ascii_uppercase) && is_cased(after);
        if c.is_ascii_uppercase() && (rises || ends_capitals) {
            words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
        }
        word.push(c.to_ascii_lowercase());
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// Letters with marks without them, as far as plants' languages have them; anything else parts words.
fn plain(c: char) -> Vec<char> {
    const FOLDED: &[(&str, &str)] = &[
        ("äæ", "ae"),
        ("öœ", "oe"),
        ("ü", "ue"),
        ("ß", "ss"),
        ("àáâãåą", "a"),
        ("èéêëęě", "e"),
        ("ìíîï", "i"),
        ("òóôõøő", "o"),
        ("ùúûů", "u"),
        ("çćč", "c"),
        ("ñńň", "n"),
        ("šś", "s"),
        ("žźż", "z"),
        ("ýÿ", "y"),
        ("łĺ", "l"),
        ("řŕ", "r"),
        ("ďđ", "d"),
        ("ť", "t"),
    ];
    if c.is_ascii() {
        return vec![c];
    }
    let small: String = c.to_lowercase().collect();
    let folded = FOLDED.iter().find(|(from, _)| from.contains(&small)).map(|(_, to)| *to);
    let capital = c.is_uppercase();
    let cased = |at: usize, c: char| if capital && at == 0 { c.to_ascii_uppercase() } else { c };
    folded.map_or_else(|| vec![' '], |to| to.chars().enumerate().map(|(at, c)| cased(at, c)).collect())
}

/// The words as an attribute's name.
pub(super) fn attribute(words: &[String]) -> Option<String> {
    joined(words, "_").filter(|name| name.parse::<AttributeName>().is_ok())
}

/// The words as a thing's name: what says only that it is an interface, or which version, is left out.
pub(super) fn thing(words: &[String]) -> Option<String> {
    let telling: Vec<String> =
        words.iter().filter(|word| !EMPTY.contains(&word.as_str()) && !is_version(word)).cloned().collect();
    let words = if telling.is_empty() { words } else { telling.as_slice() };
    joined(words, "-").filter(|name| name.parse::<ObjectName>().is_ok())
}

/// The name of the object that a schema of this name describes: `ProductionOrderDto` is a `production-order`.
pub(super) fn object(schema: &str) -> Option<String> {
    let mut words = words(schema);
    while words.len() > 1 && words.last().is_some_and(|last| USES.contains(&last.as_str())) {
        words.pop();
    }
    thing(&words)
}

fn joined(words: &[String], joint: &str) -> Option<String> {
    let mut name = String::new();
    for word in words {
        if name.len() + joint.len() + word.len() > LONGEST {
            break;
        }
        if !name.is_empty() {
            name.push_str(joint);
        }
        name.push_str(word);
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) && name.len() < LONGEST {
        name.insert(0, 'n');
    }
    Some(name).filter(|name| !name.is_empty())
}

fn is_version(word: &str) -> bool {
    word.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// One of several: `orders` is `order`, `batches` is `batch`. A word that is no plural stays.
pub(super) fn singular(word: &str) -> String {
    let ies = word.strip_suffix("ies").map(|stem| format!("{stem}y"));
    let es = word.strip_suffix("es").map(str::to_owned);
    let s = word.strip_suffix('s').map(str::to_owned);
    let is_one = |one: &String| one.parse::<ObjectName>().is_ok_and(|name| name.plural() == word);
    let found = [ies, es, s].into_iter().flatten().find(is_one);
    let is_no_plural = ["ss", "us", "is"].iter().any(|end| word.ends_with(end));
    found.filter(|_| !is_no_plural).unwrap_or_else(|| word.to_owned())
}

/// How a document writes the ids of its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `listOrders`.
    Camel,
    /// `list_orders`.
    Snake,
    /// `list-orders`.
    Kebab,
}

impl Style {
    /// The one that most of these are written in; camel case where none tells.
    pub(super) fn of<'a>(ids: impl Iterator<Item = &'a str>) -> Self {
        let (mut snake, mut kebab, mut camel) = (0_u32, 0_u32, 0_u32);
        for id in ids {
            match (id.contains('_'), id.contains('-')) {
                (true, _) => snake += 1,
                (false, true) => kebab += 1,
                (false, false) => camel += u32::from(id.contains(|c: char| c.is_ascii_uppercase())),
            }
        }
        match () {
            () if snake > camel && snake >= kebab => Self::Snake,
            () if kebab > camel => Self::Kebab,
            () => Self::Camel,
        }
    }

    /// These words as an id.
    pub(super) fn join(self, words: &[String]) -> String {
        let capital = |word: &String| {
            let mut characters = word.chars();
            let first = characters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(characters).collect::<String>()
        };
        match self {
            Self::Snake => words.join("_"),
            Self::Kebab => words.join("-"),
            Self::Camel => match words.split_first() {
                Some((first, rest)) => rest.iter().fold(first.clone(), |id, word| id + &capital(word)),
                None => String::new(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_many_ways_to_write() {
        for (text, expected) in [
            ("orderLineID", "order line id"),
            ("SKUCode", "sku code"),
            ("Order_Line-Id", "order line id"),
            ("größeÜberAlles", "groesse ueber alles"),
            ("@odata.id", "odata id"),
            ("数量", ""),
            ("qty2", "qty2"),
            ("line2Item", "line2 item"),
            ("Orders (A2X)", "orders a2x"),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn names_are_ours_or_none() {
        assert_eq!(attribute(&words("3dModel")).as_deref(), Some("n3d_model"));
        assert_eq!(attribute(&words("数量")), None);
        assert_eq!(thing(&words("Warehouse API v2")).as_deref(), Some("warehouse"));
        assert_eq!(thing(&words("API")).as_deref(), Some("api"));
        assert_eq!(object("ProductionOrderResponseDto").as_deref(), Some("production-order"));
        assert!(attribute(&words(&"very ".repeat(40))).is_some_and(|name| name.len() <= LONGEST));
    }

    #[test]
    fn one_of_several() {
        for (many, one) in [
            ("orders", "order"),
            ("batches", "batch"),
            ("categories", "category"),
            ("status", "status"),
            ("boxes", "box"),
        ] {
            assert_eq!(singular(many), one);
        }
    }

    #[test]
    fn ids_follow_the_document() {
        let list = words("list orders");
        for (ids, expected) in [
            (vec![], "listOrders"),
            (vec!["getOrder"], "listOrders"),
            (vec!["get_order", "put_order", "getX"], "list_orders"),
            (vec!["get-order"], "list-orders"),
        ] {
            assert_eq!(Style::of(ids.into_iter()).join(&list), expected);
        }
    }
}
