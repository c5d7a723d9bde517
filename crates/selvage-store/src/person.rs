//! People as the ledger knows them: by a pseudonym, which is made of their name and a random salt. Entries hold it in place of the name,
//! so that a person can be erased and the chain stays whole; and since it is made of the name, nobody puts another name in its place.

pub(crate) mod erase;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Row, bind};

/// How pseudonyms begin.
pub(crate) const PREFIX: &str = "person:";
/// Who acts and is no person: Selvage itself, a directory that is served, and commands where nobody says who gives them.
const NOBODY: [&str; 4] = ["selvage", "directory", "cli", "unknown"];
/// Hexadecimal digits of a pseudonym by which an erased person is told from others.
const SHOWN: usize = 8;

statements! {
    KNOWN = "SELECT pseudonym FROM person WHERE name = $1";
    ADD = "INSERT INTO person (pseudonym, name, salt) VALUES ($1, $2, $3)";
    ALL = "SELECT pseudonym, name, salt, erased_at FROM person ORDER BY pseudonym";
}

/// Somebody whom the ledger names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// How entries name them.
    pub pseudonym: String,
    /// Their name and what the pseudonym is made of beside it; neither for somebody who was erased.
    pub name: Option<(String, String)>,
    /// When they were erased.
    pub erased: Option<Timestamp>,
}

impl Person {
    /// What is shown of them.
    pub fn shown(&self) -> String {
        match &self.name {
            Some((name, _)) => name.clone(),
            None => erased_as(&self.pseudonym),
        }
    }

    /// Whether the pseudonym is made of this name: nobody put another in its place. Of somebody who was erased that is not known.
    pub fn holds(&self) -> bool {
        self.name.as_ref().is_none_or(|(name, salt)| made_of(name, salt) == self.pseudonym)
    }
}

impl Store {
    /// Everybody whom the ledger names by a pseudonym.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn people(&self) -> Result<Vec<Person>, StoreError> {
        Ok(People::read(&mut self.database.read().await?).await?.0.into_values().collect())
    }
}

/// Whether the ledger means no person by this name, however it is written.
pub fn is_nobody(name: &str) -> bool {
    NOBODY.iter().any(|nobody| nobody.eq_ignore_ascii_case(name)) || name.starts_with(PREFIX)
}

/// How somebody is shown who was erased.
pub(crate) fn erased_as(pseudonym: &str) -> String {
    let digits: String = pseudonym.trim_start_matches(PREFIX).chars().take(SHOWN).collect();
    format!("erased person {digits}")
}

/// Whether a text is a pseudonym, and not one that only begins so.
pub(crate) fn is_pseudonym(text: &str) -> bool {
    text.strip_prefix(PREFIX)
        .is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|it| it.is_ascii_hexdigit()))
}

fn made_of(name: &str, salt: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(b"selvage-person-1");
    for text in [salt, name] {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    }
    let digits: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{digits}")
}

/// How entries name somebody: made where they are new. Who is no person goes by their own name. The ledger's head is held, so that two
/// who name the same person follow one another.
pub(crate) async fn pseudonym(transaction: &mut Transaction, name: &str) -> Result<String, StoreError> {
    if NOBODY.contains(&name) {
        return Ok(name.to_owned());
    }
    ledger::hold(transaction).await?;
    if let Some(row) = transaction.first(KNOWN, bind![name]).await? {
        return row.text("pseudonym");
    }
    let salt = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let pseudonym = made_of(name, &salt);
    transaction.run(ADD, bind![pseudonym.as_str(), name, salt]).await?;
    Ok(pseudonym)
}

/// Everybody, by pseudonym.
pub(crate) struct People(pub(crate) BTreeMap<String, Person>);

impl People {
    pub(crate) async fn read(transaction: &mut Transaction) -> Result<Self, StoreError> {
        let rows = transaction.all(ALL, bind![]).await?;
        let people = rows.iter().map(|row| person(row).map(|it| (it.pseudonym.clone(), it)));
        people.collect::<Result<_, _>>().map(Self)
    }

    /// The name behind a pseudonym; any other text is itself.
    pub(crate) fn name(&self, text: String) -> String {
        if !text.starts_with(PREFIX) {
            return text;
        }
        self.0.get(&text).map_or(text, Person::shown)
    }

    /// The same for every text in a value.
    pub(crate) fn names(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.name(text)),
            Value::Array(values) => Value::Array(values.into_iter().map(|value| self.names(value)).collect()),
            Value::Object(members) => {
                Value::Object(members.into_iter().map(|(name, value)| (name, self.names(value))).collect())
            }
            other => other,
        }
    }
}

fn person(row: &Row) -> Result<Person, StoreError> {
    let name = row.optional_text("name")?;
    Ok(Person {
        pseudonym: row.text("pseudonym")?,
        name: name.zip(row.optional_text("salt")?),
        erased: row.optional_time("erased_at")?,
    })
}
