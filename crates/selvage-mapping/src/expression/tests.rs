//! Expressions as tables: what they give, and what the guard refuses before it costs anything.

use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

fn value(text: &str) -> Result<Value, String> {
    let record = json!({
        "name": "Frame", "active": false, "qty": 3, "weight": 2.5, "whole": 2.0,
        "tags": ["a", "b"], "unit": [12, "kg"], "lines": [{"n": 1}, {"n": 2}]
    });
    Expression::parse(text)?.evaluate(&[("record".to_owned(), record)].into())
}

#[test]
fn expressions_read() {
    let table = [
        ("record.name + '!'", json!("Frame!")),
        ("record.qty * 2 + 1", json!(7)),
        ("record.weight", json!("2.5")),
        ("record.whole", json!("2")),
        ("record.active ? 'yes' : 'no'", json!("no")),
        ("record.unit[1]", json!("kg")),
        ("record.tags.exists(t, t == 'b')", json!(true)),
        ("record.lines.map(l, l.n)", json!([1, 2])),
        ("record.lines.filter(l, l.n > 1).size()", json!(1)),
        ("has(record.nothing) ? record.nothing : null", json!(null)),
        ("'a' in record.tags && !record.active", json!(true)),
        ("{'b': 1, 'a': [2]}", json!({"a": [2], "b": 1})),
        ("record.name.startsWith('Fr') // why", json!(true)),
        ("\"it's \\\"here\\\"\" == 'it\\'s \"here\"'", json!(true)),
    ];
    for (text, wanted) in table {
        assert_eq!(value(text), Ok(wanted), "{text}");
    }
}

#[test]
fn what_is_wrong_says_where() {
    let table = [
        ("", "the expression is empty"),
        ("record.name ==", "line 1, column "),
        ("record.qty >\n  (1", "line 2, column "),
        ("'open", "line 1, column 1: a string without an end"),
        ("record.qty > 1.5", "line 1, column 14: there are no numbers with a fraction"),
        ("1 < 2 &&\n nmae(record)", "line 2, column "),
        ("record.name.matches('(a+)+$')", "there is no function `matches`"),
        ("timestamp('2026-11-23T00:00:00Z')", "there is no function `timestamp`"),
    ];
    for (text, wanted) in table {
        let error = Expression::parse(text).map(|_| ()).unwrap_err();
        assert!(error.contains(wanted), "{text}: {error}");
    }
    assert!(value("other.name").unwrap_err().contains("other"));
    assert!(value("record.nothing").is_err());
}

#[test]
fn what_could_be_too_much_is_refused_quickly() {
    let numbers = "[1,2,3,4,5,6,7,8,9,10]";
    let nested = format!("{numbers}.map(a, {numbers}.map(b, {numbers}.map(c, {numbers}.map(d, {numbers}.map(e, a)))))");
    let doubling = format!("[record]{}", ".map(x, x + x)".repeat(30));
    let table = [
        vec!["1"; 2_000].join(" + "),
        vec!["record.a"; 2_000].join(" && "),
        format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{}1{}", "[".repeat(500), "]".repeat(500)),
        "!".repeat(3_000) + "true",
        "-".repeat(3_000) + "1",
        "true ? 1 : ".repeat(200) + "2",
        "{'a':".repeat(100) + "1" + &"}".repeat(100),
        ".map(x, x)".repeat(100),
        nested,
        doubling,
        "record.map(a, record.map(b, record.map(c, a + b + c)))".to_owned(),
        "record.map(a, record.filter(b, a == b).size())".to_owned(),
        format!("'{}'", "a".repeat(10_000)),
    ];
    for text in table {
        let begun = Instant::now();
        let refused = Expression::parse(&text).map(|_| ()).expect_err(&text);
        assert!(begun.elapsed() < Duration::from_millis(500), "{:?} for {refused}", begun.elapsed());
    }
}

