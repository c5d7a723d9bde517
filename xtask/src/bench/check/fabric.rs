//! A fabric of any size in which nothing is wrong: units of a hundred interfaces, each with its team, an Odoo, a warehouse system,
//! two objects, and consumers with grants. Sixty interfaces are mediated, thirty direct, the others events, files and a flow.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Interfaces of a unit.
const UNIT: usize = 100;
const MEDIATED: usize = 60;
const DIRECT: usize = 30;
const EVENTS: usize = 7;
const FILES: usize = 2;
/// Consumers of a unit, and grants of each.
const CONSUMERS: usize = 20;
const GRANTS: usize = 10;
/// Direct interfaces that share a contract.
const SHARE: usize = 10;

const FABRIC: &str = "\
kind: Fabric
name: large-works
environments: {dev: {}, prod: {protected: true, after: [dev], keys: {max_age: 180d}}}
guardrails: [grant-needs-purpose, grant-needs-end]
---
kind: Domain
name: group
board: {architecture: [a.lead], operations: [p.lead], security: [s.lead], quorum: 2}
---
kind: Rule
name: restricted-is-mediated
when: \"interface.data == 'restricted' && interface.control == 'direct'\"
says: Restricted data is served as an object
";

/// Writes the manifests and contracts of so many interfaces; how many manifests there are.
pub(super) fn write(directory: &Path, interfaces: usize) -> Result<usize> {
    let mut manifests = put(directory, "fabric.yaml", FABRIC)?;
    for unit in 0..interfaces.div_ceil(UNIT) {
        let under = format!("units/u{unit:04}");
        let mut others: String = (0..EVENTS).map(|n| event(unit, n)).collect();
        others.extend((0..FILES).map(|n| file(unit, n)));
        others.push_str(&flow(unit));
        for (name, text) in [
            ("base", [systems(unit), objects(unit), mappings(unit)].concat()),
            ("mediated", (0..MEDIATED).map(|n| mediated(unit, n)).collect()),
            ("direct", (0..DIRECT).map(|n| direct(unit, n)).collect()),
            ("others", others),
            ("access", (0..CONSUMERS).map(|n| consumer(unit, n)).collect()),
        ] {
            manifests += put(directory, &format!("{under}/{name}.yaml"), &text)?;
        }
        for contract in 0..DIRECT / SHARE {
            put(directory, &format!("contracts/u{unit:04}-{contract}.yaml"), &self::contract(unit, contract))?;
        }
    }
    Ok(manifests)
}

/// Writes a file; how many manifests it holds.
fn put(directory: &Path, path: &str, text: &str) -> Result<usize> {
    let path = directory.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(text.lines().filter(|line| line.starts_with("kind: ")).count())
}

