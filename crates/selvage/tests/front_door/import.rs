//! `selvage import openapi`: what is drafted of contracts passes the check once a person has decided what is theirs to decide; what is not
//! carried is told with its place; hostile contracts are refused, and nothing is written over.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{PATIENCE, sample, selvage, stdout};

/// A contract of several files, with much of what real ones have.
const ORDERS: &[(&str, &str)] = &[
    ("orders.yaml", include_str!("import/orders.yaml")),
    ("parts/paging.yaml", "Limit: {name: limit, in: query, schema: {type: integer, maximum: 100}}\n"),
    (
        "parts/money.yaml",
        "type: object\nrequired: [amount, currency]\nproperties: {amount: {type: string}, currency: {type: string}}\n",
    ),
    (
        "parts/customers.yaml",
        "get:\n  operationId: list_customers\n  responses:\n    '200':\n      description: All\n      content:\n        \
         application/json:\n          schema: {type: array, items: {$ref: '#/x-schemas/Customer'}}\nx-schemas:\n  Customer:\n    \
         type: object\n    required: [number]\n    properties: {number: {type: string}, name: {type: string}}\n",
    ),
];

/// A fabric of one team and one system.
const FABRIC: &str = r#"kind: Fabric
name: works
environments: {dev: {}}
---
kind: Team
name: line-it
roles: {owner: [a.lead]}
---
kind: System
name: odoo
connector: odoo
owner: line-it
environments:
  dev: {url: "http://127.0.0.1:18069", database: velo, accounts: {default: {login: svc-read, api_key: {secret: odoo/read}}}}
"#;

/// A small fabric, and a directory of contracts beside it.
struct Desk {
    place: TempDir,
}

impl Desk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let fabric = place.path().join("fabric");
        fs::create_dir(&fabric).unwrap();
        fs::write(fabric.join("fabric.yaml"), FABRIC).unwrap();
        Self { place }
    }

    fn fabric(&self) -> PathBuf {
        self.place.path().join("fabric")
    }

    /// Puts a file among the contracts.
    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.place.path().join("contracts").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn orders(&self) -> PathBuf {
        ORDERS.iter().for_each(|(name, text)| drop(self.put(name, text)));
        self.place.path().join("contracts/orders.yaml")
    }

    /// Imports, and gives the exit code, what was printed and what was said on the side.
    fn import(&self, contract: &Path, more: &[&str]) -> (Option<i32>, String, String) {
        let (fabric, contract) = (self.fabric().display().to_string(), contract.display().to_string());
        let output = selvage(&[&["import", "openapi", &contract, "--fabric", &fabric], more].concat());
        (output.status.code(), stdout(&output), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The report as data.
    fn report(&self, contract: &Path, more: &[&str]) -> Value {
        let (code, said, aside) = self.import(contract, &[&["--format", "json"], more].concat());
        assert_eq!(code, Some(0), "{said}{aside}");
        serde_json::from_str(&said).unwrap()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.fabric().join(file)).unwrap()
    }

    /// Decides what a person decides: each blank with this word.
    fn decide(&self, report: &Value, words: &[(&str, &str)]) {
        for open in report["to_decide"].as_array().unwrap() {
            let path = self.fabric().join(open["file"].as_str().unwrap());
            let text = fs::read_to_string(&path).unwrap();
            let decided = text.lines().map(|line| match line.split_once("# fill in: ") {
                Some((key, _)) => {
                    let name = key.trim().trim_end_matches(':');
                    let (_, word) = words.iter().find(|(known, _)| *known == name).expect(name);
                    format!("{key}{word}\n")
                }
                None => format!("{line}\n"),
            });
            fs::write(&path, decided.collect::<String>()).unwrap();
        }
    }

    fn check(&self) -> (bool, String) {
        let output = selvage(&["check", &self.fabric().display().to_string()]);
        (output.status.success(), stdout(&output))
    }
}

/// What the blanks of a draft are filled in with.
const WORDS: &[(&str, &str)] = &[
    ("owner", "line-it"),
    ("criticality", "tier-3"),
    ("data", "internal"),
    ("system", "odoo"),
    ("record", "sale.order"),
    ("identity", "[sku]"),
];

