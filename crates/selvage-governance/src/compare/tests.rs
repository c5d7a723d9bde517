//! What the comparison of contracts says where several things meet: references, circles, alternatives, dialects, and whom it concerns.

mod bent;
mod found;

use std::sync::Arc;

use selvage_model::yaml::{self, Limits, Node};

use super::{Difference, Direction, SENT_ALONE, TABLES, Verdict, openapi, schema};

fn node(text: &str) -> Node {
    let (mut nodes, findings) = yaml::parse(text.as_bytes(), &Arc::from("contract.yaml"), &Limits::CONTRACT);
    assert_eq!(findings, [], "{text}");
    nodes.swap_remove(0)
}

/// Class, what it is about, operations and attributes of each difference.
fn told(found: &[Difference]) -> Vec<String> {
    let one = |difference: &Difference| {
        let Difference { class, at, operations, attributes, .. } = difference;
        format!("{} | {at} | {} | {}", class.code, operations.join(" "), attributes.join(" "))
    };
    found.iter().map(one).collect()
}

fn contract(version: &str, rest: &str) -> String {
    format!("openapi: {version}\ninfo: {{title: Orders, version: '1'}}\n{rest}")
}

#[test]
fn a_path_with_another_name_of_its_parameter_is_the_same() {
    let of = |name: &str| {
        let paths = format!(
            "paths:\n  /orders/{{{name}}}/lines:\n    parameters:\n      - {{name: {name}, in: path, required: true, schema: {{type: string}}}}\n    \
             get: {{operationId: lines}}\n"
        );
        node(&contract("3.1.0", &paths))
    };
    assert_eq!(
        told(&openapi(&of("id"), &of("number"))),
        ["openapi.path-parameter.renamed | /orders/{number}/lines |  | "]
    );
}

