//! What is remembered of tokens, and for how long.

use jiff::Timestamp;
use selvage_model::access::KeyHash;
use selvage_model::fabric::Fabric;

use super::issuers::Issuers;
use super::key::KeysOfIssuers;
use super::memory::Memory;
use super::verify::Verified;

fn hash(number: u32) -> KeyHash {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&number.to_le_bytes());
    KeyHash(hash)
}

fn verified(number: u32) -> Verified {
    Verified::for_test(number, 100, 200)
}

#[test]
fn a_token_is_remembered_under_the_keys_that_made_it_good() {
    let memory = Memory::default();
    let (these, others) = ([1; 32], [2; 32]);
    memory.keep(hash(1), &these, verified(1));
    assert_eq!(memory.recall(&hash(1), &these), Some(verified(1)));
    assert_eq!(memory.recall(&hash(2), &these), None);
    assert_eq!(memory.recall(&hash(1), &others), None, "other keys: it is judged anew");
    memory.keep(hash(2), &others, verified(2));
    assert_eq!(memory.recall(&hash(1), &these), None, "and what the first vouched for is forgotten");
    memory.forget(&hash(2));
    assert_eq!(memory.recall(&hash(2), &others), None);
}

#[test]
fn memory_is_bounded_and_keeps_what_is_used() {
    let memory = Memory::default();
    let mark = [1; 32];
    memory.keep(hash(0), &mark, verified(0));
    for number in 1..100_000 {
        memory.keep(hash(number), &mark, verified(number));
        assert!(memory.recall(&hash(0), &mark).is_some(), "what is asked for again stays: {number}");
    }
    let kept = (0..100_000).filter(|number| memory.recall(&hash(*number), &mark).is_some()).count();
    assert!((4_096..=3 * 4_096).contains(&kept), "{kept}");
}

#[test]
fn a_remembered_token_ends_in_time() {
    let at = |second: i64| verified(1).is_valid(Timestamp::from_second(second).unwrap());
    assert_eq!([at(99), at(100), at(199), at(200)], [false, true, true, false]);
}

#[test]
fn what_decides_about_tokens_is_in_the_mark() {
    use selvage_model::read::{Sources, read};
    let fabric = |more: &str| -> Fabric {
        let text = format!(
            "kind: Fabric\nname: t\nenvironments: {{dev: {{}}}}\n---\nkind: Team\nname: o\n---\nkind: Issuer\nname: plant\n\
             owner: o\nenvironments:\n  dev: {{url: 'https://login.test'{more}}}\n"
        );
        let reading = read(&Sources::of("a.yaml", &text));
        assert_eq!(reading.findings, []);
        reading.fabric
    };
    let mark =
        |more: &str| *Issuers::compile(&fabric(more), &"dev".parse().unwrap(), &KeysOfIssuers::new(), |_| 0).mark();
    assert_eq!(mark(""), mark(""));
    for more in [", audiences: [a]", ", algorithms: [ES256]", ", leeway: 1s", ", subject: client_id"] {
        assert_ne!(mark(""), mark(more), "{more}");
    }
}