#[test]
fn a_direct_draft_is_the_contract_and_its_objects() {
    let desk = Desk::new();
    let report = desk.report(&desk.orders(), &[]);
    let paths: Vec<&str> = report["files"].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "interfaces/shop-orders.yaml",
            "contracts/shop-orders.yaml",
            "objects/customer.yaml",
            "objects/order.yaml",
            "codes/order-status.yaml",
            "codes/uom.yaml",
        ]
    );
    let files: Vec<String> = paths.iter().map(|path| format!("# {path}\n{}", desk.read(path))).collect();
    insta::assert_snapshot!("drafts_of_orders", files.join("\n"));
    let told = json!({
        "to_decide": report["to_decide"], "left_out": report["left_out"], "changed": report["changed"], "hints": report["hints"],
    });
    insta::assert_snapshot!("report_of_orders", format!("{told:#}"));
    let (well, said) = desk.check();
    assert!(!well && said.contains("interfaces/shop-orders.yaml"), "{said}");
    for open in ["`owner` has no value", "`criticality` has no value", "`system` has no value"] {
        assert!(said.contains(open), "a person decides: {said}");
    }
    assert!(!said.contains("FAB1005"), "a contract beside an unfinished interface is no manifest: {said}");
    desk.decide(&report, WORDS);
    let (well, said) = desk.check();
    assert!(well, "{said}");
    let formed = selvage(&["fmt", "--check", &desk.fabric().display().to_string()]);
    assert!(formed.status.success(), "drafts are in form: {}", stdout(&formed));
}

#[test]
fn nothing_is_written_over_and_a_dry_run_writes_nothing() {
    let desk = Desk::new();
    let orders = desk.orders();
    let (code, said, aside) = desk.import(&orders, &["--dry-run"]);
    assert!(code == Some(0) && said.contains("kind: Interface") && aside.contains("would write"), "{said}{aside}");
    assert!(!desk.fabric().join("interfaces").exists() && !desk.fabric().join("objects").exists());
    let there = desk.fabric().join("objects/order.yaml");
    fs::create_dir_all(there.parent().unwrap()).unwrap();
    fs::write(&there, "# mine\n").unwrap();
    let (code, _, aside) = desk.import(&orders, &[]);
    assert!(code == Some(1) && aside.contains("FAB6063") && aside.contains("objects/order.yaml"), "{aside}");
    assert_eq!(fs::read_to_string(&there).unwrap(), "# mine\n");
    assert!(!desk.fabric().join("interfaces/shop-orders.yaml").exists(), "all or nothing");
    let (code, said, aside) = desk.import(&orders, &["--no-objects", "--owner", "line-it", "--system", "odoo"]);
    assert_eq!(code, Some(0), "{aside}");
    assert!(said.contains("selvage check") && !said.contains("`owner`"), "{said}");
    let (code, _, aside) = desk.import(&orders, &["--no-objects"]);
    assert!(code == Some(1) && aside.contains("FAB6063"), "{aside}");
}

