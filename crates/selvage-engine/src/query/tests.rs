//! Queries of lists as tables: what is taken, what is refused and with which nearest name.

use selvage_model::source::{Place, Spanned};
use serde_json::json;

use super::*;

fn attribute(name: &str, shape: Shape) -> Attribute {
    let name = Spanned::new(name.parse().unwrap(), Place::start("x.yaml"));
    Attribute { name, shape, optional: false, read_only: false, class: None, description: None }
}

fn object() -> Object {
    let words = ["draft", "confirmed"];
    let values = words.map(|word| Spanned::new(word.to_owned(), Place::start("x.yaml"))).to_vec();
    Object {
        place: Place::start("x.yaml"),
        name: "production-order".parse().unwrap(),
        version: selvage_model::name::Version { major: 1, minor: 0 },
        owner: Spanned::new("it".parse().unwrap(), Place::start("x.yaml")),
        description: None,
        identity: vec![],
        attributes: vec![
            attribute("status", Shape::Enum { values }),
            attribute("site", Shape::String { max: None }),
            attribute("line", Shape::Integer),
            attribute("open", Shape::Boolean),
            attribute("quantity", Shape::Quantity { dimension: None }),
            attribute("price", Shape::Decimal),
        ],
        authority: vec![],
        stewards: None,
        compatibility: None,
    }
}

fn ask(parameters: &[(&str, &str)]) -> Result<Query, Problem> {
    let scope = Scope { rows: vec![], except: vec!["price".parse().unwrap()], masked: vec![] };
    let parameters: Vec<(String, String)> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    read(&parameters, &object(), &scope)
}

#[test]
fn parameters_become_typed_filters_and_repeated_ones_alternatives() {
    let query = ask(&[
        ("status", "draft"),
        ("limit", "500"),
        ("status", "confirmed"),
        ("line", "7"),
        ("open", "true"),
        ("updated_since", "2026-11-23T07:00:00+01:00"),
        ("cursor", "abc"),
    ])
    .unwrap();
    assert_eq!(query.limit, 500);
    assert_eq!(query.cursor.as_deref(), Some("abc"));
    assert_eq!(query.updated_since.unwrap().to_string(), "2026-11-23T06:00:00Z");
    let filters: Vec<(&str, &[Value])> =
        query.filters.iter().map(|(attribute, values)| (attribute.as_str(), values.as_slice())).collect();
    assert_eq!(
        filters,
        [
            ("status", &[json!("draft"), json!("confirmed")][..]),
            ("line", &[json!(7)][..]),
            ("open", &[json!(true)][..])
        ]
    );
    assert_eq!(ask(&[]).unwrap().limit, 100);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let problem = ask(&[("limit", "0"), ("statsu", "draft"), ("status", "gone"), ("quantity", "4"), ("line", "x")]);
    let problem = problem.unwrap_err();
    assert_eq!((problem.status, problem.code), (400, code::QUERY_UNUSABLE));
    let named: Vec<(&str, &str)> = problem.parameters.iter().map(|error| (error.place, error.name.as_str())).collect();
    assert_eq!(named, ["limit", "statsu", "status", "quantity", "line"].map(|name| ("query", name)));
    for part in
        ["from 1 to 500", "did you mean `status`?", "one of draft, confirmed", "not a single value", "whole number"]
    {
        assert!(problem.detail.contains(part), "{part}: {}", problem.detail);
    }
    for wrong in [[("limit", "501")], [("updated_since", "yesterday")], [("open", "yes")]] {
        assert_eq!(ask(&wrong).unwrap_err().status, 400, "{wrong:?}");
    }
    assert_eq!(ask(&[("limit", "5"), ("limit", "6")]).unwrap_err().status, 400);
}

#[test]
fn what_the_grant_leaves_out_cannot_be_searched_by() {
    let problem = ask(&[("price", "5")]).unwrap_err();
    assert_eq!((problem.status, problem.code), (403, code::ATTRIBUTE_EXCEPTED));
}
