//! `selvage odoo probe` against the simulated Odoo: its report, its exit codes, and what it keeps to itself.

use std::process::Output;

use selvage_factory::odoo::{Hidden, OdooConfig, OdooVersion};
use selvage_factory::{FactoryConfig, PRODUCTION_KEY, READ_KEY};
use serde_json::Value;

use crate::fixture::{Place, selvage, stdout};

async fn place(version: OdooVersion) -> Place {
    let odoo = OdooConfig { version, ..OdooConfig::default() };
    Place::of(FactoryConfig { odoo, ..FactoryConfig::default() }).await
}

fn probe(place: &Place, more: &[&str]) -> Output {
    let (fabric, secrets) = (place.fabric().display().to_string(), place.path("secrets").display().to_string());
    let arguments = ["odoo", "probe", "--fabric", &fabric, "--environment", "dev", "--secrets", &secrets];
    selvage(&[&arguments[..], more].concat())
}

fn ad_hoc(place: &Place, login: &str, key: &str, database: &str) -> Output {
    let file = place.path("key");
    std::fs::write(&file, format!("{key}\n")).unwrap();
    let (url, file) = (place.factory.odoo_url(), file.display().to_string());
    selvage(&["odoo", "probe", "--url", &url, "--database", database, "--login", login, "--key-file", &file])
}

fn text(place: &Place, output: &Output) -> String {
    let report = stdout(output).replace(&place.factory.odoo_url(), "http://ODOO");
    // Keys end some months from now.
    let dated = |line: &str| line.split_once(" ends ").map_or(line.to_owned(), |(key, _)| format!("{key} ends DAY"));
    report.lines().map(dated).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_names_what_the_server_is_and_what_will_work() {
    for (version, name) in [(OdooVersion::V18, "probe_18"), (OdooVersion::V19, "probe_19")] {
        let place = place(version).await;
        let before = place.factory.odoo.journal().len();
        let output = probe(&place, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
        let report = text(&place, &output);
        assert!(!report.contains(READ_KEY) && !report.contains(PRODUCTION_KEY));
        let of_readers = "would not work, and is not needed: create (FAB5114)";
        assert!(report.contains("account default (svc-read)") && report.contains(of_readers), "{report}");
        let report = text(&place, &probe(&place, &["--account", "production"]));
        insta::assert_snapshot!(name, report);
        assert_eq!(place.factory.odoo.journal().len(), before, "nothing was changed");
        let output = probe(&place, &["--format", "json", "--account", "production"]);
        let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!((&json["accounts"][0]["login"], &json["accounts"][0]["lacks"]), (&"svc-mrp".into(), &false.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_only_read_is_told_what_to_ask_for() {
    let place = place(OdooVersion::V18).await;
    // The interfaces that write are given the account that may not.
    place.edit(
        "systems.yaml",
        "production: {login: svc-mrp, api_key: {secret: odoo/mrp}}",
        "production: {login: svc-read, api_key: {secret: odoo/read}}",
    );
    let output = probe(&place, &["--account", "production"]);
    assert_eq!(output.status.code(), Some(1));
    let report = text(&place, &output);
    insta::assert_snapshot!("probe_read_only", report);
    for expected in ["read only", "Let `svc-read` write and create `mrp.production`", "FAB5114"] {
        assert!(report.contains(expected), "{expected}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_fabric_is_probed_with_the_pack() {
    let place = place(OdooVersion::V19).await;
    let output = ad_hoc(&place, "svc-mrp", PRODUCTION_KEY, "velo");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report = text(&place, &output);
    assert!(report.contains("production-order@1 (production-order-odoo, mrp.production): works"), "{report}");
    place.factory.odoo.hide(Hidden::Field {
        model: "product.product".to_owned(),
        field: "weight".to_owned(),
        now: None,
    });
    let report = text(&place, &ad_hoc(&place, "svc-mrp", PRODUCTION_KEY, "velo"));
    assert!(report.contains("`product.product` has no field `weight`"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_has_a_code() {
    let place = place(OdooVersion::V18).await;
    for (login, key, database, code) in
        [("svc-read", "wrong-key", "velo", "FAB6007"), ("svc-read", READ_KEY, "other", "FAB6025")]
    {
        let output = ad_hoc(&place, login, key, database);
        assert_eq!(output.status.code(), Some(1));
        let report = stdout(&output);
        assert!(report.contains(code) && !report.contains(key), "{code}: {report}");
    }
    for (arguments, code) in [(["--system", "sap"], "FAB8020"), (["--account", "nobody"], "FAB8020")] {
        let output = probe(&place, &arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(code), "{arguments:?}");
    }
    let missing =
        selvage(&["odoo", "probe", "--url", "http://127.0.0.1:9", "--login", "a", "--key-file", "/nowhere/key"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("FAB8005"));
    let file = place.path("key");
    std::fs::write(&file, "k-123456").unwrap();
    let gone = selvage(&[
        "odoo",
        "probe",
        "--url",
        "http://127.0.0.1:9",
        "--login",
        "a",
        "--key-file",
        &file.display().to_string(),
    ]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(stdout(&gone).contains("FAB6008"), "{}", stdout(&gone));
    assert_eq!(selvage(&["odoo", "probe"]).status.code(), Some(2), "neither a fabric nor an address");
}
