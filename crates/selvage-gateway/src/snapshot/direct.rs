//! Routes of a direct interface: the operations that its OpenAPI contract declares, and nothing else.
//! INVARIANT: DECLARED

use std::collections::HashMap;
use std::sync::Arc;

use http::uri::Scheme;
use http::{HeaderValue, Method, Uri};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::api::Upstream as DeclaredUpstream;
use selvage_model::manifest::system::{DirectLimits, System, SystemEnvironment};
use selvage_model::name::SystemName;
use selvage_model::openapi::Contract;
use selvage_model::scalar::Percent;
use selvage_model::source::Spanned;

use super::declared::Declaring;
use super::served::{Methods, Operation, Paths, Upstream, index};
use crate::admission::UpstreamRules;
use crate::breaker::{BreakerRule, nanos};
use crate::dial::Trust;
use crate::gate::Room;
use crate::path;
use crate::pool::Address;

/// Where systems are, each read once; nothing where that cannot be used.
#[derive(Default)]
pub(super) struct Systems {
    known: HashMap<SystemName, Option<Known>>,
    /// Each address once.
    pub(super) addresses: Vec<Arc<Address>>,
}

/// What contracts declare, each read once; nothing where that cannot be used.
pub(super) type Contracts = HashMap<String, Option<Routes>>;

/// What a contract declares.
#[derive(Clone)]
pub(super) struct Routes {
    operations: Arc<[Operation]>,
    router: Arc<matchit::Router<Methods>>,
    contract: Arc<Contract>,
}

/// Where a system is, and what it bears.
#[derive(Clone)]
pub(super) struct Known {
    address: Arc<Address>,
    /// Its place among the addresses.
    at: u32,
    rules: UpstreamRules,
    authority: HeaderValue,
    /// No slash at the end.
    path: String,
}

pub(super) struct Direct {
    pub(super) operations: Arc<[Operation]>,
    pub(super) routes: Arc<matchit::Router<Methods>>,
    pub(super) upstream: Upstream,
    pub(super) contract: Arc<Contract>,
}

/// The contract's operations and the upstream's address; findings where that does not work out.
pub(super) fn compile(
    declaring: &mut Declaring<'_>,
    openapi: &Spanned<String>,
    declared: &DeclaredUpstream,
    findings: &mut Vec<Finding>,
) -> Option<Direct> {
    let upstream = upstream(declaring, declared, findings);
    let read = match declaring.contracts.get(&openapi.value) {
        // Whoever names it too is not told again what is wrong with it.
        Some(read) => read.clone(),
        None => {
            let read = routes(declaring.fabric, openapi, findings);
            declaring.contracts.insert(openapi.value.clone(), read.clone());
            read
        }
    };
    let (Routes { operations, router: routes, contract }, upstream) = (read?, upstream?);
    Some(Direct { operations, routes, upstream, contract })
}

fn routes(fabric: &Fabric, openapi: &Spanned<String>, findings: &mut Vec<Finding>) -> Option<Routes> {
    let file = openapi.value.as_str();
    let Some(text) = fabric.files.get(file) else {
        let message = format!("the contract `{file}` is not among the fabric's files");
        findings.push(Finding::error(code::CONTRACT_ABSENT, &openapi.place, message));
        return None;
    };
    let read = fabric.contracts.get(file).map(|contract| (Arc::clone(contract), Vec::new()));
    let (contract, problems) = read.unwrap_or_else(|| {
        let (contract, problems) = Contract::read(text, file);
        (Arc::new(contract), problems)
    });
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        findings.extend(problems);
        return None;
    }
    let mut operations: Vec<Operation> = Vec::new();
    let mut paths = Paths::default();
    for operation in &contract.operations {
        let path = normalized(&operation.path);
        let method = Method::from_bytes(operation.method.as_bytes());
        let (Some(path), Ok(method)) = (path, method) else {
            let message = format!("`{} {}` cannot be routed", operation.method, operation.path);
            let fix = "a path segment holds one parameter at most, and braces come in pairs";
            findings.push(Finding::error(code::CONTRACT_PATH, &operation.place, message).fix(fix));
            continue;
        };
        let known = operations.iter().position(|known| *known.name == *operation.id);
        let place = known.unwrap_or(operations.len());
        if known.is_none() {
            let names_method = operation.queries.iter().any(|name| path::is_method(name));
            operations.push(Operation { name: operation.id.as_str().into(), verb: None, names_method });
        }
        paths.add(path, method, index(place));
    }
    let (router, rejected) = paths.router();
    for (path, reason) in rejected {
        let message = format!("`{path}` cannot be routed beside the contract's other paths: {reason}");
        findings.push(Finding::error(code::CONTRACT_PATH, &openapi.place, message));
    }
    Some(Routes { operations: operations.into(), router: Arc::new(router), contract })
}

