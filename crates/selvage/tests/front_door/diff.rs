//! `selvage diff`: directories, revisions and releases, for people and for pull requests, and who would break.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::fixture::{Place, selvage, stdout};

const BEFORE: &str = include_str!("diff/fabric.yaml");

/// The same with an attribute less, an operation less, and another purpose of a grant.
fn after() -> String {
    let text = BEFORE.replace("  price: {type: money}\n", "").replace("[list, get, create]", "[list, get]");
    text.replace("purpose: Shows orders", "purpose: Shows and prints orders")
}

fn write(directory: &Path, text: &str) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join("fabric.yaml"), text).unwrap();
}

fn diff(directory: &Path, arguments: &[&str]) -> Output {
    let mut all = vec!["diff"];
    all.extend(arguments);
    Command::new(env!("CARGO_BIN_EXE_selvage")).args(all).current_dir(directory).output().unwrap()
}

fn git(directory: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").current_dir(directory).args(who).args(arguments).output().expect("git is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn differences_of_two_directories_for_people_and_for_machines() {
    let place = tempfile::tempdir().unwrap();
    write(&place.path().join("old"), BEFORE);
    write(&place.path().join("new"), &after());
    let output = diff(place.path(), &["old", "new"]);
    let text = stdout(&output);
    for expected in [
        "orders@1 (sales-it)\n",
        "  breaking  interface.operation.removed.request\n            interface orders@1, operation create (fabric.yaml:",
        "  breaking  object.attribute.removed\n            object order@1, /price (fabric.yaml:",
        "            was money\n            Who reads it misses it, and who sends it is refused. Granted to shop.\n",
        "  safe      access.grant-purpose.changed\n",
        "            Shows orders → Shows and prints orders\n",
        "order@1: backward breaking, forward breaking\n2 breaking, 0 unproven, 1 safe\n",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert_eq!(output.status.code(), Some(1));
    let comment = stdout(&diff(place.path(), &["old", "new", "--markdown"]));
    assert!(
        comment.starts_with("**2 breaking, 0 unproven, 1 safe** from <code>old</code> to <code>new</code>"),
        "{comment}"
    );
    assert!(comment.contains("| breaking | `object.attribute.removed` object order&#64;1, /price |"), "{comment}");
    assert!(comment.contains("<details><summary>1 safe</summary>"), "{comment}");

    let document: Value = serde_json::from_str(&stdout(&diff(place.path(), &["old", "new", "--json"]))).unwrap();
    let gone = document["differences"].as_array().unwrap();
    let gone = gone.iter().find(|one| one["code"] == "object.attribute.removed").unwrap();
    assert_eq!((gone["interface"].as_str(), gone["attributes"][0].as_str()), (Some("orders@1"), Some("price")));
    assert_eq!((gone["file"].as_str(), gone["owner"].as_str()), (Some("fabric.yaml"), Some("sales-it")));
    assert_eq!(gone["consumers"], serde_json::json!(["shop"]));
    assert!(document.get("impact").is_none());

    let same = diff(place.path(), &["old", "old"]);
    assert_eq!((same.status.code(), stdout(&same).trim()), (Some(0), "no differences"));
}

#[test]
fn what_fails_is_what_was_asked_for() {
    let place = tempfile::tempdir().unwrap();
    write(&place.path().join("old"), BEFORE);
    let expression = BEFORE.replace("url: \"https://erp.example\"", "url: \"https://other.example\"");
    write(&place.path().join("unproven"), &expression);
    write(&place.path().join("breaking"), &after());
    write(&place.path().join("safe"), &BEFORE.replace("purpose: Shows orders", "purpose: Prints orders"));
    for (head, fail_on, code) in [
        ("safe", "unproven", 0),
        ("unproven", "unproven", 1),
        ("unproven", "breaking", 0),
        ("breaking", "breaking", 1),
        ("breaking", "never", 0),
    ] {
        let output = diff(place.path(), &["old", head, "--fail-on", fail_on]);
        assert_eq!(output.status.code(), Some(code), "{head} {fail_on}: {}", stdout(&output));
    }
}

#[test]
fn a_revision_is_compared_with_the_directory() {
    let place = tempfile::tempdir().unwrap();
    let fabric = place.path().join("plants/fabric");
    write(&fabric, BEFORE);
    git(place.path(), &["init", "-q", "-b", "main"]);
    git(place.path(), &["add", "."]);
    git(place.path(), &["commit", "-q", "-m", "First"]);
    write(&fabric, &after());
    git(place.path(), &["commit", "-q", "-a", "-m", "Second"]);
    for (from, arguments) in [
        (place.path(), &["HEAD~1", "plants/fabric"][..]),
        (place.path(), &["HEAD~1:plants/fabric", "main:plants/fabric"]),
        (fabric.as_path(), &["main~1"]),
    ] {
        let output = diff(from, arguments);
        let text = stdout(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("object.attribute.removed"), "{arguments:?}: {text}{said}");
        assert_eq!(output.status.code(), Some(1));
    }
    let same = diff(place.path(), &["main", "plants/fabric"]);
    assert_eq!(stdout(&same).trim(), "no differences");
    for (name, code) in [("nowhere", "FAB2722"), ("main:elsewhere", "FAB2722"), ("--upload-pack=x", "error")] {
        let output = diff(place.path(), &[name, "plants/fabric"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(code), "{name}: {said}");
    }
    // Without git, what is missing is named.
    let output = Command::new(env!("CARGO_BIN_EXE_selvage"))
        .args(["diff", "main", "plants/fabric"])
        .current_dir(place.path())
        .env("PATH", place.path())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("FAB2721"));
}

#[test]
fn what_cannot_be_read_is_not_compared() {
    let place = tempfile::tempdir().unwrap();
    write(&place.path().join("old"), BEFORE);
    write(&place.path().join("new"), &BEFORE.replace("operations: [list, get, create]", "operation: [list]"));
    let output = diff(place.path(), &["old", "new"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("FAB2723") && said.contains("FAB1006"), "{said}");
    assert_eq!(output.status.code(), Some(2));
    let output = diff(place.path(), &["rel_none", "old", "--data", "data"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("FAB2720"));
}

const CONTRACT: &str = "openapi: 3.1.0
info: {title: Orders, version: '1'}
paths:
  /orders:
    get:
      operationId: orders
      responses: {'200': {description: Orders, content: {application/json: {schema: {type: array, maxItems: 50}}}}}
";

/// A contract is compared by itself: a file with a file, or with what git has of it.
#[test]
fn two_contracts_are_compared_without_a_fabric() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
    write("orders.yaml", CONTRACT);
    git(place.path(), &["init", "--quiet", "--initial-branch=main"]);
    git(place.path(), &["add", "."]);
    git(place.path(), &["commit", "--quiet", "--message", "Orders"]);
    write("old.yaml", CONTRACT);
    write("orders.yaml", &CONTRACT.replace("maxItems: 50", "maxItems: 90"));
    for base in ["old.yaml", "main", "HEAD:orders.yaml"] {
        let output = diff(place.path(), &[base, "orders.yaml"]);
        let text = stdout(&output);
        assert!(text.starts_with("the contract\n  breaking  schema.max-items.widened.response\n"), "{base}: {text}");
        assert!(text.contains("GET /orders, answer 200 (orders.yaml:7:"), "{base}: {text}");
        assert_eq!(output.status.code(), Some(1));
    }
    let markdown = stdout(&diff(place.path(), &["old.yaml", "orders.yaml", "--markdown"]));
    assert!(markdown.contains("### the contract"), "{markdown}");
    // Words are told, and break nobody.
    write("words.yaml", &CONTRACT.replace("title: Orders", "title: Sales"));
    let output = diff(place.path(), &["old.yaml", "words.yaml"]);
    assert!(stdout(&output).contains("safe      interface.contract-words.changed"), "{}", stdout(&output));
    assert_eq!(output.status.code(), Some(0));

    for (old, new, expected) in [
        (
            "asyncapi: 3.0.0\nchannels: {a: {address: a}}",
            "asyncapi: 3.0.0\nchannels: {a: {address: b}}",
            "asyncapi.address.changed",
        ),
        ("type: string\nmaxLength: 5", "type: string\nmaxLength: 9", "backward safe, forward breaking"),
    ] {
        write("a.yaml", old);
        write("b.yaml", new);
        let text = stdout(&diff(place.path(), &["a.yaml", "b.yaml"]));
        assert!(text.contains(expected), "{text}");
    }
}

/// Each step is safe for who writes, the first and the last together are not.
#[test]
fn a_schema_goes_together_with_all_that_went_before() {
    let place = tempfile::tempdir().unwrap();
    for (name, text) in
        [("1.json", "{\"enum\": [1, 2]}"), ("2.json", "{\"enum\": [2]}"), ("3.json", "{\"enum\": [2, 3]}")]
    {
        fs::write(place.path().join(name), text).unwrap();
    }
    let text = stdout(&diff(place.path(), &["2.json", "3.json"]));
    assert!(text.contains("3.json: backward safe, forward breaking"), "{text}");
    let text = stdout(&diff(place.path(), &["2.json", "3.json", "--also", "1.json"]));
    assert!(text.contains("(since 1.json)") && text.contains("3.json: backward breaking, forward breaking"), "{text}");
    let json: Value =
        serde_json::from_str(&stdout(&diff(place.path(), &["2.json", "3.json", "--also", "1.json", "--json"])))
            .unwrap();
    assert_eq!(json["compatibility"]["3.json"]["full"], "breaking");
}

#[test]
fn what_is_no_contract_is_compared_with_none() {
    let place = tempfile::tempdir().unwrap();
    write(&place.path().join("fabric"), BEFORE);
    for (name, text) in
        [("orders.yaml", CONTRACT), ("schema.json", "{\"type\": \"string\"}"), ("broken.yaml", "openapi: [")]
    {
        fs::write(place.path().join(name), text).unwrap();
    }
    for (arguments, code) in [
        (&["orders.yaml", "schema.json"][..], "FAB2780"),
        (&["fabric/fabric.yaml", "orders.yaml"], "FAB2780"),
        (&["orders.yaml", "broken.yaml"], "FAB2723"),
        (&["orders.yaml", "orders.yaml", "--impact"], "FAB2780"),
        (&["fabric", "fabric", "--also", "orders.yaml"], "FAB2780"),
        (&["-x", "orders.yaml"], "unexpected argument"),
        (&["no-such-branch", "orders.yaml"], "FAB2722"),
    ] {
        let output = diff(place.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(code), "{arguments:?}: {said}");
    }
}

#[test]
fn a_class_is_explained() {
    let output = selvage(&["diff", "--explain", "object.attribute.removed"]);
    let text = stdout(&output);
    assert!(text.starts_with("object.attribute.removed: breaking") && text.contains("before:"), "{text}");
    let output = selvage(&["diff", "--explain", "object.attribute.gone"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("FAB2724") && said.contains("object.attribute.removed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_used_what_is_gone_is_named_with_whose_signature_that_takes() {
    let place = Place::new().await;
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &[]);
    let client = reqwest::Client::new();
    for _ in 0..3 {
        let url = format!("{}/inventory/v2/inventory-positions?limit=1&site=ghent", served.base);
        let answer = client.get(url).bearer_auth(&board).send().await.unwrap();
        assert!(answer.status().is_success());
    }
    // It ends in order, and writes what it counted.
    drop(served);
    let fabric = place.fabric().display().to_string();
    let checked: Value = serde_json::from_str(&stdout(&selvage(&["check", &fabric, "--format", "json"]))).unwrap();
    let release = checked["release"].as_str().unwrap();
    let operations = "serves: {object: inventory-position@1, system: odoo, operations: [list]}";
    place.edit("interfaces.yaml", operations, &operations.replace("list", "get"));
    let arguments = ["diff", release, &fabric, "--impact", "--data", &store[1]];
    let output = selvage(&[&arguments[..], &["--json"]].concat());
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let affected = document["impact"]["affected"].as_array().unwrap();
    let of = |name: &str| affected.iter().find(|one| one["consumer"] == name).unwrap_or_else(|| panic!("{document:#}"));
    let (board, planning) = (of("shop-floor-board"), of("planning"));
    assert_eq!(affected.len(), 2, "{document:#}");
    assert_eq!((&board["interface"], &board["meets"][0]["requests"]), (&"inventory@2".into(), &3.into()));
    // It has a grant, and nobody has watched for long enough to say that it does not use it.
    assert_eq!((&planning["meets"][0]["requests"], &planning["last_used"]), (&Value::Null, &Value::Null));
    let number = board["meets"][0]["difference"].as_u64().unwrap() as usize;
    assert_eq!(document["differences"][number]["code"], "interface.operation.removed.request");
    let owner = board["owner"].as_str().unwrap();
    assert_eq!(document["impact"]["signatures"][owner], serde_json::json!(["shop-floor-board"]));
    let text = stdout(&selvage(&arguments));
    assert!(text.contains(&format!("needs the signature of {owner}, for shop-floor-board")), "{text}");
    let comment = stdout(&selvage(&[&arguments[..], &["--markdown"]].concat()));
    assert!(comment.contains("### Would break") && comment.contains("3 requests"), "{comment}");
}

/// An object that promises to be read, and written, as in each state before.
#[test]
fn what_is_promised_of_an_object_is_held_also_towards_earlier_states() {
    let place = tempfile::tempdir().unwrap();
    for (name, values, promise) in [
        ("1", "new, old, gone", ""),
        ("2", "new, old", ""),
        ("3", "new, old", "compatibility: backward-transitive\n"),
        ("4", "new", "compatibility: backward\n"),
    ] {
        let object = format!(
            "kind: Object\nname: part\nversion: 1.0\nowner: it\n{promise}identity: [code]\n\
             attributes: {{code: {{type: string}}, state: {{type: enum, values: [{values}]}}}}\n"
        );
        write(&place.path().join(name), &format!("{BEFORE}\n---\n{object}"));
    }
    assert!(!stdout(&diff(place.path(), &["2", "3"])).contains("FAB2781"), "towards the one before it is kept");
    let found = diff(place.path(), &["2", "3", "--also", "1"]);
    let text = stdout(&found);
    assert!(
        !found.status.success() && text.contains("FAB2781") && text.contains("does not go together with 1"),
        "{text}"
    );
    let text = stdout(&diff(place.path(), &["3", "4", "--fail-on", "never", "--json"]));
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["broken_promises"][0]["code"], "FAB2781", "{text}");
}
