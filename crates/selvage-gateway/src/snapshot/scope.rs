//! What a grant on a direct interface leaves out or does not see: members of answers and bodies by their names, and rows by
//! the parameter that the contract says carries them. What cannot be told is refused.

use std::collections::BTreeSet;

use selvage_model::access::GrantTerms;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::Interface;
use selvage_model::name::{AttributeName, ClassName};
use selvage_model::openapi::{Contract, ContractOperation};
use selvage_model::source::Spanned;
use serde_json::Value;

use super::served::{Kind, Operation, Served};
use super::tags::Tags;
use crate::contract::{self, RowParameter};

/// The scope of a grant on a direct interface.
#[derive(Debug)]
pub(crate) struct DirectScope {
    /// Names of members that are left out, as [`plain`] writes them.
    except: Box<[String]>,
    /// Those whose class of data is not shown.
    masked: Box<[Classed]>,
    /// Names of members that something stands in which is not shown, with its class where it is masked.
    holders: Box<[Unseen]>,
    /// By operation of the interface.
    rows: Box<[Rows]>,
    /// By operation too.
    writes: Box<[Writes]>,
    /// The parameters that queries may have by operation, where something is not shown and there is a contract; `[` ends those that are
    /// named with a member.
    queries: Box<[BTreeSet<String>]>,
    /// The headers of the contract in lower case, where members are masked: what else an upstream says is its own.
    headers: BTreeSet<String>,
    /// How its tags are told from others, where something is left out.
    tags: Option<Tags>,
    /// How large a body may be that is looked through.
    pub(crate) up_to: u64,
}

/// A name that carries a class of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Classed {
    /// As [`plain`] writes it.
    pub(crate) name: String,
    pub(crate) class: String,
    /// It is a header of requests or answers.
    is_header: bool,
    /// It is more than one word.
    is_phrase: bool,
}

/// A name of members that are not shown, as [`plain`] writes it, with its class where it is masked.
type Unseen = (String, Option<String>);

/// Why a member is not shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Withheld<'s> {
    /// The grant leaves it out.
    Out,
    /// The grant does not see this class of data.
    Masked(&'s str),
}

/// The rows of one operation.
#[derive(Debug)]
pub(crate) enum Rows {
    /// Whatever these parameters allow; all where there are none.
    Told(Vec<Row>),
    /// A row that no parameter of the operation carries.
    Untold(String),
    /// Its path names what is masked: this parameter.
    Masked(String),
}

/// A parameter that carries a row, and what it may say.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) parameter: RowParameter,
    pub(crate) allowed: Vec<String>,
}

/// What an operation does to what its body does not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    /// Nothing that is not shown.
    Freely,
    /// It replaces the whole, and something that is not shown stands in it.
    Whole,
    /// It replaces what the contract does not describe, where it is given anything.
    Unsaid,
}

impl DirectScope {
    /// Whether members are left out or masked.
    pub(crate) fn withholds(&self) -> bool {
        !self.except.is_empty() || self.masks()
    }

    /// Whether members are masked.
    pub(crate) fn masks(&self) -> bool {
        !self.masked.is_empty()
    }

    /// How tags of answers are told from those that more or less is shown of. Where something is masked, there are none.
    pub(crate) fn tags(&self) -> Option<&Tags> {
        self.tags.as_ref().filter(|_| !self.masks())
    }

    /// The class of a header that is masked. Others may be called like a member: `Date` is nobody's birthday.
    pub(crate) fn masked_header(&self, name: &str) -> Option<&str> {
        let name = plain(name);
        self.masked.iter().find(|masked| masked.is_header && masked.name == name).map(|masked| masked.class.as_str())
    }

    /// What is masked.
    pub(crate) fn masked(&self) -> &[Classed] {
        &self.masked
    }

