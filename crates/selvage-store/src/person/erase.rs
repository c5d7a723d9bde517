//! Erasing somebody: the name goes from wherever it stands as the name of who did something, and the ledger keeps a pseudonym that leads
//! nowhere. Texts that people wrote, manifests that were released, and entries of before there were pseudonyms stay as they are; of those
//! it is said how many there are.

use serde_json::{Value, json};

use super::{erased_as, pseudonym};
use crate::Store;
use crate::access;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::{Sql, statements};
use crate::value::bind;

/// What erasing somebody came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasedPerson {
    /// How the ledger goes on to name them.
    pub pseudonym: String,
    /// What is shown in their place.
    pub shown: String,
    /// Rows of tables that named them.
    pub rows: u64,
    /// Entries of the ledger that name them in the clear, since they are older than pseudonyms.
    pub in_the_clear: u64,
    /// Entries of the ledger in whose text the name stands, by what somebody wrote.
    pub mentioned: u64,
    /// Releases, and changes that were proposed, whose files name them: they are what was signed, and stay.
    pub declared: u64,
}

/// The entry that says so.
pub(crate) const ERASED: &str = "person.erased";

statements! {
    FORGET = "UPDATE person SET name = NULL, salt = NULL, erased_at = $2 WHERE pseudonym = $1";
    KNOWN = "SELECT pseudonym FROM person WHERE name = $1";
    CLEAR = "SELECT COUNT(*) AS entries FROM ledger WHERE actor = $1";
    MENTIONED = "SELECT COUNT(*) AS entries FROM ledger WHERE detail LIKE $1 ESCAPE '!'";
    KEYS = "UPDATE credential SET principal = $2, revoked_at = COALESCE(revoked_at, $3) WHERE principal_kind = 'operator' AND principal = $1";
    DECLARED = "SELECT (SELECT COUNT(*) FROM fabric_release WHERE content LIKE $1 ESCAPE '!') + \
                (SELECT COUNT(*) FROM change_proposal WHERE content LIKE $1 ESCAPE '!') AS entries";
    REQUIRED = "SELECT id, requirements, report FROM change_proposal ORDER BY id";
    REQUIRE = "UPDATE change_proposal SET requirements = $2, report = $3 WHERE id = $1";
    RECORDED = "UPDATE fabric_release SET recorded_by = $2 WHERE recorded_by = $1";
    SEALED = "UPDATE release_seal SET made_by = $2 WHERE made_by = $1";
    IMPORTED = "UPDATE release_import SET imported_by = $2 WHERE imported_by = $1";
    ACTIVATED = "UPDATE activation SET activated_by = $2 WHERE activated_by = $1";
    MADE_KEYS = "UPDATE release_key SET made_by = $2 WHERE made_by = $1";
    PROPOSED = "UPDATE change_proposal SET author = $2 WHERE author = $1";
    DECIDED = "UPDATE change_decision SET person = $2 WHERE person = $1";
    LENT = "UPDATE board_delegation SET given_by = $2 WHERE given_by = $1";
    LENT_TO = "UPDATE board_delegation SET given_to = $2 WHERE given_to = $1";
    ASKED = "UPDATE access_request SET asked_by = $2 WHERE asked_by = $1";
    ANSWERED = "UPDATE access_request SET settled_by = $2 WHERE settled_by = $1";
    OPENED = "UPDATE break_glass SET opened_by = $2 WHERE opened_by = $1";
    REVIEWED = "UPDATE break_glass SET reviewed_by = $2 WHERE reviewed_by = $1";
    STARTED = "UPDATE recertification SET started_by = $2 WHERE started_by = $1";
    CERTIFIED = "UPDATE recertification_item SET settled_by = $2 WHERE settled_by = $1";
    BLOCKED = "UPDATE access_block SET blocked_by = $2 WHERE blocked_by = $1";
    SETTLED = "UPDATE dead_letter SET settled_by = $2 WHERE settled_by = $1";
}

/// Wherever a name stands as the name of who did something.
const COLUMNS: [Sql; 17] = [
    RECORDED, SEALED, IMPORTED, ACTIVATED, MADE_KEYS, PROPOSED, DECIDED, LENT, LENT_TO, ASKED, ANSWERED, OPENED,
    REVIEWED, STARTED, CERTIFIED, BLOCKED, SETTLED,
];

