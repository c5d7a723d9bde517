//! Snapshots: what cannot be served is found before it runs.

use super::fabric::{access, fabric, try_compile};

#[test]
fn a_snapshot_knows_what_it_answers_for() {
    let fabric = fabric("127.0.0.1:1");
    let snapshot = try_compile(&fabric, &access(&fabric), "dev").unwrap();
    let interfaces: Vec<String> = snapshot.interfaces().map(ToString::to_string).collect();
    let expected = [
        "gone-stock@1",
        "live-stock@1",
        "narrow-stock@1",
        "old-stock@1",
        "orders@1",
        "patient-stock@1",
        "shared-stock@1",
        "shut-stock@1",
        "stock@1",
    ];
    assert_eq!(interfaces, expected, "the draft stock@2 is not among them");
    assert_eq!((snapshot.release(), snapshot.revision()), ("rel_test", 1));
}

#[test]
fn a_system_without_an_address_is_found() {
    let fabric = fabric("127.0.0.1:1");
    let findings = try_compile(&fabric, &access(&fabric), "other").unwrap_err();
    assert_eq!(findings.len(), 6, "once for each interface that is served from there");
    assert_eq!(findings[0].code.as_str(), "FAB4060");
    assert_eq!(findings[0].message, "`wms` has no address in the environment `other`");
}

#[test]
fn an_address_that_nothing_can_be_sent_to_is_found() {
    let mut fabric = fabric("127.0.0.1:1");
    for system in fabric.systems.values_mut() {
        for environment in &mut system.environments {
            environment.url.as_mut().unwrap().value = "http://127.0.0.1:99999".to_owned();
        }
    }
    let findings = try_compile(&fabric, &access(&fabric), "dev").unwrap_err();
    assert!(findings.iter().all(|finding| finding.code.as_str() == "FAB4060"), "{findings:?}");
}

#[test]
fn a_contract_that_is_not_there_is_found() {
    let mut fabric = fabric("127.0.0.1:1");
    fabric.files.clear();
    let findings = try_compile(&fabric, &access(&fabric), "dev").unwrap_err();
    assert!(findings.iter().all(|finding| finding.code.as_str() == "FAB4062"), "{findings:?}");
}
