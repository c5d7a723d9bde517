//! Finding in the catalogue: every word has to be somewhere in what is known of an interface; what it is called counts most.

use super::Entry;

/// The entries in which every word is found, the best first; all of them where nothing is asked for.
pub fn search<'e>(entries: &'e [Entry], words: &str) -> Vec<&'e Entry> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let mut found: Vec<(u32, &Entry)> =
        entries.iter().filter_map(|entry| Some((rank(entry, &words)?, entry))).collect();
    found.sort_by(|(a_rank, a), (b_rank, b)| {
        let is_over = |entry: &Entry| !matches!(entry.state(), "active" | "draft");
        (b_rank, is_over(a), &a.interface).cmp(&(a_rank, is_over(b), &b.interface))
    });
    found.into_iter().map(|(_, entry)| entry).collect()
}

/// So many of these behind this one, and the name of the last where there are more behind it. Nothing where what it is to be behind is not
/// among them.
pub fn page<'e>(found: Vec<&'e Entry>, after: Option<&str>, limit: usize) -> (Vec<&'e Entry>, Option<String>) {
    let begins = match after {
        None => 0,
        Some(after) => {
            let place = found.iter().position(|entry| entry.interface.to_string() == after);
            place.map_or(found.len(), |place| place + 1)
        }
    };
    let mut page: Vec<&Entry> = found.into_iter().skip(begins).take(limit.saturating_add(1)).collect();
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| more).map(|entry| entry.interface.to_string());
    (page, next)
}

/// How well all words fit; none where one is found nowhere.
fn rank(entry: &Entry, words: &[String]) -> Option<u32> {
    let fields = fields(entry);
    let mut rank = 0;
    for word in words {
        let hits = fields.iter().filter(|(_, text)| text.contains(word.as_str())).map(|(weight, _)| *weight);
        let is_name = entry.interface.name.as_str() == word || entry.interface.to_string() == *word;
        rank += hits.max()? + if is_name { 100 } else { 0 };
    }
    Some(rank)
}

/// Everything that is known of an entry, in small letters, with how much it counts.
fn fields(entry: &Entry) -> Vec<(u32, String)> {
    let mut fields = vec![
        (40, entry.interface.to_string()),
        (15, entry.description.clone().unwrap_or_default()),
        (5, entry.kind.to_owned()),
        (5, entry.state().to_owned()),
        (10, entry.owner.as_ref().map(ToString::to_string).unwrap_or_default()),
        (5, entry.domain.to_string()),
    ];
    fields.extend(entry.dependencies.iter().map(|it| (if it.by == "object" { 20 } else { 10 }, it.name.clone())));
    fields.extend(entry.operations.iter().map(|it| (5, format!("{} {}", it.name, it.path))));
    fields.extend(entry.consumers.iter().map(|it| (5, it.consumer.to_string())));
    fields.extend(entry.consumers.iter().filter_map(|it| Some((3, it.purpose.clone()?))));
    fields.extend(entry.classification.iter().map(|(_, value)| (5, value.clone())));
    fields.extend(entry.classes.iter().map(|class| (5, class.clone())));
    fields.extend(entry.people.iter().flat_map(|(_, people)| people.iter().map(|person| (3, person.clone()))));
    fields.into_iter().map(|(weight, text)| (weight, text.to_lowercase())).collect()
}
