//! Objects by hand: `selvage get` and `selvage list` against the simulated Odoo.

use serde_json::Value;

use crate::fixture::{Place, selvage, stdout};

/// Runs a command on this place's fabric and secrets.
fn run(place: &Place, arguments: &[&str]) -> std::process::Output {
    let (fabric, secrets) = (place.fabric().display().to_string(), place.path("secrets").display().to_string());
    selvage(&[arguments, &["--fabric", &fabric, "--secrets", &secrets]].concat())
}

fn json(output: &std::process::Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&stdout(output)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_shown_as_objects() {
    let place = Place::new().await;
    let products = json(&run(&place, &["list", "product", "--format", "json"]));
    let code = products[0]["code"].as_str().unwrap().to_owned();
    let one = json(&run(&place, &["get", "product@1", &code]));
    assert_eq!(one, products[0]);

    let chosen =
        json(&run(&place, &["list", "product", "--format", "json", "--attributes", "name,code", "--limit", "1"]));
    let members: Vec<&String> = chosen[0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["name", "code"]);

    let condition = format!("code={code}");
    let lines = run(&place, &["list", "product", "--where", &condition, "--format", "lines"]);
    assert_eq!(stdout(&lines).lines().count(), 1);

    let table = run(&place, &["list", "product", "--all"]);
    assert!(stdout(&table).starts_with(" CODE") && stdout(&table).contains(&code), "{}", stdout(&table));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_traced_through_its_mapping_both_ways() {
    let place = Place::new().await;
    let products = json(&run(&place, &["list", "product", "--format", "json"]));
    let code = products[0]["code"].as_str().unwrap();
    let steps = json(&run(&place, &["mapping", "trace", "product", code, "--format", "json"]));
    let step = |name: &str| steps.as_array().unwrap().iter().find(|step| step["attribute"] == name).unwrap();
    assert_eq!(
        (&step("code")["canonical"], &step("code")["back"]["kind"]),
        (&products[0]["code"], &"unchanged".into())
    );
    assert_eq!(step("uom")["fields"][0]["field"], "uom_id");
    assert!(step("uom")["looked_up"][0]["answer"].as_str().unwrap().starts_with("uom."), "{}", step("uom"));
    assert_eq!(step("updated_at")["back"]["kind"], "read-only");
    let table = stdout(&run(&place, &["mapping", "trace", "product", code]));
    assert!(table.contains(code) && table.contains("unchanged"), "{table}");
    assert_eq!(run(&place, &["mapping", "trace", "product", "no such"]).status.code(), Some(1));

    // A record in a file, and a link that nobody looked up: the attribute says so, the others are there all the same.
    let file = place.path("record.json");
    let record = r#"{"version": 18, "local": {"id": 7, "default_code": "A", "name": "B", "uom_id": [1, "Units"], "tracking": "none"}}"#;
    std::fs::write(&file, record).unwrap();
    let output = run(&place, &["mapping", "trace", "product", "--local", file.to_str().unwrap(), "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let steps: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let step = |name: &str| steps.as_array().unwrap().iter().find(|step| step["attribute"] == name).unwrap();
    assert_eq!((&step("code")["canonical"], &step("uom")["error"]["code"]), (&"A".into(), &"FAB3102".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_pages_are_read() {
    let place = Place::new().await;
    for number in 0..450 {
        let values = serde_json::json!({"name": format!("Part {number}"), "default_code": format!("PRT-{number}")});
        place.factory.odoo.call("product.product", "create", &[values], &serde_json::Map::new()).unwrap();
    }
    let count = |arguments: &[&str]| stdout(&run(&place, arguments)).lines().count();
    assert!(count(&["list", "product", "--all", "--format", "lines"]) >= 450);
    assert_eq!(count(&["list", "product", "--limit", "201", "--format", "lines"]), 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_shown_is_said_with_its_code() {
    let place = Place::new().await;
    for (arguments, status, expected) in [
        (vec!["get", "product", "no such"], 1, "FAB5008"),
        (vec!["get", "produkt", "x"], 2, "it has "),
        (vec!["list", "product", "--where", "weight=3"], 1, "FAB5006"),
        (vec!["list", "product", "--attributes", "wieght"], 2, "no attribute `wieght`"),
        (vec!["list", "product", "--account", "nobody"], 2, "FAB5101"),
        (vec!["list", "product", "--env", "prod"], 2, "FAB8001"),
        (vec!["list", "product", "--where", "code"], 2, "attribute=value"),
    ] {
        let output = run(&place, &arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert!(stdout(&output).is_empty(), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mappings_are_tried_on_a_live_system() {
    let place = Place::new().await;
    let (fabric, secrets) = (place.fabric().display().to_string(), place.path("secrets").display().to_string());
    let count = || place.factory.odoo.records("product.product").len();
    let before = count();
    let try_it = |more: &[&str]| {
        let always = ["test", &fabric, "--system", "odoo", "--account", "production", "--secrets", &secrets];
        selvage(&[&always, more].concat())
    };

    let rehearsed = try_it(&["--object", "product", "--object", "inventory-position"]);
    let told = stdout(&rehearsed);
    assert!(rehearsed.status.success(), "{told}{}", String::from_utf8_lossy(&rehearsed.stderr));
    assert!(told.contains("read; put back, nothing changes"), "{told}");
    assert!(told.contains("was made and given up in one transaction"), "{told}");
    assert!(told.contains("only read"), "{told}");
    assert_eq!(count(), before);

    let written = try_it(&["--object", "product", "--write"]);
    assert!(stdout(&written).contains("read back as meant, and taken away"), "{}", stdout(&written));
    assert_eq!(count(), before);

    // A unit that the code set does not have is told with the record that has it.
    let uom =
        place.factory.odoo.call("uom.uom", "search", &[serde_json::json!([["name", "=", "Days"]])], &none()).unwrap();
    let odd = serde_json::json!([{"name": "Odd", "default_code": "ODD-1", "uom_id": uom[0], "uom_po_id": uom[0]}]);
    let made = place.factory.odoo.call("product.product", "create", &[odd], &none()).unwrap();
    let broken = try_it(&["--object", "product"]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(stdout(&broken).contains(&format!("odoo-{} cannot be shown", made[0])), "{}", stdout(&broken));

    let unknown = try_it(&["--object", "prodct"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("`prodct` is not mapped"), "{unknown:?}");
    assert_eq!(selvage(&["test", &fabric, "--write"]).status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_made_and_changed_by_hand() {
    let place = Place::new().await;
    let data = place.path("by-hand").display().to_string();
    let file = place.path("products.json");
    let path = file.display().to_string();
    let put = |more: &[&str]| {
        run(&place, &[&["put", "product", &path, "--account", "production", "--data", &data], more].concat())
    };
    let product = |name: &str| serde_json::json!({"code": "NEW-1", "name": name, "uom": "1", "tracking": "none"});

    std::fs::write(&file, product("New").to_string()).unwrap();
    assert_eq!(stdout(&put(&["--dry-run"])).trim(), "would create NEW-1");
    let made = put(&["--key", "monday"]);
    assert_eq!(stdout(&made).trim(), "created NEW-1", "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(stdout(&put(&[])).trim(), "unchanged NEW-1");

    std::fs::write(
        &file,
        format!(
            "{}\n[{}]",
            product("Newer"),
            serde_json::json!({"code": "BIK-1", "weight": {"value": "1", "unit": "h"}})
        ),
    )
    .unwrap();
    assert_eq!(stdout(&put(&["--dry-run"])).trim(), "would change NEW-1: name\nwould change BIK-1: weight");
    let changed = put(&[]);
    assert_eq!((changed.status.code(), stdout(&changed).trim()), (Some(1), "changed NEW-1: name"));
    let error = String::from_utf8_lossy(&changed.stderr).into_owned();
    assert!(error.contains("object 2: FAB5010") && error.contains("/weight/unit"), "{error}");

    let there = place.factory.odoo.records("product.product");
    let named = |code: &str| there.iter().filter(|record| record["default_code"] == code).count();
    assert_eq!(named("NEW-1"), 1);
    let unknown = run(&place, &["put", "production-order", &path, "--account", "production", "--data", &data]);
    assert_eq!(unknown.status.code(), Some(1));
}

fn none() -> serde_json::Map<String, Value> {
    serde_json::Map::new()
}
