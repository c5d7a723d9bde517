//! Places and scalars of the tree.

use serde_json::json;

use super::*;

fn parse_text(text: &str) -> (Vec<Node>, Vec<Finding>) {
    parse(text.as_bytes(), &Arc::from("a.yaml"), &Limits::MANIFESTS)
}

#[test]
fn places_are_lines_and_columns_in_characters() {
    let (nodes, findings) = parse_text("# a\nä: {ö: [x, \"ß\", y]}\n---\nz:\n  - 1\n");
    assert_eq!(findings, []);
    let list = nodes[0].get("ä").unwrap().get("ö").unwrap();
    assert_eq!(list.items()[2].place.to_string(), "a.yaml:2:17");
    assert_eq!(nodes[1].get("z").unwrap().items()[0].place.to_string(), "a.yaml:5:5");
}

#[test]
fn only_true_and_false_are_booleans_and_numbers_keep_their_digits() {
    let text = "[true, false, yes, no, on, off, y, n, NO, True, null, ~, , 1, 1.0, 1.50, -2, 0x1f, 012, .5, 1_000, +1, 12:30, '1', \"true\", 99999999999999999999.10]";
    let (nodes, findings) = parse_text(&text.replace(", ,", ", \"\","));
    assert_eq!(findings, []);
    let shown = nodes[0].to_value().to_string();
    assert_eq!(
        shown,
        "[true,false,\"yes\",\"no\",\"on\",\"off\",\"y\",\"n\",\"NO\",\"True\",null,null,\"\",1,1.0,1.50,-2,\"0x1f\",\"012\",\".5\",\"1_000\",\"+1\",\"12:30\",\"1\",\"true\",99999999999999999999.10]"
    );
}

#[test]
fn blocks_quotes_and_empty_values() {
    let (nodes, findings) =
        parse_text("a: |\n  one\n  two\nb: >-\n  one\n  two\nc: 'it''s'\nd: \"\\u00e4\"\ne:\nf: [a,]\n");
    assert_eq!(findings, []);
    assert_eq!(
        nodes[0].to_value(),
        json!({"a": "one\ntwo\n", "b": "one two", "c": "it's", "d": "ä", "e": null, "f": ["a"]})
    );
}

#[test]
fn a_broken_document_does_not_hide_the_others() {
    let (nodes, findings) = parse_text("a: 1\n---\nb: [\n---\nc: 3\n...\nd: 4\n--- e\n");
    assert_eq!(
        nodes.iter().map(Node::to_value).collect::<Vec<_>>(),
        [json!({"a": 1}), json!({"c": 3}), json!({"d": 4}), json!("e")]
    );
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].place.line, 4);
}
