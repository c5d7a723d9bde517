//! The fabric of the tests, read from manifests, and its access state.

use std::sync::Arc;

use jiff::Timestamp;
use selvage_gateway::{Declared, KeysOfIssuers, Snapshot, SnapshotSource};
use selvage_model::access::{AccessState, Credential, KeyHash, LiveGrant, Principal};
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::read::{Sources, read};
use sha2::{Digest, Sha256};

const MANIFESTS: &str = include_str!("data/fabric.yaml");
const LIMITS: &str = include_str!("data/limits.yaml");
const CONTRACT: &str = include_str!("data/stock.yaml");

/// The fabric with its upstream at this address, over plain HTTP where it says nothing else.
pub fn fabric(upstream: &str) -> Fabric {
    read_with(MANIFESTS, upstream)
}

/// The same with these words of its manifests in the place of others.
pub fn saying(upstream: &str, words: &str, instead: &str) -> Snapshot {
    assert!(MANIFESTS.contains(words), "{words}");
    let fabric = read_with(&MANIFESTS.replace(words, instead), upstream);
    try_compile(&fabric, &access(&fabric), "dev").unwrap()
}

/// The same with these words of its contract in the place of others.
pub fn contracted(upstream: &str, words: &str, instead: &str) -> Snapshot {
    assert!(CONTRACT.contains(words), "{words}");
    let mut sources = Sources::of("fabric.yaml", &MANIFESTS.replace("http://UPSTREAM", &format!("http://{upstream}")));
    sources.insert("contracts/stock.yaml", CONTRACT.replace(words, instead).as_bytes());
    let fabric = read(&sources).fabric;
    try_compile(&fabric, &access(&fabric), "dev").unwrap()
}

/// The snapshot with the orders of this criticality.
pub fn orders_of(criticality: &str, upstream: &str) -> Snapshot {
    let manifests = MANIFESTS.replace("criticality: tier-1", &format!("criticality: {criticality}"));
    let fabric = read_with(&manifests, upstream);
    try_compile(&fabric, &access(&fabric), "dev").unwrap()
}

/// The snapshot with a system at this address that is known over TLS as is said, and the file that this names.
pub fn known_over_tls(address: &str, tls: &str, authorities: &[u8]) -> Result<Snapshot, Vec<Finding>> {
    let system = format!("{{url: '{address}', tls: {tls}}}");
    // A handshake takes its time on a busy machine.
    let manifests = MANIFESTS.replace("timeout: 700ms", "timeout: 20s");
    let mut sources = Sources::of("fabric.yaml", &manifests.replace("{url: 'http://UPSTREAM'}", &system));
    sources.insert("contracts/stock.yaml", CONTRACT);
    sources.insert("tls/plant.pem", authorities);
    let reading = read(&sources);
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    try_compile(&reading.fabric, &access(&reading.fabric), "dev")
}

/// The same of the fabric that is about limits.
pub fn limits(upstream: &str) -> Snapshot {
    limits_with(upstream, "127.0.0.1:9")
}

/// The same with a system at another address that nobody answers for.
pub fn limits_with(upstream: &str, silent: &str) -> Snapshot {
    let fabric = read_with(&LIMITS.replace("SILENT", silent), upstream);
    try_compile(&fabric, &access(&fabric), "dev").unwrap()
}

/// The same with another access state.
pub fn limits_by(upstream: &str, change: impl FnOnce(&mut AccessState)) -> Snapshot {
    let fabric = read_with(&LIMITS.replace("SILENT", "127.0.0.1:9"), upstream);
    let mut changed = access(&fabric);
    change(&mut changed);
    try_compile(&fabric, &changed, "dev").unwrap()
}

fn read_with(manifests: &str, upstream: &str) -> Fabric {
    let address = if upstream.contains("://") { upstream.to_owned() } else { format!("http://{upstream}") };
    let mut sources = Sources::of("fabric.yaml", &manifests.replace("http://UPSTREAM", &address));
    sources.insert("contracts/stock.yaml", CONTRACT);
    let reading = read(&sources);
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    reading.fabric
}

/// The key of a consumer.
pub fn key(consumer: &str) -> String {
    format!("slv_{consumer}_0123456789abcdef0123456789")
}

/// A key for every consumer and a lease for every grant; `expired` and `revoked` are keys of `shop` that ended.
pub fn access(fabric: &Fabric) -> AccessState {
    let mut credentials: Vec<Credential> =
        fabric.consumers.keys().map(|name| credential(name.as_str(), name.as_str())).collect();
    let past: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    credentials.push(Credential { expires: Some(past), ..credential("shop", "expired") });
    credentials.push(Credential { revoked: Some(past), ..credential("shop", "revoked") });
    let operator = Principal::Operator("o.wner".to_owned());
    credentials.push(Credential { principal: operator, ..credential("shop", "operator") });
    let grants = fabric.grants.iter().enumerate().map(|(number, grant)| LiveGrant {
        id: format!("grt_{number}"),
        consumer: grant.consumer.value.clone(),
        interface: grant.interface.value.clone(),
        terms: grant.terms().into(),
        environment: None,
        ended: None,
    });
    AccessState { revision: 1, grants: grants.collect(), credentials, ..AccessState::default() }
}

fn credential(consumer: &str, name: &str) -> Credential {
    Credential {
        id: format!("key_{name}"),
        principal: Principal::Consumer(consumer.parse().unwrap()),
        hash: KeyHash(Sha256::digest(key(name).as_bytes()).into()),
        issued: "2019-01-01T00:00:00Z".parse().unwrap(),
        expires: None,
        revoked: None,
    }
}

/// Compiles both for an environment.
pub fn try_compile(fabric: &Fabric, access: &AccessState, environment: &str) -> Result<Snapshot, Vec<Finding>> {
    let environment = environment.parse().unwrap();
    let keys = KeysOfIssuers::new();
    Snapshot::compile(&SnapshotSource { fabric, access, keys: &keys, environment: &environment, release: "rel_test" })
}

/// Compiles an access state as a node does that ran another one of the same release before.
pub fn compile_after(fabric: &Fabric, before: &AccessState, access: &AccessState) -> Snapshot {
    let (environment, keys) = ("dev".parse().unwrap(), KeysOfIssuers::new());
    let declared = Arc::new(Declared::compile(fabric, &environment).unwrap());
    let of = |access| {
        let source = SnapshotSource { fabric, access, keys: &keys, environment: &environment, release: "rel_test" };
        Snapshot::of(Arc::clone(&declared), &source)
    };
    drop(of(before));
    of(access)
}

/// The snapshot of the tests.
pub fn snapshot(upstream: &str) -> Snapshot {
    let fabric = fabric(upstream);
    try_compile(&fabric, &access(&fabric), "dev").unwrap()
}
