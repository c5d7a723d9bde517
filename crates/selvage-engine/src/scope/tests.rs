//! What a grant covers, as tables: rows, attributes, and where both meet what was asked.

use serde_json::json;

use super::*;

fn scope() -> Scope {
    Scope {
        rows: vec![("site".parse().unwrap(), vec![json!("ghent"), json!("brno")])],
        except: vec!["price".parse().unwrap()],
        masked: vec![],
    }
}

#[test]
fn an_object_holds_only_where_every_row_names_its_value() {
    let table = [
        (json!({"site": "ghent"}), true),
        (json!({"site": "brno", "x": 1}), true),
        (json!({"site": "turin"}), false),
        (json!({"site": null}), false),
        (json!({}), false),
        (json!({"site": ["ghent"]}), false),
        (json!("ghent"), false),
    ];
    for (object, expected) in table {
        assert_eq!(holds(&scope(), &object), expected, "{object}");
    }
    assert!(holds(&Scope::default(), &json!({})));
}

#[test]
fn a_null_never_holds_even_if_a_row_names_it() {
    let scope = Scope { rows: vec![("site".parse().unwrap(), vec![Value::Null])], except: vec![], masked: vec![] };
    assert!(!holds(&scope, &json!({"site": null})));
}

#[test]
fn excepted_attributes_are_neither_shown_nor_taken() {
    let mut object = json!({"id": "1", "price": "9"});
    strip(&scope(), &mut object);
    assert_eq!(object, json!({"id": "1"}));
    let errors = excepted(&scope(), json!({"price": null}).as_object().unwrap());
    assert_eq!(errors[0].pointer, "/price");
}

#[test]
fn asked_values_outside_the_rows_leave_nothing_and_never_other_rows() {
    let site: AttributeName = "site".parse().unwrap();
    let status: AttributeName = "status".parse().unwrap();
    let table = [
        (&site, None, Some(vec![json!("ghent"), json!("brno")])),
        (&site, Some(vec![json!("ghent")]), Some(vec![json!("ghent")])),
        (&site, Some(vec![json!("turin")]), Some(vec![])),
        (&site, Some(vec![json!("turin"), json!("brno")]), Some(vec![json!("brno")])),
        (&status, None, None),
        (&status, Some(vec![json!("done")]), Some(vec![json!("done")])),
    ];
    for (attribute, asked, expected) in table {
        assert_eq!(intersection(&scope(), attribute, asked.as_deref()), expected);
    }
}

#[test]
fn a_body_outside_the_rows_is_named_by_pointer() {
    assert!(outside(&scope(), &json!({"site": "ghent"})).is_empty());
    for body in [json!({"site": "turin"}), json!({}), json!({"site": null})] {
        let errors = outside(&scope(), &body);
        assert_eq!(errors[0].pointer, "/site");
        assert_eq!(errors[0].detail, "the grant covers only `ghent`, `brno`");
    }
}