/// The template with its parameters named by their place, so that `/a/{id}` and `/a/{number}/b` agree.
fn normalized(template: &str) -> Option<String> {
    if !template.starts_with('/') {
        return None;
    }
    let mut path = String::with_capacity(template.len());
    for (place, segment) in template.split('/').enumerate().skip(1) {
        path.push('/');
        match (segment.matches('{').count(), segment.matches('}').count()) {
            (0, 0) => path.push_str(segment),
            (1, 1) => {
                let (before, rest) = segment.split_once('{')?;
                let (_, after) = rest.split_once('}')?;
                path.push_str(&format!("{before}{{p{place}}}{after}"));
            }
            _ => return None,
        }
    }
    Some(path)
}

fn upstream(
    declaring: &mut Declaring<'_>,
    declared: &DeclaredUpstream,
    findings: &mut Vec<Finding>,
) -> Option<Upstream> {
    let Declaring { fabric, environment: here, systems, .. } = declaring;
    let name = &declared.system.value;
    let system = fabric.systems.get(name);
    let environment = system.and_then(|system| system.environment(here));
    let (Some(system), Some(environment)) = (system, environment.filter(|environment| environment.url.is_some()))
    else {
        let message = format!("`{name}` has no address in the environment `{here}`");
        let fix = format!("give the system `environments: {{{here}: {{url: …}}}}`");
        findings.push(Finding::error(code::UPSTREAM_ADDRESS, &declared.system.place, message).fix(fix));
        return None;
    };
    let addresses = &mut systems.addresses;
    let read = || Known::of(fabric, (system, environment), addresses, findings);
    let known = systems.known.entry(name.clone()).or_insert_with(read).clone()?;
    Some(Upstream {
        system: name.clone(),
        rules: known.rules,
        address: known.address,
        at: known.at,
        authority: known.authority,
        base: known.path + declared.path.trim_end_matches('/'),
    })
}

impl Known {
    fn of(
        fabric: &Fabric,
        (system, environment): (&System, &SystemEnvironment),
        addresses: &mut Vec<Arc<Address>>,
        findings: &mut Vec<Finding>,
    ) -> Option<Self> {
        let url = environment.url.as_ref()?;
        let Some((address, authority, path)) = address(&url.value) else {
            let message = format!("`{}` is not an address that requests can be sent to", url.value);
            findings.push(Finding::error(code::UPSTREAM_ADDRESS, &url.place, message));
            return None;
        };
        let trust = match &environment.tls {
            None => None,
            Some(tls) => Some(Arc::new(Trust::compile(tls, fabric, findings)?)),
        };
        let address = Arc::new(Address { trust, ..address });
        let at = index(addresses.len());
        addresses.push(Arc::clone(&address));
        Some(Self { address, at, rules: rules(&system.limits.direct), authority, path })
    }
}

/// What a system bears, as the path needs it. A fifth of its places is for tier-1 where nothing else is said.
fn rules(declared: &DirectLimits) -> UpstreamRules {
    let reserved = declared.reserved.map_or(200, Percent::thousandths);
    let breaker = declared.breaker.map(|breaker| BreakerRule {
        failures: breaker.failures.thousandths(),
        least: breaker.of,
        within: nanos(breaker.within),
        open: nanos(breaker.open),
        probes: breaker.probes,
    });
    UpstreamRules {
        room: declared.concurrency.map(|most| Room::reserved(most, reserved, declared.wait.unwrap_or_default())),
        breaker,
        retries: declared.retries.map_or(0, Percent::thousandths),
    }
}

/// The address of a system, its `Host` header, and the path there.
fn address(url: &str) -> Option<(Address, HeaderValue, String)> {
    let uri: Uri = url.parse().ok()?;
    let secure = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => false,
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        _ => return None,
    };
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let port = match authority.port_u16() {
        Some(port) => port,
        // A port that is none: not the default one.
        None if authority.as_str().len() > authority.host().len() => return None,
        None if secure => 443,
        None => 80,
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let host = (!host.is_empty()).then(|| host.to_owned())?;
    let header = HeaderValue::try_from(authority.as_str()).ok()?;
    Some((Address { secure, host, port, trust: None }, header, uri.path().trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_named_by_place() {
        let table = [
            ("/", Some("/")),
            ("/items", Some("/items")),
            ("/items/{id}", Some("/items/{p2}")),
            ("/items/{item_id}/lots/{lot}.json", Some("/items/{p2}/lots/{p4}.json")),
            ("/a{x}{y}", None),
            ("/a}{", None),
            ("items", None),
        ];
        for (template, path) in table {
            assert_eq!(normalized(template).as_deref(), path, "{template}");
        }
    }

    #[test]
    fn addresses() {
        for (url, expected) in [
            ("http://wms.example:8081/base/", Some((false, "wms.example", 8081, "wms.example:8081", "/base"))),
            ("https://[::1]", Some((true, "::1", 443, "[::1]", ""))),
            ("http://wms/", Some((false, "wms", 80, "wms", ""))),
            ("ftp://x", None),
            ("http://wms:99999", None),
            ("http://wms:", None),
            ("wms", None),
            ("http://user:word@wms", None),
            ("/x", None),
            ("", None),
        ] {
            let found = address(url);
            let found = found.as_ref().map(|(at, header, path)| {
                (at.secure, at.host.as_str(), at.port, header.to_str().unwrap(), path.as_str())
            });
            assert_eq!(found, expected, "{url}");
        }
    }
}