    /// Whether a member of this name is not shown, and why.
    pub(crate) fn withheld(&self, name: &str) -> Option<Withheld<'_>> {
        let name = plain(name);
        if self.except.contains(&name) {
            return Some(Withheld::Out);
        }
        self.masked.iter().find(|masked| masked.name == name).map(|masked| Withheld::Masked(&masked.class))
    }

    /// Why something within a member of this name is not shown.
    pub(crate) fn holds_withheld(&self, name: &str) -> Option<Withheld<'_>> {
        let name = plain(name);
        let (_, class) = self.holders.iter().find(|(holder, _)| *holder == name)?;
        Some(class.as_deref().map_or(Withheld::Out, Withheld::Masked))
    }

    /// Whether the contract declares this header, where members are masked.
    pub(crate) fn declares_header(&self, name: &str) -> bool {
        self.headers.contains(name)
    }

    /// What an operation does to what its body does not give.
    pub(crate) fn writes(&self, operation: u32) -> Writes {
        self.writes.get(operation as usize).copied().unwrap_or(Writes::Unsaid)
    }

    /// The class of a masked name of more than one word that these words have in them.
    pub(crate) fn masked_in(&self, text: &str) -> Option<&str> {
        let mut phrases = self.masked.iter().filter(|masked| masked.is_phrase && !masked.name.is_empty()).peekable();
        phrases.peek()?;
        let text = plain(text);
        phrases.find(|masked| text.contains(&masked.name)).map(|masked| masked.class.as_str())
    }

    /// Whether a query of this operation may have a parameter of this name: where something is not shown, those of the contract.
    pub(crate) fn takes(&self, operation: u32, name: &str) -> bool {
        let declared = |known: &BTreeSet<String>| {
            let opened = name.split_inclusive('[').next().filter(|start| start.ends_with('['));
            known.contains(name) || opened.is_some_and(|start| known.contains(start))
        };
        !self.withholds() || self.queries.get(operation as usize).map_or(!self.masks(), declared)
    }

    /// The rows of an operation.
    pub(crate) fn rows(&self, operation: u32) -> Option<&Rows> {
        self.rows.get(operation as usize)
    }
}

/// The scope of a grant, where its interface is direct and it leaves something out.
pub(super) fn compile(fabric: &Fabric, served: &Served, terms: &GrantTerms) -> Option<Box<DirectScope>> {
    let masked = unseen(served, terms);
    let narrowed = !(terms.rows.is_empty() && terms.except.is_empty() && masked.is_empty());
    if !matches!(served.kind, Kind::Direct(_)) || !narrowed {
        return None;
    }
    let interface = fabric.interfaces.get(&served.reference);
    let rows = |operation: &Operation| {
        let named = masked_in_path(fabric, interface, &operation.name, &masked);
        named.map_or_else(|| rows(fabric, interface, &operation.name, &terms.rows), Rows::Masked)
    };
    let contract = file(interface).and_then(|file| fabric.contracts.get(file));
    let except: Box<[String]> = terms.except.iter().map(|attribute| plain(attribute.as_str())).collect();
    let left_out = except.iter().map(|name| (name.clone(), None));
    let unseen: Vec<Unseen> =
        left_out.chain(masked.iter().map(|masked| (masked.name.clone(), Some(masked.class.clone())))).collect();
    let holders = contract.map(|contract| holders(contract, &unseen)).unwrap_or_default();
    let writes = |operation: &Operation| {
        let declared = contract.and_then(|contract| contract.operation(&operation.name));
        declared.map_or(Writes::Unsaid, |declared| writes(declared, &unseen, &holders))
    };
    let headers = contract.filter(|_| !masked.is_empty()).into_iter().flat_map(|contract| &contract.headers);
    // Nobody knows what an upstream does with what the contract does not have.
    let judged = contract.is_some() && !unseen.is_empty();
    let queries = |operation: &Operation| {
        let declared = contract.and_then(|contract| contract.operation(&operation.name));
        declared.map(|declared| declared.queries.clone()).unwrap_or_default()
    };
    Some(Box::new(DirectScope {
        headers: headers.map(|name| name.to_ascii_lowercase()).collect(),
        tags: Tags::of(&except),
        queries: served.operations.iter().filter(|_| judged).map(queries).collect(),
        writes: served.operations.iter().map(writes).collect(),
        except,
        rows: served.operations.iter().map(rows).collect(),
        holders: holders.into(),
        masked,
        up_to: interface.map_or(0, |interface| interface.validation.up_to),
    }))
}

/// What of a direct interface's messages these terms do not see.
pub(super) fn unseen(served: &Served, terms: &GrantTerms) -> Box<[Classed]> {
    let sees = |classed: &&Classed| terms.classes.iter().any(|class| class.as_str() == classed.class);
    served.classes.iter().filter(|classed| !sees(classed)).cloned().collect()
}

