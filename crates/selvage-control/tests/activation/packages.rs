//! Releases that go from one store to another: what was approved and tried in one opens the gates of the other, and nothing else comes in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvage_control::desk::{
    Deciding, Desk, DeskError, Files, GoingBack, Proposal, Seal, active_in, files_of, receipt_line,
};
use selvage_model::access::{KeyHash, Principal};
use selvage_model::change::DecisionVerdict;
use selvage_model::code::{self, Code};
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_store::{NewKey, Word};

use super::{Stage, activating};
use crate::reading::Reading;

const GROUP: &str = "kind: Fabric
name: velo-works
environments: {test: {}, prod: {protected: true, after: [test], gates: {soak: 1s}}}
---
kind: Domain
name: group
board: {drafting: [eve], security: [ann], quorum: 1}
";

impl Stage {
    async fn group(&self, text: &str) -> String {
        self.released("group", ("fabric.yaml".to_owned(), text.to_owned())).await
    }

    async fn package(&self, release: &str) -> String {
        self.desk.export(release, &self.seal, None).await.unwrap().text
    }

    /// Nodes run a release for a little more than a second.
    async fn ran(&self, release: &str, environment: &str) {
        let environment: EnvironmentName = environment.parse().unwrap();
        let releases = BTreeMap::from([(DomainName::group(), release.to_owned())]);
        self.store.note_runs(&environment, &releases).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        self.store.note_runs(&environment, &releases).await.unwrap();
    }

    async fn trusts(&self, seal: &Seal) {
        self.desk.trust(seal.key(), Word { by: "ann", because: "our test" }).await.unwrap();
    }

    async fn entries(&self) -> u64 {
        self.store.ledger_head().await.unwrap().entries
    }
}

fn refusal<T>(refused: Result<T, DeskError>) -> (String, String) {
    let error = refused.err().unwrap();
    (error.code().as_str().to_owned(), error.to_string())
}

fn says<T>(refused: Result<T, DeskError>, expected: Code, words: &str) {
    let (code, message) = refusal(refused);
    assert!(code == expected.as_str() && message.contains(words), "{code} {message}");
}

/// INVARIANT: APPROVED
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_tried_in_another_store_opens_the_gates() {
    let (there, here) = (Stage::empty().await, Stage::empty().await);
    let first = there.group(GROUP).await;
    let untried = there.package(&first).await;
    // Whose approvals count is said before anything comes in.
    says(here.desk.import(&untried, "ann").await, code::RELEASE_KEY_NEW, "does not know");
    assert_eq!(here.entries().await, 1);
    here.trusts(&there.seal).await;
    let imported = here.desk.import(&untried, "ann").await.unwrap();
    assert!(imported.is_new && imported.receipts == 0 && imported.from == there.seal.key().id, "{imported:?}");
    says(here.desk.activate(&first, &activating("prod")).await, code::ACTIVATION_EARLY, "never active in test");

    // Active there, and run by nobody: that proves nothing.
    there.activated(&first, "test").await;
    here.desk.import(&there.package(&first).await, "ann").await.unwrap();
    says(
        here.desk.activate(&first, &activating("prod")).await,
        code::ACTIVATION_EARLY,
        "no node ran it there, by the store of rk_",
    );

    there.ran(&first, "test").await;
    let tried = there.package(&first).await;
    let again = here.desk.import(&tried, "ann").await.unwrap();
    assert!(!again.is_new && again.receipts == 1, "{again:?}");
    let entries = here.entries().await;
    let again = here.desk.import(&tried, "ann").await.unwrap();
    assert!(!again.is_new && again.receipts == 0, "{again:?}");
    assert_eq!(here.entries().await, entries, "twice is no change");
    let went = here.desk.activate(&first, &activating("prod")).await.unwrap();
    let saw: Vec<&str> = went.gates.iter().map(|gate| gate.saw.as_str()).collect();
    let by = format!("by the store of {} as of", there.seal.key().id);
    assert!(saw.len() == 2 && saw.iter().all(|saw| saw.contains(&by)), "{saw:#?}");
    let release = here.desk.find_release(&first).await.unwrap();
    let (import, receipts) = here.desk.of_other_stores(&release).await.unwrap();
    assert_eq!((import.unwrap().by.as_str(), receipts.len()), ("ann", 1));

    // What was gone back from there has proven that it is not fit.
    let second = there.group(&format!("{GROUP}# more\n")).await;
    there.activated(&second, "test").await;
    there.ran(&second, "test").await;
    let tried = there.package(&second).await;
    let back = GoingBack { domain: DomainName::group(), from: None, to: None };
    there.desk.roll_back(&back, &activating("test")).await.unwrap();
    let gone_back = there.package(&second).await;
    here.desk.import(&gone_back, "ann").await.unwrap();
    // An older word does not come after a newer one.
    here.desk.import(&tried, "ann").await.unwrap();
    says(here.desk.activate(&second, &activating("prod")).await, code::ACTIVATION_EARLY, "gone back from in test");
}

