//! The fabric of the gateway benchmark: one direct interface, one consumer, one grant that bounds the rate far above
//! what the machine can do, so that every check runs and none refuses.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;

use crate::daemon::Daemon;
use crate::selvage;

const CONTRACT: &str = "openapi: 3.1.0
info: {title: Items, version: 1.0.0}
paths:
  /items/{id}:
    get:
      operationId: get-item
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        '200':
          description: The item
          content: {application/json: {schema: {type: object}}}
";

/// Starts Selvage before the upstream; says where it listens and with which key.
pub(super) async fn start(upstream: SocketAddr, directory: &Path) -> Result<(Daemon, SocketAddr, String)> {
    let fabric = directory.join("fabric");
    std::fs::create_dir_all(fabric.join("contracts"))?;
    std::fs::write(fabric.join("contracts/items.yaml"), CONTRACT)?;
    std::fs::write(fabric.join("bench.yaml"), manifests(upstream))?;
    let node = selvage::Node::embedded("selvage", &fabric, &directory.join("data"))?;
    let key = node.issue_key("bench-client")?;
    let daemon = node.start(directory).await?;
    Ok((daemon, node.address, key))
}

fn manifests(upstream: SocketAddr) -> String {
    format!(
        "kind: Fabric
name: bench
environments: {{dev: {{}}}}
---
kind: Domain
name: bench
board: {{architecture: [a.lead], quorum: 1}}
---
kind: Team
name: bench-team
roles: {{owner: [b.owner], on_call: [b.call]}}
---
kind: System
name: item-service
connector: http
owner: bench-team
zone: cloud
environments:
  dev: {{url: 'http://{upstream}'}}
limits: {{concurrency: 1000}}
---
kind: Interface
name: bench
type: api
version: 1.0
owner: bench-team
lifecycle: active
classification: {{criticality: tier-2, latency: real-time, data: internal}}
control: direct
contract: {{openapi: contracts/items.yaml}}
upstream: {{system: item-service, path: /api}}
limits: {{rate: 1000000/s, timeout: 5s, concurrency: 1000}}
slo: [{{availability: 99.9%, window: 30d}}]
---
kind: Consumer
name: bench-client
owner: bench-team
identity: api_key
---
kind: Grant
consumer: bench-client
interface: bench@1
operations: [get-item]
purpose: Measures what the gateway costs
until: 2099-01-01T00:00:00Z
limits: {{rate: 1000000/s}}
"
    )
}
