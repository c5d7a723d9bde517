//! Terms of grants on the command line: what is asked for, and what is taken away.

use clap::Args;
use jiff::Timestamp;
use selvage_governance::access::Narrowing;
use selvage_model::access::{EndAction, GrantTerms};
use selvage_model::name::{AttributeName, ClassName};
use serde_json::Value;

use super::words;

pub(crate) use selvage_control::desk::lease::until;
use selvage_control::desk::lease::{gathered, row};

/// What a grant opens.
#[derive(Args)]
pub(crate) struct Scope {
    /// Which operations, as `list,get`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    operations: Vec<String>,
    /// Only rows whose attribute has this value, as `site=ghent`; again for another value or attribute.
    #[arg(long = "where", value_name = "ATTRIBUTE=VALUE", value_parser = row)]
    rows: Vec<(AttributeName, Value)>,
    /// Attributes that are left out, as `price,origin`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    except: Vec<AttributeName>,
    /// Classes of data that are shown; others are masked.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    classes: Vec<ClassName>,
}

impl Scope {
    /// The terms, with a purpose and an end.
    pub(crate) fn terms(&self, purpose: Option<String>, until: Option<Timestamp>, on_end: EndAction) -> GrantTerms {
        GrantTerms {
            rows: gathered(&self.rows),
            except: self.except.clone(),
            classes: self.classes.clone(),
            purpose,
            until,
            on_end,
            ..GrantTerms::whole(self.operations.iter().cloned())
        }
    }
}

/// What is taken from a grant.
#[derive(Args)]
pub(crate) struct Taken {
    /// The operations that stay, as `list,get`; all of them where not given.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    operations: Option<Vec<String>>,
    /// Attributes that are left out from now on, too.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    except: Vec<AttributeName>,
    /// Only rows whose attribute has this value from now on, as `site=ghent`.
    #[arg(long = "where", value_name = "ATTRIBUTE=VALUE", value_parser = row)]
    rows: Vec<(AttributeName, Value)>,
    /// An earlier end: a day, or a time.
    #[arg(long, value_name = "DATE", value_parser = until)]
    until: Option<Timestamp>,
}

impl Taken {
    /// As it was said.
    pub(crate) fn narrowing(&self) -> Narrowing {
        Narrowing {
            operations: self.operations.clone(),
            except: self.except.clone(),
            rows: gathered(&self.rows),
            until: self.until,
        }
    }
}

/// The words by which something is taken.
pub(crate) fn as_options(narrowing: &Narrowing) -> String {
    let mut options = String::new();
    if let Some(operations) = &narrowing.operations {
        options.push_str(&format!(" --operations {}", operations.join(",")));
    }
    if !narrowing.except.is_empty() {
        let except: Vec<&str> = narrowing.except.iter().map(AttributeName::as_str).collect();
        options.push_str(&format!(" --except {}", except.join(",")));
    }
    options
}

/// Terms, line by line.
pub(crate) fn lines(terms: &GrantTerms) -> Vec<(&'static str, String)> {
    let mut lines = vec![("operations", terms.operations.join(", "))];
    for (attribute, values) in &terms.rows {
        let values: Vec<String> = values.iter().map(plain).collect();
        lines.push(("where", format!("{attribute} is {}", values.join(" or "))));
    }
    let listed = |names: Vec<&str>| names.join(", ");
    if !terms.except.is_empty() {
        lines.push(("except", listed(terms.except.iter().map(AttributeName::as_str).collect())));
    }
    if !terms.classes.is_empty() {
        lines.push(("classes", listed(terms.classes.iter().map(ClassName::as_str).collect())));
    }
    lines.extend(terms.when.clone().map(|when| ("when", when)));
    let end = match (terms.until, terms.on_end) {
        (None, _) => "without end".to_owned(),
        (Some(until), EndAction::Alarm) => format!("{until:.0}, and goes on with an alarm"),
        (Some(until), EndAction::End | EndAction::Cut) => format!("{until:.0}"),
    };
    lines.push(("until", end));
    lines.extend(terms.purpose.clone().map(|purpose| ("purpose", purpose)));
    lines
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a grant is for.
pub(crate) fn purpose(text: &str) -> Result<String, String> {
    words(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_lasts_to_its_end_and_a_time_is_a_time() {
        assert_eq!(until("2027-06-30").unwrap().to_string(), "2027-07-01T00:00:00Z");
        assert_eq!(until("2027-06-30T18:00+02:00").unwrap().to_string(), "2027-06-30T16:00:00Z");
        assert!(until("30.6.2027").is_err() && until("soon").is_err());
    }
}