/// Whoever has nodes of an environment sees by themselves what runs there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_tells_a_store_what_its_own_nodes_do() {
    let (there, here) = (Stage::empty().await, Stage::empty().await);
    let first = there.group(GROUP).await;
    there.activated(&first, "test").await;
    there.ran(&first, "test").await;
    here.trusts(&there.seal).await;
    here.desk.import(&there.package(&first).await, "ann").await.unwrap();
    let other = BTreeMap::from([(DomainName::group(), "rel_other".to_owned())]);
    here.store.note_runs(&"test".parse().unwrap(), &other).await.unwrap();
    let activating = activating("prod");
    let refused = here.desk.activate(&first, &activating).await;
    says(refused, code::ACTIVATION_EARLY, "never active in test");
}

/// INVARIANT: APPROVED: whatever byte is another, nothing comes in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_that_was_altered_is_none() {
    let (there, here) = (Stage::empty().await, Stage::empty().await);
    let first = there.group(GROUP).await;
    there.activated(&first, "test").await;
    let package = there.package(&first).await;
    here.trusts(&there.seal).await;
    let before = here.entries().await;
    for at in 0..package.len() {
        let mut bytes = package.clone().into_bytes();
        bytes[at] ^= 1;
        let altered = String::from_utf8(bytes).unwrap();
        let (code, message) = refusal(here.desk.import(&altered, "ann").await);
        assert!(["FAB7211", "FAB7212", "FAB7172"].contains(&code.as_str()), "byte {at}: {code} {message}");
    }
    for altered in [format!("{package} "), package[..package.len() - 1].to_owned(), String::new(), "[]".to_owned()] {
        let (code, message) = refusal(here.desk.import(&altered, "ann").await);
        assert!(["FAB7211", "FAB7212"].contains(&code.as_str()), "{code} {message}");
    }
    let newer = package.replace("selvage-release-1", "selvage-release-2");
    says(here.desk.import(&newer, "ann").await, code::PACKAGE_UNREADABLE, "`selvage-release-2`");
    assert_eq!(here.entries().await, before);
    assert!(here.store.signed_releases().await.unwrap().is_empty() && here.store.changes().await.unwrap().is_empty());
    assert!(here.desk.import(&package, "ann").await.unwrap().is_new);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_follows_what_it_was_compared_with() {
    let (there, here) = (Stage::empty().await, Stage::empty().await);
    let first = there.group(GROUP).await;
    let second = there.group(&format!("{GROUP}# more\n")).await;
    here.trusts(&there.seal).await;
    let (first, second) = (there.package(&first).await, there.package(&second).await);
    says(here.desk.import(&second, "ann").await, code::PACKAGE_ASTRAY, "release here is nothing");
    for package in [&first, &second] {
        assert!(here.desk.import(package, "ann").await.unwrap().is_new);
    }
    // It is here, whatever came after it.
    assert!(!here.desk.import(&first, "ann").await.unwrap().is_new);

    // Somebody who has no part in the domain brings nothing, once names are proven or not.
    let stranger = Desk::new(here.store.clone(), Arc::new(Reading { judges: false }));
    let third = there.group(&format!("{GROUP}# more and more\n")).await;
    let third = there.package(&third).await;
    says(stranger.import(&third, "m.visitor").await, code::API_FORBIDDEN, "m.visitor");
    // The domain went its own way here.
    here.trusts(&here.seal).await;
    here.group(&format!("{GROUP}# another\n")).await;
    says(here.desk.import(&third, "ann").await, code::PACKAGE_ASTRAY, "was compared with rel_");
}

/// INVARIANT: APPROVED: approvals count by who sits here, and where operators have keys here, by who proved who they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approvals_count_as_they_would_here() {
    let (there, here) = (Stage::empty().await, Stage::empty().await);
    let unproven = Desk::new(there.store.unproven(), Arc::new(Reading { judges: false }));
    let first = Stage { desk: unproven, ..there };
    let release = first.group(GROUP).await;
    let package = first.package(&release).await;
    here.trusts(&first.seal).await;
    let key = NewKey { principal: Principal::Operator("ann".to_owned()), hash: KeyHash([9; 32]), expires: None };
    here.store.issue_key(key, "ann").await.unwrap();
    says(here.desk.import(&package, "ann").await, code::PACKAGE_UNAPPROVED, "lacks what this store asks");
    assert!(here.store.signed_releases().await.unwrap().is_empty());
}

/// What lacks its approvals goes to no other store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_goes_once_it_is_ratified() {
    let there = Stage::empty().await;
    there.group(GROUP).await;
    let files = format!("{GROUP}# at night\n");
    let proposal = Proposal {
        domain: Some(DomainName::group()),
        files: Files::from([("fabric.yaml".to_owned(), files)]),
        title: "at night".to_owned(),
        author: "eve".to_owned(),
        emergency: true,
        amends: None,
    };
    let change = there.desk.propose(proposal).await.unwrap();
    let release = there.desk.release(&change.id, "eve", &there.seal).await.unwrap();
    let refused = there.desk.export(&release.id, &there.seal, None).await;
    says(refused, code::PACKAGE_UNAPPROVED, "is to be ratified by");
    let strange = Seal::open(&there.directory.path().join("other.key")).unwrap();
    says(there.desk.export(&release.id, &strange, None).await, code::RELEASE_KEY_NEW, "not signed with");
    let deciding = Deciding {
        change: change.id.clone(),
        version: None,
        person: "ann".to_owned(),
        verdict: DecisionVerdict::Approve,
        because: "well".to_owned(),
    };
    there.desk.decide(deciding).await.unwrap();
    // By the change that made it, as by its id.
    let exported = there.desk.export(&change.id, &there.seal, None).await.unwrap();
    assert_eq!((exported.release, exported.receipts), (release.id, 0));
}