const SHARED: &str = "paths:
  /orders:
    get:
      operationId: orders
      responses: {'200': {content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Order'}}}}}}
    post:
      operationId: order
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}
      responses: {'201': {content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}}
components:
  schemas:
    Order:
      type: object
      properties:
        code: {type: string}
        bill_to: {$ref: '#/components/schemas/Address'}
        ship_to: {$ref: '#/components/schemas/Address'}
    Address:
      type: object
      properties:
        zip: {type: string, maxLength: 10}
        within: {$ref: '#/components/schemas/Address'}
";

#[test]
fn what_several_operations_share_is_told_once_with_all_of_them() {
    let before = node(&contract("3.1.0", SHARED));
    let after = node(&contract("3.1.0", &SHARED.replace("maxLength: 10", "maxLength: 5")));
    assert_eq!(
        told(&openapi(&before, &after)),
        [
            "schema.max-length.narrowed.response | GET /orders, answer 200, /*/bill_to/zip | orders order | bill_to zip within ship_to",
            "schema.max-length.narrowed.request | POST /orders, body, /bill_to/zip | order | bill_to zip within ship_to",
        ]
    );
    let back: Vec<Verdict> = openapi(&after, &before).iter().map(|difference| difference.verdict).collect();
    assert_eq!(back, [Verdict::Breaking, Verdict::Safe]);
}

#[test]
fn places_are_those_of_the_new_contract_or_of_the_old_one_for_what_is_gone() {
    let before = node(&contract("3.1.0", SHARED));
    let after = node(&contract("3.1.0", &SHARED.replace("        code: {type: string}\n", "")));
    let found = openapi(&before, &after);
    let places: Vec<String> = found.iter().map(|difference| difference.place.to_string()).collect();
    assert_eq!(places, ["contract.yaml:17:15", "contract.yaml:17:15"]);
    assert_eq!(
        told(&found)[0],
        "schema.property.removed.response | GET /orders, answer 200, /*/code | orders order | code"
    );
    assert_eq!(found[0].before.as_deref(), Some(r#"{"type":"string"}"#));
}

/// Whoever leaves out what is needed now is concerned, whatever else it sends.
#[test]
fn what_is_needed_now_concerns_those_who_do_not_send_it() {
    let before = node(&contract("3.1.0", SHARED));
    let needed = SHARED
        .replace("    Address:\n      type: object\n", "    Address:\n      type: object\n      required: [zip]\n");
    let needed =
        needed.replace("    Order:\n      type: object\n", "    Order:\n      type: object\n      required: [code]\n");
    let found = openapi(&before, &node(&contract("3.1.0", &needed)));
    let breaking: Vec<Difference> = found.into_iter().filter(|one| one.verdict == Verdict::Breaking).collect();
    assert_eq!(
        told(&breaking),
        [
            "schema.required.narrowed.request | POST /orders, body, /bill_to/zip | order | bill_to within ship_to",
            "schema.required.narrowed.request | POST /orders, body, /code | order | ",
        ]
    );
}

#[test]
fn schemas_of_3_0_mean_what_they_mean_in_3_1() {
    let of = |version: &str, amount: &str, name: &str| {
        let schema = format!(
            "{{type: object, required: [name, id], properties: {{amount: {amount}, name: {name}, id: {{type: string, readOnly: true}}}}}}"
        );
        node(&contract(
            version,
            &format!(
                "paths:\n  /a:\n    post:\n      operationId: a\n      requestBody: {{content: {{application/json: {{schema: {schema}}}}}}}\n"
            ),
        ))
    };
    let old = of("3.0.3", "{type: number, minimum: 0, exclusiveMinimum: true}", "{type: string, nullable: true}");
    let new = of("3.1.0", "{type: number, exclusiveMinimum: 0}", "{type: [string, 'null']}");
    // In 3.1 a required member has to be sent, whoever may write it.
    assert_eq!(told(&openapi(&old, &new)), ["schema.required.narrowed.request | POST /a, body, /id | a | "]);
    let wider = of("3.0.3", "{type: number, minimum: 0}", "{type: string}");
    assert_eq!(
        told(&openapi(&old, &wider)),
        [
            "schema.minimum.widened.request | POST /a, body, /amount | a | amount",
            "schema.null.narrowed.request | POST /a, body, /name | a | name",
        ]
    );
}

/// Schemas, the differences of requests and those of answers.
#[test]
fn schemas_where_several_things_meet() {
    let tree = "{$ref: '#/$defs/n', $defs: {n: {type: object, properties: {value: {type: integer}, next: {$ref: '#/$defs/n'}}}}}";
    let other = tree.replace("integer", "number");
    let kinds = "oneOf: [{type: object, required: [k], properties: {k: {const: a}}}, {type: object, required: [k], properties: {k: {const: b}}}]";
    let three = kinds.replace("}}}]", "}}}, {type: object, required: [k], properties: {k: {const: c}}}]");
    for (old, new, request, response) in [
        (tree, other.as_str(), &["schema.type.widened.request"][..], &["schema.type.widened.response"][..]),
        // The same by another way to say it.
        ("{type: integer, minimum: 1}", "{type: integer, exclusiveMinimum: 0}", &[], &[]),
        ("{allOf: [{type: string}, {maxLength: 3}]}", "{type: string, maxLength: 3}", &[], &[]),
        ("{enum: [a, b]}", "{enum: [b, a]}", &[], &[]),
        ("{anyOf: [{type: string}, {type: integer}]}", "{anyOf: [{type: integer}, {type: string}]}", &[], &[]),
        ("{const: 1}", "{enum: [1.0]}", &[], &[]),
        // Values speak for themselves.
        ("{enum: [ab, abc]}", "{type: string, minLength: 2, enum: [ab, abc]}", &[], &[]),
        // Alternatives that a member tells apart may become more.
        (kinds, three.as_str(), &["schema.alternative.widened.request"], &["schema.alternative.widened.response"]),
        // Those that nothing tells apart: what fitted one may fit two.
        (
            "oneOf: [{required: [a]}, {required: [b]}]",
            "oneOf: [{required: [a]}, {required: [b]}, {required: [c]}]",
            &["schema.one-of.narrowed.request"],
            &["schema.alternative.widened.response"],
        ),
        (
            "{type: string}",
            "{anyOf: [{type: string}, {type: 'null'}]}",
            &["schema.null.widened.request", "schema.alternative.widened.request"],
            &["schema.null.widened.response"],
        ),
        // Numbers beyond what floating point can tell.
        (
            "{maximum: 9007199254740993}",
            "{maximum: 9007199254740992}",
            &["schema.maximum.narrowed.request"],
            &["schema.maximum.narrowed.response"],
        ),
    ] {
        let (before, after) = (node(old), node(new));
        for (way, expected) in [(Direction::Request, request), (Direction::Response, response)] {
            let found = schema(&before, &after, way);
            let codes: Vec<&str> = found.iter().map(|difference| difference.class.code).collect();
            assert_eq!(codes, expected, "{old} → {new}");
        }
    }
}

/// A circle that lies within no member and no item proves nothing.
#[test]
fn a_schema_that_is_an_alternative_of_itself_proves_nothing() {
    let before = node("type: integer");
    let after = node("{$ref: '#/$defs/a', $defs: {a: {anyOf: [{$ref: '#/$defs/a'}, {type: string}]}}}");
    for way in [Direction::Request, Direction::Response] {
        let found = schema(&before, &after, way);
        assert!(found.iter().any(|difference| difference.verdict != Verdict::Safe), "{found:?}");
    }
}

/// Schemas that refer to one another in ever new ways come to an end.
#[test]
fn a_contract_that_is_made_to_take_long_does_not() {
    let mut definitions = String::new();
    for number in 0..40 {
        let (one, other) = (number + 1, (number * 7 + 3) % 40);
        definitions.push_str(&format!(
            "  d{number}: {{anyOf: [{{type: object, properties: {{a: {{$ref: '#/$defs/d{one}'}}, b: {{$ref: '#/$defs/d{other}'}}}}}}, {{type: array, items: \
             {{$ref: '#/$defs/d{other}'}}}}]}}\n"
        ));
    }
    let of = |kind: &str| node(&format!("$ref: '#/$defs/d0'\n$defs:\n{definitions}  d40: {{type: {kind}}}\n"));
    let found = schema(&of("string"), &of("integer"), Direction::Request);
    assert!(found.iter().any(|difference| difference.verdict != Verdict::Safe));
}

#[test]
fn what_searches_do_not_meet_is_of_classes_that_there_are() {
    for code in SENT_ALONE {
        assert!(TABLES.iter().copied().flatten().any(|class| class.code == code), "{code}");
    }
}
