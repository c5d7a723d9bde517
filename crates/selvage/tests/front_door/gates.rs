//! The gate of faults, through commands: what a release lets be subscribed to is delivered to a simulated receiver that misbehaves before
//! the release is active, and what cannot hold closes the gate.

use crate::changes::{PRODUCTS, Plants};

pub(crate) const FABRIC: &str = "kind: Fabric
name: velo-works
environments: {dev: {gates: {faults: true}}}
classes: [personal]
---
kind: Domain
name: group
board: {architecture: [a.lindqvist, s.okafor], quorum: 1}
---
kind: Team
name: quality
roles: {owner: [d.claes], steward: [d.claes], on_call: [d.claes]}
---
kind: System
name: board
connector: http
owner: quality
zone: cloud
environments: {dev: {url: \"https://board.example.com\"}}
---
kind: Interface
name: inspections
type: event
version: 1.0
owner: quality
lifecycle: active
classification: {criticality: tier-2, latency: near-real-time, recovery: {rpo: 0s, rto: 1h}, data: internal}
events:
  manufacturing.machine.inspected: {schema: contracts/inspection.yaml}
  manufacturing.machine.repaired: {schema: contracts/inspection.yaml}
lane: data.machine
retention: {for: 30d}
validation: {response: enforce}
---
kind: Consumer
name: shop-floor
owner: quality
identity: {api_key: {}}
---
kind: Grant
consumer: shop-floor
interface: inspections@1
operations: [subscribe]
where: {site: ghent}
except: [marks]
purpose: Shows which machines were looked at
until: 2030-01-01T00:00+02:00
---
kind: Subscription
consumer: shop-floor
interface: inspections@1
events: [manufacturing.machine.inspected]
deliver: {system: board, path: /hooks, signing: standard-webhooks, secret: {secret: board/hooks}, rate: 1/h}
---
kind: Subscription
name: as-they-come
consumer: shop-floor
interface: inspections@1
events: [manufacturing.machine.inspected, manufacturing.machine.repaired]
deliver: {system: board, path: /all, signing: standard-webhooks, secret: {secret: board/all}, order: any}
";

pub(crate) const SCHEMA: &str = "$schema: https://json-schema.org/draft/2020-12/schema
type: object
required: [machine, site]
additionalProperties: false
properties:
  machine: {type: string, maxLength: 40}
  site: {enum: [ghent, brno]}
  inspector: {type: string, x-selvage-class: personal}
  marks: {type: array, items: {type: string}}
examples: [{machine: press-4, site: brno, inspector: ann, marks: [wear]}]
";

/// A place with this fabric and this schema.
pub(crate) async fn place(fabric: &str, schema: &str) -> Plants {
    let plants = Plants::new().await;
    std::fs::remove_dir_all(plants.fabric()).unwrap();
    plants.write("fabric.yaml", fabric);
    plants.write("contracts/inspection.yaml", schema);
    plants
}

fn released(plants: &Plants) -> String {
    let change = plants.approve(&plants.propose("group", "The first of all", "a.lindqvist", &[]));
    plants.release(&change, "a.lindqvist")
}

const ACTIVATE: [&str; 5] = ["--env", "dev", "--by", "d.claes", "--because"];

/// INVARIANT: NOTHING-LOST, LANE-ORDER: before it is active, whatever the receiver does.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_subscribed_to_is_delivered_under_faults_before_it_is_active() {
    let plants = place(FABRIC, SCHEMA).await;
    let release = released(&plants);
    let went = plants.well(&[&["release", "activate", &release], &ACTIVATE[..], &["tried"]].concat());
    assert!(went.contains("faults: 2 hold, 0 cannot be tried"), "{went}");
    let ledger = plants.well(&["ledger", "list"]);
    assert!(ledger.contains("release.activated"), "{ledger}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_cannot_hold_closes_the_gate() {
    // What its own schema gives as an example is nothing that the schema takes.
    let plants = place(FABRIC, &SCHEMA.replace("site: brno, inspector", "site: prague, inspector")).await;
    let release = released(&plants);
    let activate = [&["release", "activate", &release], &ACTIVATE[..], &["tried"]].concat();
    let refused = plants.refused(&activate, "FAB7057");
    assert!(refused.contains("the example of its own schema does not fit"), "{refused}");

    // No event is ever in the rows of the grant.
    let plants = place(&FABRIC.replace("site: ghent", "site: prague"), SCHEMA).await;
    let release = released(&plants);
    let activate = [&["release", "activate", &release], &ACTIVATE[..], &["tried"]].concat();
    let refused = plants.refused(&activate, "FAB7057");
    assert!(refused.contains("in the rows of its grant: /data/site"), "{refused}");
    assert!(refused.contains("shop-floor/as-they-come: none of the events that there are is for it"), "{refused}");
}

/// A model of the works' own, which no simulation has.
const TOOL: &str = "---
kind: Object
name: tool
version: 1.0
owner: master-data
identity: [code]
attributes: {code: {type: string, max: 20}}
---
kind: Mapping
name: tool-odoo
object: tool@1
system: odoo
record: x_tool
fields: {code: {at: x_code}}
";

/// What serves it, in the place of products.
fn of_tools() -> String {
    PRODUCTS.replace("name: products", "name: tools").replace("product@1", "tool@1")
}

/// What stands in no simulation is named; where that is all that there is to try, the gate stays closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_where_nothing_was_tried_is_closed() {
    let of_tools = of_tools();
    let plants = Plants::new().await;
    std::fs::remove_dir_all(plants.fabric()).unwrap();
    plants.write("fabric.yaml", &format!("{of_tools}{TOOL}"));
    let release = released(&plants);
    let activate = [&["release", "activate", &release], &ACTIVATE[..], &["tried"]].concat();
    let refused = plants.refused(&activate, "FAB7057");
    assert!(refused.contains("0 hold") && refused.contains("tools@1: the simulation lacks"), "{refused}");
    assert!(refused.contains("nothing was tried of what the domain declares"), "{refused}");
    assert!(refused.contains("not waived (FAB7218): tools@1"), "{refused}");

    // Beside something that holds it is named, and so is what is of a kind that is not tried.
    let direct = "---
kind: Interface
name: drawings
type: api
version: 1.0
owner: master-data
lifecycle: active
classification: {criticality: tier-3, latency: near-real-time, recovery: {rpo: 0s, rto: 4h}, data: internal}
control: direct
because: They are files.
contract: {openapi: contracts/drawings.yaml}
upstream: {system: files, path: /drawings}
---
kind: System
name: files
connector: http
owner: master-data
zone: cloud
environments: {dev: {url: \"http://127.0.0.1:9\"}}
";
    let both = of_tools.find("---\nkind: Interface").map(|at| &of_tools[at..]).unwrap();
    plants.write("fabric.yaml", &format!("{PRODUCTS}{both}{TOOL}{direct}"));
    plants.write(
        "contracts/drawings.yaml",
        "openapi: 3.1.0\ninfo: {title: Drawings, version: '1'}\npaths: {/drawings: {get: {operationId: listDrawings, responses: {'200': {description: All}}}}}\n",
    );
    let change = plants.approve(&plants.propose("group", "With products", "a.lindqvist", &[]));
    let release = plants.release(&change, "a.lindqvist");
    let went = plants.well(&[&["release", "activate", &release], &ACTIVATE[..], &["tried"]].concat());
    assert!(went.contains("faults: 3 hold") && went.contains("tools@1: the simulation lacks"), "{went}");
    assert!(went.contains("drawings@1: direct interfaces are not tried"), "{went}");
}

/// Those who answer for it let in what could not be tried, by a waiver that ends: for exactly that, and it is on record.
#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_tried_is_let_in_by_a_waiver() {
    let plants = Plants::new().await;
    std::fs::remove_dir_all(plants.fabric()).unwrap();
    let of_tools = of_tools();
    let waiver = "---
kind: Waiver
rule: FAB7218
on: tools@1
because: Tools are a model of our own; tried by hand in May
until: 2030-01-01
approved_by: [owner]
";
    let two = PRODUCTS.replace("name: products", "name: spares").replace("product@1", "tool@1");
    let two = two.find("---\nkind: Interface").map(|at| &two[at..]).unwrap().to_owned();
    plants.write("fabric.yaml", &format!("{of_tools}{TOOL}{two}{waiver}"));
    let change = plants.approve(&plants.propose("group", "With spares", "a.lindqvist", &[]));
    assert!(change.to_string().contains("the waiver of FAB7218 on tools@1"), "{change:#}");
    let release = plants.release(&change, "a.lindqvist");
    let activate = [&["release", "activate", &release], &ACTIVATE[..], &["tried"]].concat();
    let refused = plants.refused(&activate, "FAB7057");
    assert!(refused.contains("waived: tools@1: on tools@1 until 2030-01-01"), "{refused}");
    assert!(refused.contains("not waived (FAB7218): spares@1"), "{refused}");
    plants.write("fabric.yaml", &format!("{of_tools}{TOOL}{waiver}"));
    let change = plants.approve(&plants.propose("group", "By a waiver", "a.lindqvist", &[]));
    let release = plants.release(&change, "a.lindqvist");
    let went = plants.well(&[&["release", "activate", &release], &ACTIVATE[..], &["tried"]].concat());
    assert!(went.contains("waived: tools@1: on tools@1 until 2030-01-01, because Tools are a model"), "{went}");
    assert!(went.contains(", open by a waiver"), "{went}");
    let out = plants.place.path("proof");
    plants.well(&["evidence", "domain", "group", "--out", out.to_str().unwrap(), "--by", "a.lindqvist"]);
    let written = |end: &str| {
        let mut files = std::fs::read_dir(&out).unwrap().map(|file| file.unwrap().path());
        std::fs::read_to_string(files.find(|file| file.to_string_lossy().ends_with(end)).unwrap()).unwrap()
    };
    assert!(written(".html").contains("open, by a waiver"));
    assert!(written(".json").contains("1 of them opened by a waiver"));
}