#[test]
fn a_mediated_draft_has_a_contract_of_its_own_with_the_same_attributes() {
    let desk = Desk::new();
    let orders = desk.orders();
    let report = desk.report(&orders, &["--mediated"]);
    assert_eq!(report["interfaces"], json!(["customers@2", "orders@2"]));
    desk.decide(&report, WORDS);
    let (well, said) = desk.check();
    assert!(well, "{said}");
    let fabric = desk.fabric().display().to_string();
    let path = desk.place.path().join("orders.json");
    let output = selvage(&["openapi", "orders", "--fabric", &fabric, "--format", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(&path, &output.stdout).unwrap();
    let judged =
        Command::new(crate::peers::python()).args(["-m", "openapi_spec_validator"]).arg(&path).output().unwrap();
    assert!(judged.status.success(), "{}{}", stdout(&judged), String::from_utf8_lossy(&judged.stderr));
    let contract: Value = serde_json::from_slice(&output.stdout).unwrap();
    let order = &contract["components"]["schemas"]["Order"]["properties"];
    let drafted = desk.read("objects/order.yaml");
    let attributes = drafted.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let mut names: Vec<&str> = attributes.filter_map(|line| line.trim().split(':').next()).collect();
    names.sort_unstable();
    let mut carried: Vec<&str> = order.as_object().unwrap().keys().map(String::as_str).collect();
    carried.sort_unstable();
    assert_eq!(carried, names, "{order:#}");
    let (code, _, aside) = desk.import(&orders, &["--mediated", "--name", "sales"]);
    assert!(code == Some(1) && aside.contains("FAB6064"), "{aside}");
    let (code, _, aside) = desk.import(&orders, &["--mediated", "--object", "ordre"]);
    assert!(code == Some(1) && aside.contains("`order`"), "{aside}");
}

#[test]
fn the_warehouse_of_the_factory_is_drafted_as_the_guide_says() {
    let place = tempfile::tempdir().unwrap();
    let fabric = place.path().join("fabric");
    crate::fixture::copy(&sample(), &fabric);
    let contract = sample().join("contracts/legacy-stock.yaml").display().to_string();
    let shown = fabric.display().to_string();
    let arguments =
        ["import", "openapi", &contract, "--fabric", &shown, "--owner", "warehouse-it", "--system", "wms-central"];
    let output = selvage(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = stdout(&output).replace(&shown, "FABRIC");
    insta::assert_snapshot!("report_of_the_warehouse", &said);
    let drafted = fs::read_to_string(fabric.join("objects/bin.yaml")).unwrap();
    let guide = fs::read_to_string(sample().join("../../docs/guide/authoring.md")).unwrap();
    let open = said.lines().filter(|line| line.starts_with("  interfaces/"));
    for line in drafted.lines().filter(|line| !line.starts_with('#')).chain(open.map(str::trim)) {
        assert!(guide.lines().any(|known| known == line), "the guide does not have: {line}");
    }
    let interface = fabric.join("interfaces/warehouse-stock.yaml");
    let text = fs::read_to_string(&interface).unwrap();
    let decided = text.replace("criticality: #", "criticality: tier-3 #").replace("data: #", "data: internal #");
    fs::write(&interface, decided).unwrap();
    let checked = selvage(&["check", &shown]);
    assert!(checked.status.success(), "{}", stdout(&checked));
    let copied = fs::read_to_string(fabric.join("contracts/warehouse-stock.yaml")).unwrap();
    assert_eq!(copied, fs::read_to_string(&contract).unwrap(), "a contract that can be used stays as it is");
}

/// A contract of JSON with what generators write.
const GENERATED: &str = r##"{
	"openapi": "3.0.3",
	"info": {"title": "\ud83d\ude80", "version": "2026-05-01"},
	"paths": {
		"/api/items/": {"get": {"operationId": "items/list all", "responses": {"200": {"description": "", "content": {"application/json":
			{"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}}}}}}},
		"/api/items/{item-id}": {"get": {"responses": {"default": {"description": "", "content": {"application/json":
			{"schema": {"$ref": "#/components/schemas/Item"}}}}}}}
	},
	"components": {
		"securitySchemes": {"k": {"type": "apiKey", "in": "query", "name": "key"}},
		"schemas": {"Item": {"title": "Item", "type": "object", "additionalProperties": true, "x-own": 1, "properties": {
			"id": {"type": "integer"}, "ID": {"type": "string"}, "数量": {"type": "integer"}, "3d": {"type": "boolean"},
			"état": {"type": "string", "enum": ["true", "", null, "off"], "nullable": true}, "blob": {"type": "string", "format": "binary"},
			"grid": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}, "free": {"type": "object"},
			"leadTimeDays": {"type": "integer"}, "self": {"$ref": "#/components/schemas/Item"}, "any": {}, "pwd": {"type": "string", "format": "password"},
			"tags": {"type": "array", "items": {"type": "string"}}, "type": {"type": "string"}, "no": {"type": "string", "pattern": "^[0-9]+$"}
		}}}
	}
}"##;

#[test]
fn names_that_are_not_ours_become_ours_or_are_told() {
    let desk = Desk::new();
    let contract = desk.put("generated.json", GENERATED);
    let report = desk.report(&contract, &["--name", "items"]);
    desk.decide(&report, WORDS);
    let (well, said) = desk.check();
    assert!(well, "{said}");
    insta::assert_snapshot!(
        "drafts_of_what_was_generated",
        format!("{}\n{:#}", desk.read("objects/item.yaml"), report["left_out"])
    );
    let copied = desk.read("contracts/items.yaml");
    assert!(copied.contains("itemsListAll") && copied.contains("getApiItem"), "{copied}");
}

/// Contracts that are refused: the file, its text, the code, and what is said.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    ("old.yaml", "swagger: 2.0\ninfo: {title: x}\npaths: {}\n", "FAB6061", "swagger2openapi"),
    ("new.yaml", "openapi: 3.2.0\ninfo: {title: x}\npaths: {}\n", "FAB6061", "`3.2.0`"),
    ("async.yaml", "asyncapi: 3.0.0\n", "FAB6061", "AsyncAPI"),
    ("none.yaml", "a: b\n", "FAB6061", "does not say which"),
    ("empty.yaml", "", "FAB6060", "one document"),
    (
        "twice.json",
        r#"{"openapi": "3.0.3", "info": {"title": "\ud83d\ude80"}, "paths": {}, "paths": {}}"#,
        "FAB6060",
        "twice.json",
    ),
    ("broken.yaml", "openapi: [3\n", "FAB6060", "broken.yaml"),
    ("pathless.yaml", "openapi: 3.1.0\ncomponents: {}\n", "FAB6064", "`paths`"),
    ("idle.yaml", "openapi: 3.1.0\npaths: {'/a.{b}': {get: {}}}\n", "FAB6064", "no operation"),
    ("remote.yaml", "openapi: 3.0.0\npaths: {/a: {$ref: 'https://example.com/a.yaml'}}\n", "FAB6062", "example.com"),
    ("climb.yaml", "openapi: 3.0.0\npaths: {/a: {$ref: '../../etc/passwd'}}\n", "FAB6062", "leads out"),
    ("coded.yaml", "openapi: 3.0.0\npaths: {/a: {$ref: '%2e%2e/%2e%2e/etc/passwd'}}\n", "FAB6062", "leads out"),
    ("root.yaml", "openapi: 3.0.0\npaths: {/a: {$ref: '/etc/passwd'}}\n", "FAB6062", "beside"),
    ("link.yaml", "openapi: 3.0.0\npaths: {/a: {$ref: 'outside.yaml'}}\n", "FAB6062", "leads out"),
    ("gone.yaml", "openapi: 3.0.0\npaths: {/a: {$ref: 'not-there.yaml'}}\n", "FAB6062", "not-there.yaml"),
    (
        "loop.yaml",
        "openapi: 3.0.0\npaths: {/a: {$ref: '#/paths/~1b'}, /b: {$ref: '#/paths/~1a'}}\n",
        "FAB6062",
        "back to itself",
    ),
    (
        "nowhere.yaml",
        "openapi: 3.0.0\npaths: {/a: {get: {responses: {'200': {$ref: '#/components/responses/No'}}}}}\n",
        "FAB6062",
        "leads to nothing",
    ),
    (
        "bomb.yaml",
        "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n",
        "FAB6060",
        "more than",
    ),
];

#[test]
fn what_cannot_be_drafted_is_refused_with_a_way_out() {
    let desk = Desk::new();
    fs::write(desk.place.path().join("outside.yaml"), "get: {}\n").unwrap();
    desk.put("x", "");
    std::os::unix::fs::symlink("../outside.yaml", desk.place.path().join("contracts/outside.yaml")).unwrap();
    for (name, text, code, says) in REFUSED {
        let (exit, said, aside) = desk.import(&desk.put(name, text), &[]);
        assert!(exit == Some(1) && said.is_empty(), "{name}: {said}");
        assert!(aside.contains(code) && aside.contains(says), "{name}: {aside}");
    }
    let (exit, _, aside) = desk.import(Path::new("/dev/zero"), &[]);
    assert!(exit == Some(1) && aside.contains("FAB6060"), "{aside}");
    assert!(!desk.fabric().join("interfaces").exists());
}

#[test]
fn large_and_deep_contracts_are_bounded() {
    let desk = Desk::new();
    let large = format!("openapi: 3.1.0\ninfo: {{title: {}}}\n", "x".repeat(10 << 20));
    let deep = format!("openapi: 3.1.0\npaths: {}{}\n", "{a: ".repeat(100_000), "}".repeat(100_000));
    for (name, text) in [("large.yaml", large), ("deep.yaml", deep)] {
        let (exit, _, aside) = desk.import(&desk.put(name, &text), &[]);
        assert!(exit == Some(1) && aside.contains("FAB6060"), "{name}: {aside}");
    }
    // Each schema holds the next twice: what is written out has a bound, and says so.
    let schemas = (0..40).map(|n| {
        let next = format!("{{$ref: '#/components/schemas/S{}'}}", n + 1);
        format!("    S{n}: {{type: object, properties: {{a: {next}, b: {next}, c: {next}}}}}\n")
    });
    let wide = format!(
        "openapi: 3.1.0\ninfo: {{title: wide, version: 1.0.0}}\npaths:\n  /things/{{id}}:\n    get:\n      operationId: get\n      responses: {{'200': \
         {{description: x, content: {{application/json: {{schema: {{$ref: '#/components/schemas/S0'}}}}}}}}}}\ncomponents:\n  schemas:\n{}    S40: \
         {{type: object, properties: {{z: {{type: string}}}}}}\n",
        schemas.collect::<String>()
    );
    // A thousand schemas in a ring: whoever writes each of them out with all that it leads to needs a million.
    let mut ring = json!({"openapi": "3.0.3", "info": {"title": "ring", "version": "1.0"}, "paths": {}, "components": {"schemas": {}}});
    for n in 0..1_000 {
        let to = |n: usize| json!({"$ref": format!("#/components/schemas/S{}", n % 1_000)});
        let answer = json!({"200": {"description": "x", "content": {"application/json": {"schema": to(n)}}}});
        ring["paths"][format!("/s{n}/{{id}}")] =
            json!({"get": {"operationId": format!("get{n}"), "responses": answer}});
        let properties = json!({"id": {"type": "string"}, "next": to(n + 1)});
        ring["components"]["schemas"][format!("S{n}")] = json!({"type": "object", "properties": properties});
    }
    let begun = Instant::now();
    let ring = desk.put("ring.json", &ring.to_string());
    desk.report(&ring, &["--no-objects", "--dry-run"]);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    let report = desk.report(&desk.put("wide.yaml", &wide), &["--dry-run"]);
    assert!(report["left_out"].to_string().contains("nested too deeply"), "{report:#}");
}

/// A contract about one thing: the schemas, the paths' body, and what the draft of the object has.
fn about_things(openapi: &str, schemas: &Value, body: &Value) -> String {
    let thing = json!({"description": "x", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}});
    let write = json!({"content": {"application/json": {"schema": body}}});
    json!({
        "openapi": openapi,
        "info": {"title": "things", "version": "1.0"},
        "servers": [{"url": "http://127.0.0.1:18069/api2/things"}],
        "paths": {"/things/{id}": {
            "get": {"operationId": "getThing", "responses": {"200": thing}},
            "put": {"operationId": "putThing", "requestBody": write, "responses": {"200": thing}},
        }},
        "components": {"schemas": schemas},
    })
    .to_string()
}

#[test]
fn what_stands_beside_a_reference_holds_and_nothing_vanishes() {
    let desk = Desk::new();
    let schemas = json!({
        "Base": {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}, "size": {"type": "integer"}}},
        "Thing": {"allOf": [{"$ref": "#/components/schemas/Base"}], "required": ["name", "colour"], "properties": {}},
        "Wrapped": {"allOf": [{"$ref": "#/components/schemas/Base"}], "required": ["name"], "maxProperties": 3},
        "Word": {"type": "string", "maxLength": 400},
    });
    let mut wrapped = schemas.clone();
    wrapped["Thing"] = json!({"$ref": "#/components/schemas/Wrapped", "properties": {
        "colour": {"$ref": "#/components/schemas/Word", "maxLength": 7, "pattern": "^#"},
        "size": {"type": "number"},
        "kind": {"oneOf": [{"type": "string"}], "enum": ["a", "b"]},
    }});
    for (name, schemas) in [("plain.json", &schemas), ("wrapped.json", &wrapped)] {
        let contract = desk.put(name, &about_things("3.1.0", schemas, &json!({"$ref": "#/components/schemas/Thing"})));
        let report = desk.report(&contract, &["--dry-run"]);
        let files = report["files"].as_array().unwrap();
        let object = files.iter().find(|it| it["path"] == "objects/thing.yaml").expect(name);
        let text = object["text"].as_str().unwrap();
        assert!(text.contains("  name: {type: string}\n"), "{name}: required beside the part: {text}");
        assert!(!text.contains("read_only"), "{name}: {text}");
        if name == "wrapped.json" {
            for line in [
                "  colour: {type: string, max: 7, optional: true}\n",
                "  kind: {type: enum, values: [a, b], optional: true}\n",
            ] {
                assert!(text.contains(line), "{line}{text}");
            }
            let left_out = report["left_out"].to_string();
            for told in ["`maxProperties`", "`pattern`", "a second time", "Base/properties/size"] {
                assert!(left_out.contains(told), "{told}: {left_out}");
            }
        }
    }
}

#[test]
fn a_wrapped_body_tells_what_is_written_and_a_foreign_one_tells_nothing() {
    let desk = Desk::new();
    let properties = json!({"id": {"type": "string"}, "name": {"type": "string"}});
    let schemas = json!({"Thing": {"type": "object", "properties": properties}});
    let body =
        |inner: Value| json!({"type": "object", "properties": {"thing": {"type": "object", "properties": inner}}});
    for (inner, name, told) in [
        (json!({"name": {"type": "string"}}), "  name: {type: string, optional: true}\n", false),
        (json!({"patch": {"type": "string"}}), "  name: {type: string, optional: true}\n", true),
    ] {
        let contract = desk.put("things.json", &about_things("3.0.3", &schemas, &body(inner)));
        let report = desk.report(&contract, &["--dry-run"]);
        let text = report["files"][2]["text"].as_str().unwrap();
        assert!(text.contains(name) && text.contains("  id: {type: string, read_only: true}\n") != told, "{text}");
        assert_eq!(report["hints"].to_string().contains("`read_only` is not told"), told, "{report:#}");
    }
}

#[test]
fn drafts_are_made_in_the_fabric_and_words_and_addresses_are_not_mixed_up() {
    let desk = Desk::new();
    let words = |a: &str, b: &str| json!({"type": "string", "enum": [a, b]});
    let schemas = json!({
        "Thing": {"type": "object", "properties": {
            "id": {"type": "string"}, "a": {"$ref": "#/components/schemas/ThingState"}, "b": {"$ref": "#/components/schemas/thing_state"},
        }},
        "ThingState": words("on", "idle"),
        "thing_state": words("up", "down"),
    });
    let system = desk.read("fabric.yaml").replace("18069", "18069/api/");
    fs::write(desk.fabric().join("fabric.yaml"), system).unwrap();
    let contract =
        desk.put("things.json", &about_things("3.0.3", &schemas, &json!({"$ref": "#/components/schemas/Thing"})));
    let elsewhere = desk.place.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    for target in ["../elsewhere", "../nowhere"] {
        let link = desk.fabric().join("codes");
        std::os::unix::fs::symlink(target, &link).unwrap();
        let (exit, _, aside) = desk.import(&contract, &[]);
        assert!(exit == Some(1) && aside.contains("FAB6063") && aside.contains("through a link"), "{target}: {aside}");
        fs::remove_file(link).unwrap();
    }
    assert!(fs::read_dir(&elsewhere).unwrap().next().is_none() && !desk.fabric().join("interfaces").exists());
    desk.report(&contract, &[]);
    let object = desk.read("objects/thing.yaml");
    assert!(object.contains("set: thing-state") && object.contains("values: [up, down]"), "{object}");
    let interface = desk.read("interfaces/things.yaml");
    assert!(interface.contains("system: # fill in") && interface.contains("path: /api2/things"), "{interface}");
}