impl Store {
    /// Erases somebody, and enters that. Their keys as an operator end.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a name that stands nowhere; those of the database.
    pub async fn erase_person(&self, name: &str, by: &str, because: &str) -> Result<ErasedPerson, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        ledger::hold(&mut transaction).await?;
        let now = transaction.now().await?;
        let is_known = transaction.first(KNOWN, bind![name]).await?.is_some();
        let in_the_clear = transaction.only(CLEAR, bind![name]).await?.count("entries")?;
        let pattern: String = name.chars().flat_map(escaped).collect();
        let pattern = format!("%{pattern}%");
        let mentioned = transaction.only(MENTIONED, bind![pattern.as_str()]).await?.count("entries")?;
        let declared = transaction.only(DECLARED, bind![pattern]).await?.count("entries")?;
        let pseudonym = pseudonym(&mut transaction, name).await?;
        let shown = erased_as(&pseudonym);
        let mut rows = 0;
        for column in COLUMNS {
            rows += transaction.run(column, bind![name, shown.as_str()]).await?;
        }
        rows += of_changes(&mut transaction, name, &shown).await?;
        let keys = transaction.run(KEYS, bind![name, shown.as_str(), now]).await?;
        if !is_known && rows + keys + in_the_clear == 0 {
            return Err(StoreError::NotFound { what: "person", id: name.to_owned() });
        }
        transaction.run(FORGET, bind![pseudonym.as_str(), now]).await?;
        if keys > 0 {
            access::raise(&mut transaction).await?;
        }
        let rows = rows + keys;
        let detail = json!({"because": because, "rows": rows, "keys": keys});
        ledger::append(&mut transaction, by, ERASED, &pseudonym, &detail).await?;
        transaction.commit().await?;
        Ok(ErasedPerson { pseudonym, shown, rows, in_the_clear, mentioned, declared })
    }
}

/// A character as a pattern of LIKE takes it for itself.
fn escaped(c: char) -> impl Iterator<Item = char> {
    matches!(c, '%' | '_' | '!').then_some('!').into_iter().chain([c])
}

/// People who were asked to approve changes, and whom what was found about a change names in words.
async fn of_changes(transaction: &mut Transaction, name: &str, shown: &str) -> Result<u64, StoreError> {
    let mut changed = 0;
    for row in transaction.all(REQUIRED, bind![]).await? {
        let (mut requirements, mut report): (Value, Value) = (row.json("requirements")?, row.json("report")?);
        let is_asked = replace(&mut requirements, name, shown) | retell(&mut requirements, name, shown);
        if is_asked | retell(&mut report, name, shown) {
            let id = row.text("id")?;
            let parameters = bind![id, requirements.to_string(), report.to_string()];
            changed += transaction.run(REQUIRE, parameters).await?;
        }
    }
    Ok(changed)
}

/// The members of reports and requirements that are words; what names consumers, interfaces and places stays, whoever is called the same.
const WORDS: [&str; 7] = ["message", "fix", "at", "before", "after", "because", "unknown"];

/// Puts what is shown in the place of a name wherever words name it, and says whether they do.
fn retell(value: &mut Value, name: &str, shown: &str) -> bool {
    let mut any = false;
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| any |= retell(value, name, shown)),
        Value::Object(members) => {
            for (member, value) in members.iter_mut() {
                any |= if WORDS.contains(&member.as_str()) {
                    reword(value, name, shown)
                } else {
                    retell(value, name, shown)
                };
            }
        }
        _ => {}
    }
    any
}

/// The same in words, and lists of words.
fn reword(value: &mut Value, name: &str, shown: &str) -> bool {
    match value {
        Value::String(text) => match without(text, name, shown) {
            Some(other) => {
                *text = other;
                true
            }
            None => false,
        },
        Value::Array(values) => {
            let mut any = false;
            values.iter_mut().for_each(|value| any |= reword(value, name, shown));
            any
        }
        _ => false,
    }
}

/// A text with something else in the place of a name; nothing where it does not name it. A name within a longer one is none.
fn without(text: &str, name: &str, shown: &str) -> Option<String> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '@');
    let (mut told, mut rest, mut any) = (String::new(), text, false);
    while let Some((before, after)) = rest.split_once(name).filter(|_| !name.is_empty()) {
        told.push_str(before);
        let mut behind = after.chars();
        let is_longer = match behind.next() {
            // A dot ends a sentence, or goes on with a name.
            Some('.') => behind.next().is_some_and(is_part),
            next => next.is_some_and(is_part),
        };
        let is_end = told.chars().next_back().is_some_and(|c| is_part(c) || c == '.');
        let is_name = !is_longer && !is_end;
        told.push_str(if is_name { shown } else { name });
        any |= is_name;
        rest = after;
    }
    any.then(|| told + rest)
}

fn replace(value: &mut Value, name: &str, shown: &str) -> bool {
    match value {
        Value::String(text) if text == name => {
            shown.clone_into(text);
            true
        }
        Value::Array(values) => replace_in(values.iter_mut(), name, shown),
        Value::Object(members) => replace_in(members.values_mut(), name, shown),
        _ => false,
    }
}

/// In all of them, and whether in any.
fn replace_in<'a>(values: impl Iterator<Item = &'a mut Value>, name: &str, shown: &str) -> bool {
    let mut any = false;
    for value in values {
        any |= replace(value, name, shown);
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_words_and_not_in_longer_names() {
        for (text, told) in [
            ("`m.petit` left", Some("`X` left")),
            ("m.petit", Some("X")),
            ("by m.petit. And [m.petit, b.novak]", Some("by X. And [X, b.novak]")),
            ("m.petite, am.petit, m.petit.old, m.petit-2, m.petit@example.com", None),
            ("nobody", None),
        ] {
            assert_eq!(without(text, "m.petit", "X").as_deref(), told, "{text}");
        }
    }
}