/// INVARIANT: APPROVED: a key that was lost opens nothing any more, and stops nothing that runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_taken_out_again_and_what_runs_goes_on() {
    let (there, here) = (Stage::empty().await, Stage::empty().await);
    let first = there.group(GROUP).await;
    there.activated(&first, "test").await;
    there.ran(&first, "test").await;
    here.trusts(&there.seal).await;
    here.desk.import(&there.package(&first).await, "ann").await.unwrap();
    here.activated(&first, "prod").await;
    let second = there.group(&format!("{GROUP}# more\n")).await;
    there.activated(&second, "test").await;
    there.ran(&second, "test").await;
    let tried = there.package(&second).await;
    here.desk.import(&tried, "ann").await.unwrap();

    let key = there.seal.key().id.clone();
    let lost = Word { by: "ann", because: "the laptop is lost" };
    let unknown = here.desk.distrust("rk_none", lost).await;
    says(unknown, code::NOT_IN_STORE, "rk_none");
    let known = here.desk.distrust(&key, lost).await.unwrap();
    assert!(known.distrusted.is_some(), "{known:?}");
    let entries = here.entries().await;
    here.desk.distrust(&key, lost).await.unwrap();
    assert_eq!(here.entries().await, entries, "twice is no change");

    // Nothing new that it signs comes in, and nothing that it signed is activated where it was not.
    says(here.desk.import(&tried, "ann").await, code::KEY_DISTRUSTED, "is not trusted since");
    says(here.desk.activate(&second, &activating("prod")).await, code::KEY_DISTRUSTED, "is not trusted since");
    let release = here.desk.find_release(&second).await.unwrap();
    let (_, receipts) = here.desk.of_other_stores(&release).await.unwrap();
    assert!(receipt_line(&receipts[0]).contains("whose key is not trusted since"), "{receipts:?}");
    says(here.desk.export(&first, &there.seal, None).await, code::KEY_DISTRUSTED, "the package");
    // What runs is verified as before, and so is what is gone back to.
    let active = active_in(&here.store, &"prod".parse().unwrap()).await.unwrap();
    files_of(&here.store, &active, None).await.unwrap();

    // A release of this store's own key does not pass by what the store of the lost one saw.
    here.trusts(&here.seal).await;
    let seen = here.store.receipts_of(&DomainName::group(), &second).await.unwrap();
    assert!(seen.iter().all(|receipt| receipt.distrusted.is_some()), "{seen:?}");

    // Trusted again, all of it counts again.
    here.trusts(&there.seal).await;
    here.activated(&second, "prod").await;
    here.desk.distrust(&key, lost).await.unwrap();
    let back = GoingBack { domain: DomainName::group(), from: None, to: None };
    here.desk.roll_back(&back, &activating("prod")).await.unwrap();
    let actions: Vec<String> = here.store.ledger(1, 100).await.unwrap().into_iter().map(|it| it.action).collect();
    let of_key: Vec<&str> = actions.iter().map(String::as_str).filter(|it| it.starts_with("release-key.")).collect();
    let (out, back) = ("release-key.distrusted", "release-key.trusted-again");
    assert_eq!(of_key, ["release-key.made", out, "release-key.made", back, out]);
}

/// What was gone back from there is heard of with the next package alone: an old word opens nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_receipt_opens_no_gate() {
    let (there, here) = (Stage::empty().await, Stage::empty().await);
    let first = there.group(&GROUP.replace("{soak: 1s}", "{soak: 1s, receipts: 2s}")).await;
    there.activated(&first, "test").await;
    there.ran(&first, "test").await;
    here.trusts(&there.seal).await;
    here.desk.import(&there.package(&first).await, "ann").await.unwrap();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let refused = here.desk.activate(&first, &activating("prod")).await;
    let (code, message) = refusal(refused);
    let told = ["and may be 2s: export it there again, and import it", "and ran there, by the store of rk_"];
    assert!(code == "FAB7057" && told.iter().all(|told| message.contains(told)), "{code} {message}");
    assert!(message.contains("run by its nodes for 0 s"), "it does not soak either: {message}");
    // A newer word opens it.
    here.desk.import(&there.package(&first).await, "ann").await.unwrap();
    let went = here.desk.activate(&first, &activating("prod")).await.unwrap();
    assert!(went.gates.iter().all(|gate| gate.open), "{:?}", went.gates);
}
