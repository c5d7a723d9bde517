//! Whether a change is the echo of what Selvage itself wrote. Pure. INVARIANT: NOTHING-LOST: it is only where the record stood, when
//! Selvage began, as it was last told of, and nothing else of it changed. Whatever is in doubt is somebody's change.

use selvage_store::Echo;
use serde_json::Value;

use super::fact;
use super::told::{content_hash, hex};

/// The last of the writes that alone made of the record, as it was last told of, what it is; none where anybody else had a part in it.
pub(super) fn heard<'a>(
    before: Option<&Value>,
    after: &Value,
    stamps: &[String],
    echoes: &[&'a Echo],
) -> Option<&'a Echo> {
    let changed = fact::changed(before, Some(after));
    let told = before.map(|before| hex(&content_hash(before, stamps)));
    let mut left: Vec<&'a Echo> = echoes.to_vec();
    let mut stands = hex(&content_hash(after, stamps));
    let mut last = None;
    let mut wrote: Vec<&str> = Vec::new();
    let mut made = false;
    // Backwards from what is there: several writes may have gone between two looks.
    while let Some(at) = left.iter().position(|echo| hex(&echo.content) == stands) {
        let echo = left.swap_remove(at);
        last = last.or(Some(echo));
        made |= echo.wrote.is_none();
        wrote.extend(echo.wrote.iter().flatten().map(String::as_str));
        if echo.stood == told {
            let own = |name: &String| made || stamps.contains(name) || wrote.contains(&name.as_str());
            return last.filter(|_| changed.iter().all(own));
        }
        stands = echo.stood.clone()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(status: &str, start: &str, at: u8) -> Value {
        json!({"id": "odoo-1", "status": status, "planned_start": start, "updated_at": at})
    }

    fn wrote(from: Option<&Value>, to: &Value, names: Option<&[&str]>, effect: &str) -> Echo {
        let stamps = ["updated_at".to_owned()];
        Echo {
            record: 1,
            content: content_hash(to, &stamps),
            stood: from.map(|from| hex(&content_hash(from, &stamps))),
            wrote: names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            effect: effect.to_owned(),
        }
    }

    #[test]
    fn only_what_selvage_alone_changed_is_an_echo() {
        let stamps = ["updated_at".to_owned()];
        let draft = state("draft", "mon", 1);
        let (confirmed, moved) = (state("confirmed", "mon", 2), state("confirmed", "tue", 3));
        let release = wrote(Some(&draft), &confirmed, Some(&["status"]), "release");
        let reschedule = wrote(Some(&confirmed), &moved, Some(&["planned_start"]), "move");
        let create = wrote(None, &draft, None, "create");
        // Somebody confirmed it between the reading before and the reading back.
        let between = wrote(Some(&draft), &moved, Some(&["planned_start"]), "move");
        let later = state("draft", "mon", 9);
        let of = |before: Option<&Value>, after: &Value, echoes: &[&Echo]| {
            heard(before, after, &stamps, echoes).map(|echo| echo.effect.clone())
        };
        for (before, after, echoes, expected) in [
            (None, &draft, vec![&create], Some("create")),
            (Some(&draft), &confirmed, vec![&release], Some("release")),
            // That it was written meanwhile, and nothing of it changed, is nobody's change.
            (Some(&later), &confirmed, vec![&release], Some("release")),
            // One after the other between two looks, in any order of the rows.
            (Some(&draft), &moved, vec![&reschedule, &release], Some("move")),
            (None, &moved, vec![&release, &create, &reschedule], Some("move")),
            // Somebody had confirmed it before Selvage looked.
            (Some(&draft), &moved, vec![&reschedule], None),
            (Some(&draft), &moved, vec![&between], None),
            // It is new, and somebody else made it.
            (None, &confirmed, vec![&release], None),
            // What is there is not what was read back.
            (Some(&confirmed), &draft, vec![&release], None),
            (Some(&draft), &confirmed, vec![], None),
        ] {
            assert_eq!(of(before, after, &echoes), expected.map(str::to_owned), "{before:?} {after}");
        }
        // Round in circles leads nowhere.
        let back = wrote(Some(&confirmed), &draft, Some(&["status"]), "back");
        assert_eq!(of(Some(&moved), &draft, &[&release, &back]), None);
    }
}
