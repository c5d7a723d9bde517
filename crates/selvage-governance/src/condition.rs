//! Conditions of grants (`when`): expressions over request, consumer, grant and time, checked where they are written and
//! judged for each request that a grant would pass. Pure: the time is given. A condition that cannot be judged does not hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Weekday;
use jiff::{Timestamp, Zoned};
use selvage_mapping::expression::{Expression, Misfit, Type};
use serde_json::{Map, Value, json};

use crate::nearest::suggest;

/// A condition that was checked.
#[derive(Debug)]
pub struct Condition {
    expression: Expression,
    reads: BTreeSet<String>,
    reads_query: bool,
    /// The members of the request that it reads; all of them where `None`.
    of_request: Option<BTreeSet<String>>,
}

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoCondition {
    /// What is wrong, and where in the text.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for NoCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What a condition may look at.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path, decoded.
    pub path: &'a str,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// Which operation it is, as grants name it.
    pub operation: &'a str,
    /// The record, where it is one of a mediated interface.
    pub id: Option<&'a str>,
    /// Who asks.
    pub consumer: &'a str,
    /// The team or the domain that answers for them; none where nobody declares the consumer any more.
    pub owner: Option<&'a str>,
    /// How they prove who they are, by its word in manifests: `api_key`, `oauth`, `mtls` or `oidc`.
    pub identity: Option<&'a str>,
    /// What is asked.
    pub interface: &'a str,
    /// What the grant is for.
    pub purpose: Option<&'a str>,
    /// Until when it is given.
    pub until: Option<Timestamp>,
    /// When, in the grant's time zone.
    pub now: &'a Zoned,
}

/// What there is to look at, with its types.
fn types() -> BTreeMap<&'static str, Type> {
    let time = ["year", "month", "day", "hour", "minute"].map(|name| (name, Type::Int));
    let words = ["date", "weekday"].map(|name| (name, Type::Text));
    BTreeMap::from([
        (
            "request",
            Type::record([
                ("method", Type::Text),
                ("path", Type::Text),
                ("query", Type::map(Type::Text)),
                ("operation", Type::Text),
                ("id", Type::optional(Type::Text)),
            ]),
        ),
        (
            "consumer",
            Type::record([
                ("name", Type::Text),
                ("owner", Type::optional(Type::Text)),
                ("identity", Type::optional(Type::Text)),
            ]),
        ),
        (
            "grant",
            Type::record([
                ("interface", Type::Text),
                ("purpose", Type::optional(Type::Text)),
                ("until", Type::optional(Type::Text)),
            ]),
        ),
        ("time", Type::record(time.into_iter().chain(words))),
    ])
}