#[test]
fn what_is_just_allowed_runs_quickly_on_a_small_stack() {
    let table = [
        vec!["1"; 32].join(" + "),
        vec!["record.a == 1"; 30].join(" || "),
        format!("{}1{}", "(".repeat(16), ")".repeat(16)),
        "!".repeat(299) + "true",
        format!("record{}", ".a".repeat(31)),
        "true ? 1 : ".repeat(16) + "2",
        "record.exists(a, a == 'x') || record.filter(a, a != 'y').map(a, a).size() > 3".to_owned(),
    ];
    let run = move || {
        let record: Vec<Value> = (0..MOST_DATA - 1).map(Value::from).collect();
        for text in table {
            let begun = Instant::now();
            if let Ok(expression) = Expression::parse(&text) {
                println!("{text:.40}");
                let _ = expression.evaluate(&[("record".to_owned(), Value::from(record.clone()))].into());
            }
            assert!(begun.elapsed() < Duration::from_secs(2), "{:?} for {text}", begun.elapsed());
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn too_much_data_is_refused() {
    let expression = Expression::parse("record.size()").unwrap();
    let many = Value::from(vec![1; 2_000]);
    assert!(expression.evaluate(&[("record".to_owned(), many)].into()).unwrap_err().contains("too much data"));
    let long = Value::from("a".repeat(1_000_000));
    assert!(expression.evaluate(&[("record".to_owned(), long)].into()).unwrap_err().contains("too much data"));
}

#[test]
fn what_does_not_fit_is_found_before_it_runs() {
    let variables = BTreeMap::from([
        ("name", Type::Text),
        ("qty", Type::Int),
        ("tags", Type::list(Type::Text)),
        ("query", Type::map(Type::Text)),
        ("id", Type::optional(Type::Text)),
        ("time", Type::record([("hour", Type::Int), ("weekday", Type::Text)])),
        ("any", Type::Any),
    ]);
    let check = |text: &str| Expression::parse(text).unwrap().check(&variables);
    let fits = [
        ("name == 'a' && qty > 2", Type::Bool),
        ("time.hour >= 6 && time.weekday in ['sat', 'sun']", Type::Bool),
        ("id == null || id.startsWith('WH')", Type::Bool),
        ("tags.exists(t, t == name) && !tags.all(t, t.size() > qty)", Type::Bool),
        ("query.site == 'ghent' || query['site'] == name", Type::Bool),
        ("has(query.site) ? query.site : name", Type::Text),
        ("tags.filter(t, t != 'a').size() + 1", Type::Int),
        ("any.what.ever > 3", Type::Bool),
        ("name + '!'", Type::Text),
    ];
    for (text, wanted) in fits {
        assert_eq!(check(text), Ok(wanted), "{text}");
    }
    let misfits = [
        ("nmae == 'a'", "line 1, column 1: there is no `nmae`"),
        ("qty > 2 &&\n  time.huor >= 6", "line 2, column 7: there is no `huor` here"),
        ("name == 3", "a text is never the same as a whole number"),
        ("time.hour == '6'", "a whole number is never the same as a text"),
        ("name < qty", "a text is neither more nor less than a whole number"),
        ("qty in tags", "a whole number is never among these: each is a text"),
        ("name.length == 3", "a text has no members, and so no `length`"),
        ("qty && true", "a whole number stands where true or false is needed"),
        ("name + 1", "a text stands where a whole number is needed"),
        ("qty.startsWith('a')", "a whole number stands where a text is needed"),
        ("tags.exists(t, t == 1)", "a text is never the same as a whole number"),
        ("tags.exists(t, s == 'a')", "there is no `s`"),
    ];
    for (text, wanted) in misfits {
        let misfit = check(text).expect_err(text);
        assert!(misfit.to_string().contains(wanted), "{text}: {misfit}");
    }
    let (unknown, known) = check("time.huor > 3").unwrap_err().unknown.unwrap();
    assert_eq!((unknown.as_str(), known), ("huor", vec!["hour".to_owned(), "weekday".to_owned()]));
}

#[test]
fn names_are_known() {
    let expression = Expression::parse("record.a.b > limit && record.c.exists(x, x == record.d)").unwrap();
    assert_eq!(expression.variables(), ["limit", "record"].map(str::to_owned).into());
    assert_eq!(expression.members_of("record"), ["a", "c", "d"].map(str::to_owned).into());
}

#[test]
fn comparisons_with_literals_are_known() {
    let expression = "a.x == 'y' && 3 < a.n && a.w in ['p', null] && 'q' in a.list && b.y == a.x && !(c.z != true)";
    let found = Expression::parse(expression).unwrap().comparisons();
    let found: Vec<String> = found
        .iter()
        .map(|it| format!("{}.{} {}{}", it.variable, it.member, it.with, if it.among { " among" } else { "" }))
        .collect();
    let mut sorted = found.clone();
    sorted.sort();
    assert_eq!(sorted, ["a.list \"q\" among", "a.n 3", "a.w \"p\"", "a.w null", "a.x \"y\"", "c.z true"], "{found:?}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-z0-9 .,+*/%!?:&|<>=()\\[\\]{}'\"\\\\-]{0,60}") {
        let _ = value(&text);
    }

    #[test]
    fn no_words_make_it_panic(words in proptest::collection::vec(proptest::sample::select(vec![
        "record", ".", "map", "(", ")", ",", "x", "has", "exists", "all", "[", "]", "1", "-", "!", "?", ":", "'a'", "in", "{", "}", "+", "&&", "null", "filter", "9223372036854775807", "0u", "b'x'", "size", "type",
    ]), 0..24)) {
        let _ = value(&words.join(" "));
    }
}
