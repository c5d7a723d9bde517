//! Bounds: what is too large, too deep or no text is a finding, quickly, and nothing whatever panics.

use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::code;

fn codes(reading: &Reading) -> Vec<code::Code> {
    reading.findings.iter().map(|finding| finding.code).collect()
}

fn at(reading: &Reading) -> (u32, u32) {
    (reading.findings[0].place.line, reading.findings[0].place.column)
}

#[test]
fn what_is_no_text() {
    for (bytes, code, place) in [
        (&b"kind: Team\nname: \xff\n"[..], code::NOT_UTF8, (2, 7)),
        (b"\xff\xfek\0i\0", code::NOT_UTF8, (1, 1)),
        (b"kind: Team\nname: a\0b\n", code::NOT_YAML, (2, 8)),
        (b"kind: Team\nname: \x1b[31m\n", code::NOT_YAML, (2, 7)),
        ("kind: Team\nname: ä\u{7}\n".as_bytes(), code::NOT_YAML, (2, 8)),
    ] {
        let mut sources = Sources::new();
        sources.insert("a.yaml", bytes);
        let reading = read(&sources);
        assert_eq!(codes(&reading), [code]);
        assert_eq!(at(&reading), place);
    }
    let reading = one("\u{feff}kind: Team\nname: a\n");
    assert_eq!(reading.findings, []);
    assert_eq!(one("").manifests + one("# nothing\n---\n---\n").manifests, 0);
    assert_eq!(one("%YAML 1.2\n---\nkind: Team\nname: a\n").findings, []);
    assert_eq!(one("kind: Team\r\nname: a\r\n---\r\nkind: Team\r\nname: b\r\n").manifests, 2);
}

#[test]
fn what_is_too_large() {
    let begun = Instant::now();
    let hundred = vec![b'a'; 100 << 20];
    let mut sources = Sources::new();
    sources.insert("a.yaml", hundred);
    sources.oversized("b.yaml", 1 << 40);
    sources.oversized("picture.png", 1 << 40);
    sources.unreadable("c", "permission denied");
    assert_eq!(codes(&read(&sources)), [code::TOO_LARGE, code::TOO_LARGE, code::UNREADABLE]);
    assert!(begun.elapsed().as_secs() < 2, "a file over its limit is not parsed");

    let mut sources = Sources::new();
    let megabyte = format!("# {}\n", "x".repeat((1 << 20) - 3));
    for number in 0..130 {
        sources.insert(format!("{number:03}.yaml"), megabyte.as_bytes());
    }
    assert_eq!(codes(&read(&sources)), [code::TOO_LARGE, code::TOO_LARGE]);
}

#[test]
fn bombs() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = level - 1;
        laughs += &format!(
            "a{level}: &a{level} [*a{below}, *a{below}, *a{below}, *a{below}, *a{below}, *a{below}, *a{below}]\n"
        );
    }
    let mut long = format!("a: &a \"{}\"\nb: [", "x".repeat(500_000));
    long += &"*a, ".repeat(10_000);
    long += "]\n";
    let nested_anchors = (0..60).map(|level| format!("{}- &a{level}\n", " ".repeat(level))).collect::<String>()
        + &" ".repeat(61)
        + "x\n";
    for (name, text, code) in [
        ("laughs", laughs, code::TOO_DEEP),
        ("long", long, code::TOO_DEEP),
        ("brackets", "[".repeat(1_000), code::TOO_DEEP),
        ("many brackets", "[".repeat(200_000), code::TOO_DEEP),
        ("braces", "{a: ".repeat(100), code::TOO_DEEP),
        ("dashes", "- ".repeat(100), code::TOO_DEEP),
        ("indents", (0..100).map(|level| format!("{}a:\n", " ".repeat(level))).collect(), code::TOO_DEEP),
        ("nodes", "- a\n".repeat(60_000), code::TOO_DEEP),
        ("commas", format!("[{}]", "a,".repeat(200_000)), code::TOO_DEEP),
        ("itself", "a: &a {b: *a}\n".into(), code::TOO_DEEP),
        ("anchors", nested_anchors, code::UNKNOWN_KIND),
    ] {
        let begun = Instant::now();
        let reading = one(&text);
        assert!(codes(&reading).contains(&code), "{name}: {:?}", reading.findings);
        assert!(begun.elapsed().as_secs() < 5, "{name}");
    }
    // An alias that repeats a little is what aliases are for.
    assert_eq!(one("kind: Team\nname: a\nroles: {owner: &people [x, y], steward: *people}\n").findings, []);
}

#[test]
fn findings_have_a_number_that_people_read() {
    let text: String = (0..5_000).map(|number| format!("---\nkind: Team\nname: B{number}\n")).collect();
    let reading = one(&text);
    assert_eq!(reading.findings.len(), 201);
    assert_eq!(reading.findings[200].code, code::MORE_FINDINGS);
    assert!(reading.findings[200].message.starts_with("4800 more"), "{}", reading.findings[200].message);
}

#[test]
fn what_is_shown_is_what_was_written_and_short() {
    let reading = one(&format!("kind: Team\nname: \"\u{202e}{}\\e[31m\"\n", "x".repeat(300)));
    let message = &reading.findings[0].message;
    assert!(
        message.chars().count() < 200 && !message.contains('\u{202e}') && !message.contains('\u{1b}'),
        "{message:?}"
    );
}

/// A sample with a stretch of it replaced.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let samples: [&'static [u8]; 4] = [
        include_bytes!("organisation.yaml"),
        include_bytes!("objects.yaml"),
        include_bytes!("interfaces.yaml"),
        include_bytes!("old-stock.yaml"),
    ];
    let pieces: [&'static str; 24] = [
        "[", "]", "{", "}", ": ", "- ", "\n", "\"", "'", "|\n", ">-\n", "&a ", "*a", "!t ", "?", "%", "---\n", "\t",
        "#", "<<: ", "~", "\u{feff}", "é", ",",
    ];
    let piece = prop_oneof![
        prop::sample::select(pieces.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    let edit = (any::<prop::sample::Index>(), 0_usize..40, piece);
    (prop::sample::select(samples.to_vec()), prop::collection::vec(edit, 1..6)).prop_map(|(sample, edits)| {
        let mut bytes = sample.to_vec();
        for (index, length, piece) in edits {
            let begin = index.index(bytes.len() + 1);
            let end = (begin + length).min(bytes.len());
            bytes.splice(begin..end, piece);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut sources = Sources::new();
        sources.insert("a.yaml", bytes);
        read(&sources);
    }

    #[test]
    fn no_yaml_like_text_panics(text in "[-\\[\\]{}:,?&*!|>'\"%@#a0 \\n\\t<~.]{0,120}") {
        one(&text);
        crate::openapi::Contract::read(&text, "a.yaml");
    }

    #[test]
    fn no_mutated_manifest_panics_or_vanishes(bytes in mutated()) {
        let mut sources = Sources::new();
        sources.insert("a.yaml", bytes.clone());
        let reading = read(&sources);
        for finding in &reading.findings {
            prop_assert!(finding.place.line >= 1 && finding.place.column >= 1);
            prop_assert!(!finding.message.ends_with("cannot be read"), "{:?}", finding);
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            crate::openapi::Contract::read(text, "a.yaml");
        }
    }
}