impl Condition {
    /// Reads and checks a condition.
    ///
    /// # Errors
    /// When it cannot be read, looks at what is not there, or is neither true nor false.
    pub fn parse(text: &str) -> Result<Self, NoCondition> {
        let no = |message: String, fix: String| NoCondition { message, fix };
        let expression = Expression::parse(text)
            .map_err(|error| no(error, "write it in CEL: `request.method == 'GET' && time.hour >= 6`".to_owned()))?;
        match expression.check(&types()) {
            Err(misfit) => Err(no(misfit.to_string(), fix(&misfit))),
            Ok(Type::Bool | Type::Any) => {
                let of_request = expression.members_of("request");
                let reads_query = of_request.contains("query") || expression.reads_whole("request");
                let of_request = (!expression.reads_whole("request")).then_some(of_request);
                Ok(Self { reads: expression.variables(), reads_query, of_request, expression })
            }
            Ok(other) => Err(no(
                format!("it makes {other}"),
                "compare it with something, so that it is true or false".to_owned(),
            )),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        self.expression.text()
    }

    /// Whether it looks at the time.
    pub fn reads_time(&self) -> bool {
        self.reads.contains("time")
    }

    /// Whether it comes to the same for every request of one operation by one method under one grant, within a minute of UTC: it
    /// looks neither at the path nor at the query nor at the record, and the facts of time are whole minutes.
    pub fn is_of_the_minute(&self) -> bool {
        let plain = |member: &String| member == "method" || member == "operation";
        self.of_request.as_ref().is_some_and(|members| members.iter().all(plain))
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// When it cannot be judged, in words.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, String> {
        let all = [
            ("request", request as fn(&Facts<'_>) -> Value),
            ("consumer", |facts| json!({"name": facts.consumer, "owner": facts.owner, "identity": facts.identity})),
            ("grant", grant),
            ("time", time),
        ];
        if self.reads_query {
            // Two spellings of one name are two readings: of `site=a&Site[]=b` a server may take either.
            let plain = |name: &String| name.split('[').next().unwrap_or_default().trim().to_lowercase();
            let names: BTreeSet<String> = facts.query.iter().map(|(name, _)| plain(name)).collect();
            if names.len() < facts.query.len() {
                return Err("a parameter stands twice in the query".to_owned());
            }
            if facts.query.iter().any(|(name, value)| name.contains(';') || value.contains(';')) {
                return Err("a `;` in the query is read in two ways".to_owned());
            }
        }
        let read = all.into_iter().filter(|(name, _)| self.reads.contains(*name));
        let variables = read.map(|(name, make)| (name.to_owned(), make(facts))).collect();
        match self.expression.evaluate(&variables)? {
            Value::Bool(holds) => Ok(holds),
            _ => Err("it is neither true nor false".to_owned()),
        }
    }
}

fn fix(misfit: &Misfit) -> String {
    match &misfit.unknown {
        Some((name, known)) => suggest(name, known, "see the guide for what a condition may look at"),
        None => "see the guide for what a condition may look at, and of which kind each is".to_owned(),
    }
}

fn request(facts: &Facts<'_>) -> Value {
    let query: Map<String, Value> =
        facts.query.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
    json!({
        "method": facts.method, "path": facts.path, "query": query, "operation": facts.operation, "id": facts.id,
    })
}

fn grant(facts: &Facts<'_>) -> Value {
    // Whole seconds, so that texts stand in the order of times.
    let until = facts.until.map(|until| format!("{until:.0}"));
    json!({"interface": facts.interface, "purpose": facts.purpose, "until": until})
}

fn time(facts: &Facts<'_>) -> Value {
    let now = facts.now;
    let weekday = match now.weekday() {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    };
    json!({
        "year": now.year(), "month": now.month(), "day": now.day(), "hour": now.hour(), "minute": now.minute(),
        "date": now.date().to_string(), "weekday": weekday,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> Result<bool, String> {
        let now: Zoned = "2026-11-28T06:30:00+01:00[Europe/Brussels]".parse().unwrap();
        let facts = Facts {
            method: "GET",
            path: "/orders/v1/orders/o-1",
            query: vec![("site".to_owned(), "ghent".to_owned())],
            operation: "get",
            id: Some("o-1"),
            consumer: "mes-ghent",
            owner: Some("plant-it"),
            identity: Some("api_key"),
            interface: "orders@1",
            purpose: None,
            until: Some("2026-12-01T17:00:00Z".parse().unwrap()),
            now: &now,
        };
        Condition::parse(text).map_err(|error| format!("{error}; {}", error.fix))?.holds(&facts)
    }

    #[test]
    fn conditions_hold_or_do_not() {
        let table = [
            ("request.method == 'GET' && time.hour >= 6", true),
            ("request.method in ['GET', 'HEAD'] && time.hour >= 7", false),
            ("time.weekday in ['saturday', 'sunday']", true),
            ("time.date == '2026-11-28' && time.minute == 30", true),
            ("request.query.site == 'ghent'", true),
            ("has(request.query.limit) && request.query.limit == '1'", false),
            ("request.id == null || request.id.startsWith('o-')", true),
            ("consumer.name == 'mes-ghent' && grant.interface == 'orders@1' && grant.purpose == null", true),
            ("request.operation == 'get' && request.path.endsWith('o-1')", true),
            ("consumer.owner == 'plant-it' && consumer.identity in ['api_key', 'mtls']", true),
            ("consumer.owner != null && consumer.owner.startsWith('sales')", false),
            ("grant.until == '2026-12-01T17:00:00Z' && grant.until > time.date", true),
            ("grant.until < '2026-12-01'", false),
            ("false", false),
        ];
        for (text, holds) in table {
            assert_eq!(judged(text), Ok(holds), "{text}");
        }
    }

    #[test]
    fn what_holds_for_a_minute() {
        let table = [
            ("request.method == 'GET' && time.hour >= 6", true),
            ("request.operation in ['list', 'get'] && consumer.name == 'a' && grant.purpose != null", true),
            ("time.minute == 30", true),
            ("request.path == '/a'", false),
            ("has(request.query.site) && request.query.site == 'ghent'", false),
            ("request.id == null", false),
            ("request['method'] == 'GET'", false),
        ];
        for (text, of_the_minute) in table {
            assert_eq!(Condition::parse(text).unwrap().is_of_the_minute(), of_the_minute, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_where_it_is_written() {
        let table = [
            ("request.metod == 'GET'", "line 1, column 8: there is no `metod` here; did you mean `method`?"),
            ("requst.method == 'GET'", "there is no `requst`; did you mean `request`?"),
            ("time.hour", "it makes a whole number"),
            ("consumer.team == 'a'", "there is no `team` here"),
            ("grant.until > 5", "line 1"),
            ("time.hour == '6'", "a whole number is never the same as a text"),
            ("request.method ==", "line 1, column"),
            ("request.path.matches('(a+)+')", "there is no function `matches`"),
        ];
        for (text, wanted) in table {
            let error = judged(text).expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_judged_does_not_hold() {
        for text in ["request.query.plant == 'ghent'", "request.query['a'] == 'b'", "1 / (time.hour - 6) > 0"] {
            assert!(judged(text).is_err(), "{text}");
        }
    }
}
