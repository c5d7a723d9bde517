//! Who signs on the command line: a name is a name, a key proves it, and with the first key of an operator names decide nothing.

use std::process::Output;

use selvage_model::subscription::LiveSubscription;
use selvage_store::{AskedSubscription, Store};
use serde_json::Value;

use crate::changes::Plants;
use crate::deliveries::{Receiver, place};
use crate::fixture::{selvage_with, stdout};

/// A command with a key or without, as nobody's fixture would give it.
fn run(plants: &Plants, arguments: &[&str], key: Option<&str>) -> Output {
    let store: Vec<&str> = plants.store.iter().map(String::as_str).collect();
    selvage_with(&[arguments, &store].concat(), key)
}

fn said(output: &Output) -> String {
    stdout(output) + &String::from_utf8_lossy(&output.stderr)
}

#[track_caller]
fn well(plants: &Plants, arguments: &[&str], key: Option<&str>) -> String {
    let output = run(plants, arguments, key);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    stdout(&output)
}

#[track_caller]
fn refused(plants: &Plants, arguments: &[&str], key: Option<&str>, code: &str) {
    let output = run(plants, arguments, key);
    assert!(output.status.code() == Some(1) && said(&output).contains(code), "{arguments:?}: {}", said(&output));
}

fn entries(plants: &Plants, action: &str) -> Vec<String> {
    let listed = well(plants, &["ledger", "list"], None);
    listed.lines().filter(|line| line.contains(action)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_alone_is_shown_as_unproven() {
    let plants = Plants::new().await;
    let change = plants.approve(&plants.propose("group", "The first of all", "a.lindqvist", &[]));
    let id = change["id"].as_str().unwrap();
    let shown = plants.well(&["change", "show", id]);
    assert!(shown.contains("(unproven) approves: it is well"), "{shown}");
    assert!(change["decisions"].as_array().unwrap().iter().all(|it| it["unproven"] == true), "{change:#}");
    plants.release(&change, "a.lindqvist");
    let listed = plants.well(&["release", "list"]);
    assert!(listed.contains("a.lindqvist (unproven)"), "{listed}");
    assert!(entries(&plants, "change.decided").iter().all(|line| line.contains("(unproven)")));
    let out = plants.place.path("audit").display().to_string();
    let written = plants.well(&["evidence", "domain", "group", "--out", &out]);
    let document = written.lines().find(|line| line.ends_with(".json")).unwrap();
    let package = std::fs::read_to_string(document).unwrap();
    assert!(package.contains("a.lindqvist (unproven)") && package.contains("s.okafor (unproven)"), "{package}");
    // A seat is lent to the end of a day.
    let lend = ["--domain", "group", "--discipline", "security", "--by", "s.okafor", "--to", "deputy"];
    let lent = plants.well(&[&["board", "delegate", "--until", "2037-06-30"], &lend[..]].concat());
    assert!(lent.contains("until 2037-07-01T00:00:00Z"), "{lent}");
    assert!(entries(&plants, "board.delegated").iter().all(|line| line.contains("s.okafor (unproven)")));
    // What nobody signs claims to be nobody.
    plants.well(&["block", "interface", "legacy-stock@1", "--because", "a leak", "--anyway"]);
    assert!(
        entries(&plants, "interface.blocked").iter().all(|line| line.contains("cli") && !line.contains("unproven"))
    );
    let reserved = ["block", "interface", "legacy-stock@1", "--because", "a leak", "--anyway", "--by", "selvage"];
    refused(&plants, &reserved, None, "FAB7196");

    // Somebody begins; once one has a key who sits over everybody, those say who signs.
    let outsider = well(&plants, &["operator", "add", "o.outsider"], None);
    let seated = well(&plants, &["operator", "add", "s.okafor"], Some(outsider.trim()));
    refused(&plants, &["operator", "add", "b.novak"], Some(outsider.trim()), "FAB8061");
    well(&plants, &["operator", "add", "b.novak"], Some(seated.trim()));
    // Nor does anybody else say whose releases nodes run.
    let own = plants.place.path("own.key").display().to_string();
    let key = plants.well(&["release", "key", "--signing-key", &own]);
    let trust = ["release", "trust", key.trim(), "--because", "it is exchanged"];
    refused(&plants, &trust, Some(outsider.trim()), "FAB8061");
    refused(&plants, &[&trust[..], &["--by", "s.visitor"]].concat(), None, "FAB7203");
    assert_eq!(entries(&plants, "release-key.made").len(), 1, "the one that signed first");
    well(&plants, &trust, Some(seated.trim()));
    assert_eq!(entries(&plants, "release-key.made").len(), 2);
}

/// The command line is no way round who answers for an interface, once there are keys that prove it.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_approved_by_who_answers_for_it() {
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    drop(place.serve(&place.data(), &[]));
    let store = Store::open(&format!("sqlite:{}", place.path("data/selvage.db").display())).await.unwrap();
    let LiveSubscription { consumer, interface, terms, .. } = store.subscriptions().await.unwrap().remove(0);
    let asked = ["one", "other"].map(|name| AskedSubscription {
        consumer: consumer.clone(),
        name: name.parse().unwrap(),
        interface: interface.clone(),
        terms: terms.clone(),
    });
    store.apply_manifest_subscriptions(&asked, false, "serve").await.unwrap();
    store.close().await;
    let data = place.data();
    let run = |arguments: &[&str], key: Option<&str>| {
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        selvage_with(&[arguments, &data].concat(), key)
    };
    let approve = |name: &'static str| ["subscriptions", "approve", name, "--because", "the board needs it"];
    let nobody = run(&approve("mes-ghent/one"), None);
    assert!(nobody.status.success(), "nobody has a key yet: {}", said(&nobody));
    let outsider = stdout(&run(&["operator", "add", "o.outsider"], None));
    let refused = run(&approve("mes-ghent/other"), Some(outsider.trim()));
    assert!(refused.status.code() == Some(1) && said(&refused).contains("FAB8061"), "{}", said(&refused));
    let owner = stdout(&run(&["operator", "add", "m.dewit"], Some(outsider.trim())));
    let approved = run(&approve("mes-ghent/other"), Some(owner.trim()));
    assert!(approved.status.success() && said(&approved).contains("is approved"), "{}", said(&approved));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_proves_who_signs_and_names_decide_nothing_beside_it() {
    let plants = Plants::new().await;
    let fabric = plants.fabric().display().to_string();
    let propose = ["propose", &fabric, "--domain", "group", "--title", "The first of all", "--json"];
    let author = well(&plants, &["operator", "add", "a.lindqvist", "--days", "30"], None);
    let author = author.trim();
    // Who has a key shows it, others have names that anybody could write.
    refused(&plants, &[&propose[..], &["--by", "a.lindqvist"]].concat(), None, "FAB7202");
    refused(&plants, &[&propose[..], &["--by", "somebody"]].concat(), None, "FAB7203");
    refused(&plants, &[&propose[..], &["--by", "s.okafor"]].concat(), Some(author), "FAB7201");
    refused(&plants, &propose, Some("slv_0"), "FAB7200");
    let nobody = run(&plants, &propose, None);
    assert!(nobody.status.code() == Some(2) && said(&nobody).contains("--by NAME"), "{}", said(&nobody));
    let change: Value = serde_json::from_str(&well(&plants, &propose, Some(author))).unwrap();
    assert_eq!(change["author"], "a.lindqvist");
    let id = change["id"].as_str().unwrap();

    // Nobody lets themselves in: the next operator is added by one.
    refused(&plants, &["operator", "add", "s.okafor"], None, "FAB7203");
    refused(&plants, &["operator", "add", "s.okafor", "--by", "b.novak"], None, "FAB7203");
    let other = well(&plants, &["operator", "add", "s.okafor"], Some(author));
    let file = plants.place.path("okafor.key");
    std::fs::write(&file, &other).unwrap();
    let file = file.display().to_string();
    let approve = ["change", "approve", id, "--because", "it is well", "--json"];
    refused(&plants, &[&approve[..], &["--by", "b.novak"]].concat(), None, "FAB7203");
    let approved = well(&plants, &[&approve[..], &["--key-file", &file]].concat(), None);
    let approved: Value = serde_json::from_str(&approved).unwrap();
    assert_eq!(approved["decisions"][0]["person"], "s.okafor", "{approved:#}");
    assert!(approved["decisions"][0]["unproven"].is_null(), "{approved:#}");
    assert!(
        entries(&plants, "change.decided").iter().all(|line| line.contains("s.okafor") && !line.contains("unproven"))
    );

    // The successor of an operator's key is an operator's key, and so is what takes one back: else names would decide again.
    let listed = well(&plants, &["key", "list"], None);
    let key_of =
        |name: &str| listed.lines().find(|line| line.contains(name)).unwrap().split_whitespace().next().unwrap();
    refused(&plants, &["key", "rotate", key_of("s.okafor")], None, "FAB7203");
    refused(&plants, &["key", "revoke", key_of("s.okafor"), "--because", "it was lost"], None, "FAB7203");
    well(&plants, &["key", "revoke", key_of("s.okafor"), "--because", "it was lost"], Some(author));
    refused(&plants, &approve, Some(other.trim()), "FAB7200");
    // With the last one gone names decide no more than before.
    well(&plants, &["key", "revoke", key_of("a.lindqvist"), "--because", "it was lost"], Some(author));
    refused(&plants, &["operator", "add", "a.lindqvist"], None, "FAB7203");
    refused(&plants, &[&approve[..], &["--by", "b.novak"]].concat(), None, "FAB7203");
    // Whoever has the store lets somebody in, and that is in the ledger for good.
    well(&plants, &["operator", "add", "a.lindqvist", "--locked-out", "every key was lost"], None);
    let again = well(&plants, &["operator", "add", "a.lindqvist", "--locked-out", "that one, too"], None);
    let let_in = entries(&plants, "operator.let-in");
    assert!(let_in.len() == 2 && let_in[0].contains("every key was lost"), "{let_in:?}");
    // Everybody's key had been taken back the first time, and the second time one counted.
    assert!(let_in[0].contains("\"could_sign\":[]"), "{let_in:?}");
    assert!(let_in[1].contains("\"could_sign\":[\"a.lindqvist\"]"), "{let_in:?}");
    let listed = well(&plants, &["key", "list"], None);
    let alive = listed.lines().filter(|line| line.contains("operator a.lindqvist") && line.contains("valid")).count();
    assert_eq!(alive, 1, "what the person had is taken back: {listed}");
    well(&plants, &["operator", "add", "s.okafor"], Some(again.trim()));
    well(&plants, &["ledger", "verify"], None);
}

/// What a stranger with a key could do to the board's, and what a seat is worth that was lent by a name.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_board_are_not_a_strangers_to_take_and_names_lend_no_seats_beside_keys() {
    let plants = Plants::new().await;
    let first = plants.approve(&plants.propose("group", "The first of all", "a.lindqvist", &[]));
    plants.release(&first, "a.lindqvist");
    let lend = ["board", "delegate", "--domain", "group", "--until", "2037-06-30", "--to", "deputy"];
    let lend = |discipline: &'static str| [&lend[..], &["--discipline", discipline]].concat();
    well(&plants, &[&lend("security")[..], &["--by", "s.okafor"]].concat(), None);
    let outsider = well(&plants, &["operator", "add", "o.outsider"], None);
    let seated = well(&plants, &["operator", "add", "a.lindqvist"], Some(outsider.trim()));
    let business = well(&plants, &["operator", "add", "b.novak"], Some(seated.trim()));
    let deputy = well(&plants, &["operator", "add", "deputy"], Some(seated.trim()));
    let consumer = well(&plants, &["key", "issue", "ghent-mes", "--anyway"], Some(seated.trim()));
    assert!(!consumer.is_empty());
    let listed = well(&plants, &["key", "list"], None);
    let key_of =
        |name: &str| listed.lines().find(|line| line.contains(name)).unwrap().split_whitespace().next().unwrap();
    let revoke = |name: &str| ["key", "revoke", key_of(name), "--because", "it was lost"].map(str::to_owned);
    for name in ["a.lindqvist", "b.novak"] {
        let revoke = revoke(name);
        let revoke: Vec<&str> = revoke.iter().map(String::as_str).collect();
        refused(&plants, &revoke, Some(outsider.trim()), "FAB8061");
    }
    // Taking access away takes no key.
    let of_consumer = revoke("ghent-mes");
    well(&plants, &of_consumer.iter().map(String::as_str).collect::<Vec<_>>(), None);
    // The board's keys are theirs to take, and a stranger makes no operator when they are gone.
    let own = revoke("b.novak");
    well(&plants, &own.iter().map(String::as_str).collect::<Vec<_>>(), Some(business.trim()));

    let fabric = plants.fabric();
    let edited = std::fs::read_to_string(fabric.join("fabric.yaml")).unwrap().replace("tier-1: 12", "tier-1: 13");
    plants.write("fabric.yaml", &edited);
    let fabric = fabric.display().to_string();
    let propose = ["propose", &fabric, "--domain", "group", "--title", "A year more", "--json"];
    let change: Value = serde_json::from_str(&well(&plants, &propose, Some(seated.trim()))).unwrap();
    let approve = ["change", "approve", change["id"].as_str().unwrap(), "--because", "it is well"];
    refused(&plants, &approve, Some(deputy.trim()), "FAB7054");
    let seats = well(&plants, &["board", "seats"], None);
    assert!(seats.contains("by s.okafor (unproven)"), "{seats}");
    let security = well(&plants, &["operator", "add", "s.okafor"], Some(seated.trim()));
    well(&plants, &lend("security"), Some(security.trim()));
    well(&plants, &approve, Some(deputy.trim()));

    let last = revoke("a.lindqvist");
    well(&plants, &last.iter().map(String::as_str).collect::<Vec<_>>(), Some(seated.trim()));
    refused(&plants, &["operator", "add", "b.novak"], Some(outsider.trim()), "FAB8061");
    // What was done without a key stands in evidence.
    well(&plants, &["operator", "add", "b.novak", "--locked-out", "all keys were lost"], None);
    let out = plants.place.path("locked").display().to_string();
    let written = well(&plants, &["evidence", "control", "four-eyes", "--out", &out], None);
    let package = std::fs::read_to_string(written.lines().next().unwrap()).unwrap();
    assert!(package.contains("from somebody who showed none, past "), "{package}");
    assert!(package.contains(" whose keys counted: all keys were lost"), "{package}");
}

/// A backup is restored as anything else is done: a key that it knows proves who does, and a name that has one is nothing without it.
#[tokio::test(flavor = "multi_thread")]
async fn who_restores_is_proven_by_a_key_that_the_backup_knows() {
    let plants = Plants::new().await;
    let ann = well(&plants, &["operator", "add", "ann"], None).trim().to_owned();
    let ben = well(&plants, &["operator", "add", "ben"], Some(&ann)).trim().to_owned();
    let file = plants.place.path("node.backup").display().to_string();
    well(&plants, &["backup", &file], None);
    // Since then `ben`'s key was taken back, which the lost store knows.
    let keys = well(&plants, &["key", "list"], None);
    let of_ben = keys.lines().find(|line| line.contains("ben")).unwrap().split_whitespace().next().unwrap().to_owned();
    well(&plants, &["key", "revoke", &of_ben, "--because", "gone"], Some(&ann));
    let lost = plants.place.path("data").display().to_string();
    let restore = |to: &str, more: &[&str], key: Option<&str>| {
        let to = plants.place.path(to).display().to_string();
        let output = selvage_with(&[&["restore", &file, "--lost-store", &lost, "--data", &to], more].concat(), key);
        let ledger = selvage_with(&["ledger", "list", "--data", &to], None);
        let entry = stdout(&ledger).lines().find(|line| line.contains("store.restored")).map(str::to_owned);
        (said(&output), entry)
    };
    for (more, key, code) in [
        (&["--by", "ann"][..], None, "FAB7202"),
        (&["--by", "ben"][..], Some(&ann), "FAB7201"),
        (&[][..], Some(&ben), "FAB7200"),
    ] {
        let (said, entry) = restore("refused", more, key.map(String::as_str));
        assert!(said.contains(code) && entry.is_none(), "{more:?}: {said}");
    }
    let (_, entry) = restore("named", &["--by", "carl"], None);
    assert!(entry.as_ref().is_some_and(|entry| entry.contains("carl") && entry.contains("unproven")), "{entry:?}");
    let (_, entry) = restore("proven", &[], Some(&ann));
    assert!(entry.as_ref().is_some_and(|entry| entry.contains("ann") && !entry.contains("unproven")), "{entry:?}");
}