/// Team and systems.
fn systems(unit: usize) -> String {
    format!(
        "\
kind: Team
name: team-{unit}
roles: {{owner: [owner.{unit}], steward: [desk.{unit}], on_call: [night.{unit}]}}
---
kind: System
name: odoo-{unit}
connector: odoo
owner: team-{unit}
zone: cloud
environments:
  dev: {{url: \"http://127.0.0.1:8069\", database: d{unit}, accounts: {{default: {{login: svc-{unit}, api_key: {{secret: odoo-{unit}/read}}}}}}}}
limits: {{concurrency: 4, longest_transaction: 2m}}
---
kind: System
name: wms-{unit}
connector: http
owner: team-{unit}
zone: cloud
environments: {{dev: {{url: \"http://127.0.0.1:8072\"}}}}
"
    )
}

/// Objects.
fn objects(unit: usize) -> String {
    format!(
        "\
---
kind: Object
name: part-{unit}
version: 1.0
owner: team-{unit}
description: What unit {unit} makes and buys
identity: [code]
attributes:
  code: {{type: string, max: 64, description: The item number}}
  name: {{type: string}}
  weight: {{type: quantity, dimension: mass, optional: true}}
  tracking: {{type: enum, values: [none, lot, serial], optional: true}}
  note: {{type: text, optional: true}}
authority: [{{attributes: \"*\", record: odoo-{unit}}}]
stewards: team-{unit}
---
kind: Object
name: order-{unit}
version: 1.0
owner: team-{unit}
identity: [number]
attributes:
  number: {{type: string, max: 64}}
  part: {{type: ref, object: part-{unit}}}
  status: {{type: enum, values: [draft, open, done], read_only: true}}
  origin: {{type: string, optional: true}}
authority: [{{attributes: \"*\", record: odoo-{unit}}}]
"
    )
}

/// Their mappings.
fn mappings(unit: usize) -> String {
    format!(
        "\
---
kind: Mapping
name: part-{unit}-odoo
object: part-{unit}@1
system: odoo-{unit}
record: product.product
fields:
  code: {{at: default_code}}
  name: {{at: name}}
  weight: {{at: weight, quantity: kg}}
  tracking: {{at: tracking, enum: {{none: none, lot: lot, serial: serial}}}}
  note: {{at: description}}
---
kind: Mapping
name: order-{unit}-odoo
object: order-{unit}@1
system: odoo-{unit}
record: mrp.production
fields:
  number: {{at: name}}
  part: {{at: product_id, ref: part-{unit}}}
  status: {{at: state, enum: {{draft: draft, confirmed: open, done: done}}}}
  origin: {{at: origin}}
"
    )
}

/// The classification of the n-th interface of a unit, with the promises that it needs.
fn class(n: usize) -> (&'static str, &'static str) {
    const SLO: &str = "slo: [{availability: 99.9%, window: 30d}]\n";
    match n % 20 {
        0 => ("{criticality: tier-1, latency: real-time, recovery: {rpo: 0s, rto: 15m}, data: internal}", SLO),
        1..=9 => ("{criticality: tier-2, latency: near-real-time, recovery: {rpo: 0s, rto: 4h}, data: internal}", ""),
        _ => ("{criticality: tier-3, data: internal}", ""),
    }
}

fn is_tier_1(n: usize) -> bool {
    n.is_multiple_of(20)
}

fn mediated(unit: usize, n: usize) -> String {
    let (class, slo) = class(n);
    let (object, operations) = if n.is_multiple_of(2) { ("part", "list, get") } else { ("order", "list, get, create") };
    format!(
        "---\nkind: Interface\nname: {object}-list-{unit}-{n}\ntype: api\nversion: 1.0\nowner: team-{unit}\n\
         description: What consumer group {n} of unit {unit} sees of it\nlifecycle: active\nclassification: {class}\n\
         control: mediated\nserves: {{object: {object}-{unit}@1, system: odoo-{unit}, operations: [{operations}]}}\n\
         limits: {{rate: 5/s, quota: 500/day, timeout: 5s}}\n{slo}"
    )
}

fn direct(unit: usize, n: usize) -> String {
    let (class, slo) = class(n);
    let contract = n / SHARE;
    format!(
        "---\nkind: Interface\nname: bins-{unit}-{n}\ntype: api\nversion: 1.0\nowner: team-{unit}\n\
         description: The warehouse's own answers, for those that need no object\nclassification: {class}\ncontrol: direct\n\
         contract: {{openapi: contracts/u{unit:04}-{contract}.yaml}}\nupstream: {{system: wms-{unit}, path: /api/{n}}}\n\
         limits: {{rate: 50/s, timeout: 5s, concurrency: 16}}\n{slo}"
    )
}

fn event(unit: usize, n: usize) -> String {
    format!(
        "---\nkind: Interface\nname: part-events-{unit}-{n}\ntype: event\nversion: 1.0\nowner: team-{unit}\n\
         classification: {{criticality: tier-3, data: internal}}\n\
         events:\n  unit-{unit}.part-{n}.changed: {{object: part-{unit}@1, when: \"before.name != after.name\"}}\n\
         produced_by: odoo-{unit}\nlane: data.code\nretention: {{for: 30d, at_least: 1GB}}\n\
         capture: {{record: product.product, poll: 5m, overlap: 5m, reconcile_deletes: 6h}}\n"
    )
}

fn file(unit: usize, n: usize) -> String {
    format!(
        "---\nkind: Interface\nname: notices-{unit}-{n}\ntype: file\nversion: 1.0\nowner: team-{unit}\n\
         classification: {{criticality: tier-3, latency: batch, data: internal}}\n\
         contract: {{format: x12, transaction: \"856\"}}\n\
         source: {{system: wms-{unit}, folder: in/{n}, poll: 5m, archive: done/, quarantine: bad/}}\n\
         into: {{event: unit-{unit}.notice-{n}.received, object: order-{unit}@1}}\n"
    )
}

fn flow(unit: usize) -> String {
    format!(
        "---\nkind: Interface\nname: change-flow-{unit}\ntype: flow\nversion: 1.0\nowner: team-{unit}\n\
         classification: {{criticality: tier-3, data: internal}}\n---\nkind: Flow\nname: change-{unit}\n\
         interface: change-flow-{unit}@1\ntrigger: {{event: unit-{unit}.part-0.changed}}\nlane: event.data.code\nsteps:\n\
         \x20 - {{id: hold, call: wms-{unit}.part.hold, undo: {{call: wms-{unit}.part.free}}}}\n\
         \x20 - {{id: ask, approve: {{by: team-{unit}, within: 4h, escalate: plant-manager}}}}\n\
         \x20 - {{id: publish, call: wms-{unit}.part.publish, retry: {{attempts: 8}}}}\non_failure: undo\n"
    )
}

/// A consumer with its grants on interfaces of its unit.
fn consumer(unit: usize, n: usize) -> String {
    let mut text =
        format!("---\nkind: Consumer\nname: app-{unit}-{n}\nowner: team-{unit}\nidentity: {{api_key: {{}}}}\n");
    for grant in 0..GRANTS {
        let on = (n * 7 + grant * 9) % (MEDIATED + DIRECT);
        let (interface, operations, tier_1) = if on >= MEDIATED {
            let number = on - MEDIATED;
            (format!("bins-{unit}-{number}"), "listBins, getBin", is_tier_1(number))
        } else if on.is_multiple_of(2) {
            (format!("part-list-{unit}-{on}"), "list, get", is_tier_1(on))
        } else {
            (format!("order-list-{unit}-{on}"), "list, get, create", is_tier_1(on))
        };
        let except = if on < MEDIATED && on.is_multiple_of(2) { "except: [note]\n" } else { "" };
        let on_end = if tier_1 { "on_end: alarm\n" } else { "" };
        let _ = write!(
            text,
            "---\nkind: Grant\nconsumer: app-{unit}-{n}\ninterface: {interface}@1\noperations: [{operations}]\n{except}\
             purpose: What application {n} of unit {unit} does with it every day\nuntil: 2028-06-30T18:00+02:00\n{on_end}\
             limits: {{rate: 5/s}}\n"
        );
    }
    text
}

fn contract(unit: usize, contract: usize) -> String {
    format!(
        "\
openapi: 3.1.0
info: {{title: Bins of unit {unit}, version: \"1.0\", description: Contract {contract}}}
security: [{{key: []}}]
paths:
  /bins:
    get:
      operationId: listBins
      summary: All bins, page by page
      parameters: [{{$ref: \"#/components/parameters/Limit\"}}, {{$ref: \"#/components/parameters/Cursor\"}}]
      responses: {{\"200\": {{$ref: \"#/components/responses/Bins\"}}, default: {{$ref: \"#/components/responses/Problem\"}}}}
    post:
      operationId: addBin
      summary: One more bin
      parameters: [{{name: Idempotency-Key, in: header, required: true, schema: {{type: string}}}}]
      requestBody: {{required: true, content: {{application/json: {{schema: {{$ref: \"#/components/schemas/Bin\"}}}}}}}}
      responses: {{\"201\": {{$ref: \"#/components/responses/Bin\"}}, default: {{$ref: \"#/components/responses/Problem\"}}}}
  /bins/{{id}}:
    parameters: [{{name: id, in: path, required: true, schema: {{type: string, maxLength: 64}}}}]
    get:
      operationId: getBin
      responses: {{\"200\": {{$ref: \"#/components/responses/Bin\"}}, default: {{$ref: \"#/components/responses/Problem\"}}}}
    put:
      operationId: setBin
      requestBody: {{required: true, content: {{application/json: {{schema: {{$ref: \"#/components/schemas/Bin\"}}}}}}}}
      responses: {{\"200\": {{$ref: \"#/components/responses/Bin\"}}, default: {{$ref: \"#/components/responses/Problem\"}}}}
    delete:
      operationId: removeBin
      responses: {{\"204\": {{description: it is gone}}, default: {{$ref: \"#/components/responses/Problem\"}}}}
components:
  securitySchemes: {{key: {{type: apiKey, in: header, name: X-Api-Key}}}}
  parameters:
    Limit: {{name: limit, in: query, schema: {{type: integer, minimum: 1, maximum: 200}}}}
    Cursor: {{name: cursor, in: query, schema: {{type: string}}}}
  responses:
    Bin: {{description: the bin, content: {{application/json: {{schema: {{$ref: \"#/components/schemas/Bin\"}}}}}}}}
    Bins:
      description: a page
      content:
        application/json:
          schema: {{type: object, properties: {{items: {{type: array, items: {{$ref: \"#/components/schemas/Bin\"}}}}}}}}
    Problem: {{description: what went wrong, content: {{application/problem+json: {{schema: {{type: object}}}}}}}}
  schemas:
    Bin:
      type: object
      required: [id, part, quantity]
      properties:
        id: {{type: string, description: Where it is}}
        part: {{type: string}}
        quantity: {{type: integer, minimum: 0}}
        unit: {{type: string, enum: [EA, KGM]}}
"
    )
}