/// What of a direct interface's messages carries a class of data: by the marks of its contract, and by its own list.
pub(super) fn classes(contract: &Contract, listed: &[(Spanned<String>, Spanned<ClassName>)]) -> Vec<Classed> {
    let marked = contract.classes.iter().map(|(name, class)| (name.value.as_str(), class.value.as_str()));
    let listed = listed.iter().map(|(name, class)| (name.value.as_str(), class.value.as_str()));
    let mut all: Vec<Classed> = Vec::new();
    for (name, class) in listed.chain(marked) {
        let is_header = contract.classed_headers.contains(name);
        let is_phrase = name.chars().any(|c| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
        let name = plain(name);
        // Where a name has two classes, one that is not seen hides it.
        if !all.iter().any(|known| {
            known.name == name && known.class == class && known.is_header == is_header && known.is_phrase == is_phrase
        }) {
            all.push(Classed { name, class: class.to_owned(), is_header, is_phrase });
        }
    }
    all
}

/// The members that what is not shown stands in, however deep, with its class.
fn holders(contract: &Contract, unseen: &[Unseen]) -> Vec<Unseen> {
    let mut holders: Vec<Unseen> = Vec::new();
    if unseen.is_empty() {
        return holders;
    }
    let within: Vec<(String, Vec<String>)> = contract
        .within
        .iter()
        .map(|(name, names)| (plain(name), names.iter().map(|name| plain(name)).collect()))
        .collect();
    let mut left: Vec<Unseen> = unseen.to_vec();
    while let Some((inner, class)) = left.pop() {
        for (name, _) in within.iter().filter(|(_, names)| names.contains(&inner)) {
            if !holders.iter().any(|(known, _)| known == name) {
                holders.push((name.clone(), class.clone()));
                left.push((name.clone(), class.clone()));
            }
        }
    }
    holders
}

/// What an operation does to what its body does not give. Only a `PUT` is said to replace the whole (RFC 9110, section 9.3.4).
fn writes(operation: &ContractOperation, unseen: &[Unseen], holders: &[Unseen]) -> Writes {
    if unseen.is_empty() || operation.method != "PUT" {
        return Writes::Freely;
    }
    let is_unseen = |name: String| unseen.iter().chain(holders).any(|(unseen, _)| *unseen == name);
    if operation.body.iter().any(|name| is_unseen(plain(name))) {
        return Writes::Whole;
    }
    if operation.body.is_empty() { Writes::Unsaid } else { Writes::Freely }
}

/// The parameter in an operation's path that is masked, where one is: who asks by it would have to know it.
fn masked_in_path(
    fabric: &Fabric,
    interface: Option<&Interface>,
    operation: &str,
    masked: &[Classed],
) -> Option<String> {
    if masked.is_empty() {
        return None;
    }
    let contract = fabric.contracts.get(file(interface)?)?;
    let path = &contract.operation(operation)?.path;
    let parameters = path.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    parameters.into_iter().find(|name| masked.iter().any(|masked| masked.name == plain(name))).map(str::to_owned)
}

fn file(interface: Option<&Interface>) -> Option<&str> {
    match interface?.api()? {
        Api::Direct { openapi, .. } => Some(openapi.value.as_str()),
        Api::Mediated(_) => None,
    }
}

fn rows(
    fabric: &Fabric,
    interface: Option<&Interface>,
    operation: &str,
    covered: &[(AttributeName, Vec<Value>)],
) -> Rows {
    if covered.is_empty() {
        return Rows::Told(Vec::new());
    }
    let file = file(interface);
    let compiled = file.and_then(|file| Some(contract::compiled(file, fabric.files.get(file)?)));
    let declared = compiled.as_ref().and_then(|contract| contract.operation(operation));
    let mut told = Vec::new();
    for (attribute, values) in covered {
        let parameters = declared.into_iter().flat_map(|declared| declared.rows());
        let carrying = parameters.filter(|parameter| *parameter.attribute == *attribute.as_str());
        let before = told.len();
        // Where several carry it, as from one plant to another, each has to stay within the rows.
        told.extend(carrying.map(|parameter| {
            let allowed = values.iter().map(text).collect();
            Row { parameter: parameter.clone(), allowed }
        }));
        if told.len() == before {
            return Rows::Untold(attribute.to_string());
        }
    }
    Rows::Told(told)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A name without what writers of names differ in: `unit_price`, `unitPrice` and `Unit-Price` are one.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '.')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn spellings_of_a_name_are_one() {
        for name in ["unit_price", "unitPrice", "UnitPrice", "unit-price", "UNIT_PRICE"] {
            assert_eq!(plain(name), "unitprice");
        }
        assert_ne!(plain("unit_prices"), plain("unit_price"));
    }
}
