//! Every recording of both versions, with the number of its steps, the test that plays it and in which dialects. A recording
//! that is not here fails this test; the player passes over nothing, and what is not wholly compared is named here.

use std::collections::BTreeSet;
use std::path::Path;

use crate::recording::raw;

const BOTH: &str = "JSON-RPC, XML-RPC";
const JSON: &str = "JSON-RPC";
const XML: &str = "XML-RPC";
const JSON_2: &str = "JSON-2";

/// Version, recording, steps, dialects, the test.
const PLAYED: [(&str, &str, usize, &str, &str); 29] = [
    ("18", "access", 9, BOTH, "odoo_18_maintenance_and_access"),
    ("18", "companies", 16, BOTH, "odoo_18_reports_and_companies"),
    ("18", "concurrency", 1, JSON, "odoo_18_concurrency"),
    ("18", "errors", 14, BOTH, "odoo_18_products_manufacturing_purchasing_and_sales"),
    ("18", "fields", 35, BOTH, "odoo_18_describes_its_fields_as_recorded"),
    ("18", "manufacturing", 45, BOTH, "odoo_18_products_manufacturing_purchasing_and_sales"),
    ("18", "paging", 7, JSON, "odoo_18_paging"),
    ("18", "products", 18, BOTH, "odoo_18_products_manufacturing_purchasing_and_sales"),
    ("18", "purchasing", 15, BOTH, "odoo_18_products_manufacturing_purchasing_and_sales"),
    ("18", "reading", 10, JSON, "odoo_18_reading"),
    ("18", "report_close_short", 11, BOTH, "odoo_18_reports_and_companies"),
    ("18", "report_other", 25, BOTH, "odoo_18_reports_and_companies"),
    ("18", "report_over_consumption", 18, BOTH, "odoo_18_reports_and_companies"),
    ("18", "report_right", 63, BOTH, "odoo_18_reports_and_companies"),
    ("18", "report_short", 21, BOTH, "odoo_18_reports_and_companies"),
    ("18", "report_whole", 31, BOTH, "odoo_18_reports_and_companies"),
    ("18", "sales", 11, BOTH, "odoo_18_products_manufacturing_purchasing_and_sales"),
    ("18", "session", 8, BOTH, "odoo_18_products_manufacturing_purchasing_and_sales"),
    ("18", "webhooks_in", 5, "webhooks", "odoo_18_takes_webhooks_as_recorded"),
    ("18", "webhooks_out", 9, "webhooks", "odoo_18_tells_webhooks_as_recorded"),
    ("18", "xmlrpc", 10, XML, "odoo_18_xmlrpc"),
    ("19", "companies", 16, JSON_2, "odoo_19_reports_and_companies"),
    ("19", "json2", 49, JSON_2, "odoo_19_json2"),
    ("19", "report_close_short", 11, JSON_2, "odoo_19_reports_and_companies"),
    ("19", "report_other", 25, JSON_2, "odoo_19_reports_and_companies"),
    ("19", "report_over_consumption", 18, JSON_2, "odoo_19_reports_and_companies"),
    ("19", "report_right", 63, JSON_2, "odoo_19_reports_and_companies"),
    ("19", "report_short", 21, JSON_2, "odoo_19_reports_and_companies"),
    ("19", "report_whole", 31, JSON_2, "odoo_19_reports_and_companies"),
];

/// Steps that are not played in one dialect, or of which not every value is compared, with the reason.
const LIMITS: [(&str, &str, &str); 7] = [
    ("session", "malformed JSON body", "JSON-RPC alone: XML-RPC has no such body"),
    ("session", "GET on /jsonrpc", "JSON-RPC alone: it is that path"),
    ("reading", "", "shapes are compared, not values: they are those of another database"),
    ("paging", "", "whether the newest record is found is compared, at its moment in this run"),
    ("concurrency", "", "that all writes are done is compared, not how long each took"),
    ("json2", "units of measure", "another name of the robot, and the unit of length that others are measured in"),
    ("webhooks_out", "", "counts, headers and payloads are compared, not the milliseconds between them"),
];

#[test]
fn every_recording_is_played() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut recorded = BTreeSet::new();
    for version in ["18", "19"] {
        for file in std::fs::read_dir(root.join("recordings").join(version)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            recorded.insert((version.to_owned(), name.trim_end_matches(".json").to_owned()));
        }
    }
    let listed: BTreeSet<_> =
        PLAYED.iter().map(|(version, name, ..)| ((*version).to_owned(), (*name).to_owned())).collect();
    assert_eq!(recorded, listed);
    let mut tests = String::new();
    for file in std::fs::read_dir(root.join("replay")).unwrap() {
        tests += &std::fs::read_to_string(file.unwrap().path()).unwrap();
    }
    for (version, name, steps, dialects, test) in PLAYED {
        let found = raw(version, name).len();
        assert_eq!(found, steps, "{version}/{name} in {dialects}");
        assert!(tests.contains(&format!("async fn {test}()")), "{version}/{name}: there is no test `{test}`");
    }
}

#[test]
fn what_is_limited_is_a_recorded_step() {
    for (name, step, why) in LIMITS {
        let (version, ..) = PLAYED.iter().find(|(_, recording, ..)| *recording == name).unwrap();
        let steps = raw(version, name);
        let known = steps.iter().any(|one| step.is_empty() || one["step"] == step);
        assert!(known, "{name}: {step}: {why}");
    }
}
