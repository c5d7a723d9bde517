//! The decision about one request, pure: route, identify, life, grant, idempotency key. What is refused learns why, in
//! an order in which a caller without a valid key learns nothing about grants. Rates are not decided here but spent
//! (see `live`), since that changes something.

mod ended;
mod permit;

use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use selvage_model::code;
use selvage_model::manifest::api::Operation as Verb;
use selvage_model::manifest::event::READ;
use selvage_model::name::ConsumerName;
use selvage_model::operation::OperationId;

use crate::condition::About;
use crate::explain::{self, Nobody, Stage, Witness};
use crate::head::{Head, IDEMPOTENCY_KEY};
use crate::identify::{Caller, identify};
use crate::path;
use crate::refusal::Refusal;
use crate::snapshot::{Kind, Lease, Life, Methods, Served, Snapshot, Upstream, earlier};
use crate::token::{Document, Memory};
use crate::webhook::Demand;
pub(crate) use ended::refuses_until;
use ended::{brownout, past};
pub use permit::Permit;

/// What becomes of a request.
#[derive(Debug)]
pub enum Plan<'s, 'h> {
    /// It goes to an upstream.
    Proxy {
        /// By which right.
        permit: Permit<'s>,
        /// The path below the upstream's base.
        rest: &'h str,
        #[doc(hidden)]
        upstream: UpstreamRef<'s>,
    },
    /// It goes to the engine.
    Mediate {
        /// By which right.
        permit: Permit<'s>,
        /// What is asked for.
        verb: Verb,
        /// The record, decoded.
        id: Option<String>,
        /// The caller's `Idempotency-Key`.
        key: Option<&'h str>,
    },
    /// Its events go to the log.
    Publish {
        /// By which right.
        permit: Permit<'s>,
    },
    /// Events are pulled from the log, or a group of those who pull is asked about.
    Pull {
        /// By which right.
        permit: Permit<'s>,
        /// Which group, as the path has it.
        group: Option<&'h str>,
    },
    /// A system calls in; whether it is who it has to be is found out by its head and its body.
    Webhook {
        #[doc(hidden)]
        called: CalledRef<'s>,
        /// The path below the interface's own: it may be a secret.
        rest: &'h str,
    },
    /// `GET /operations/{id}`.
    Look {
        /// Who asks.
        consumer: &'s ConsumerName,
        /// For which.
        id: OperationId,
    },
    /// OPTIONS on a declared path.
    Allow(Option<HeaderValue>),
    /// A question about the node itself.
    Probe(Probe),
    /// `GET /errors/{code}`: the page that a problem points to.
    Page(&'h str),
    /// `POST /oauth/token`: a client asks for a token.
    Token,
    /// What Selvage says of itself as an issuer.
    Document(Document),
    /// It is refused.
    Refuse(Box<Refusal<'s>>),
}

/// An upstream of the snapshot.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamRef<'s> {
    pub(crate) index: u32,
    pub(crate) upstream: &'s Upstream,
}

/// A webhook of the snapshot.
#[derive(Clone, Copy, Debug)]
pub struct CalledRef<'s> {
    pub(crate) served: &'s Served,
    pub(crate) demand: &'s Demand,
}

/// A question about the node itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Does it run?
    Live,
    /// Does it take requests?
    Ready,
}

/// Decides about a request.
pub fn decide<'s, 'h>(snapshot: &'s Snapshot, head: &Head<'h>, now: Timestamp) -> Plan<'s, 'h> {
    decide_knowing(&Memory::default(), snapshot, head, now)
}

/// The same, with what is remembered of tokens: they are not judged anew each time.
pub(crate) fn decide_knowing<'s, 'h>(
    memory: &Memory,
    snapshot: &'s Snapshot,
    head: &Head<'h>,
    now: Timestamp,
) -> Plan<'s, 'h> {
    witnessed(Asked { snapshot, head, now, memory }, &mut Nobody)
}

/// What is asked, and what is known when it is.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'s, 'h, 'a> {
    pub(crate) snapshot: &'s Snapshot,
    pub(crate) head: &'a Head<'h>,
    pub(crate) now: Timestamp,
    pub(crate) memory: &'a Memory,
}

/// Decides, with somebody who is told how it comes about.
pub(crate) fn witnessed<'s, 'h>(asked: Asked<'s, 'h, '_>, witness: &mut impl Witness) -> Plan<'s, 'h> {
    match plan(asked, witness) {
        Ok(plan) => plan,
        Err(refusal) => Plan::Refuse(refusal),
    }
}

pub(crate) type Decided<'s, T> = Result<T, Box<Refusal<'s>>>;

fn plan<'s, 'h>(asked: Asked<'s, 'h, '_>, witness: &mut impl Witness) -> Decided<'s, Plan<'s, 'h>> {
    let Asked { snapshot, head, .. } = asked;
    witness.begin(Stage::Hygiene);
    if let Some(detail) = head.is_ambiguous() {
        return Err(Box::new(Refusal::malformed(detail)));
    }
    witness.because(|| "the head can be read in one way".to_owned());
    witness.begin(Stage::Route);
    let Some((served, rest)) = snapshot.route(head.path) else { return own_path(asked, witness) };
    witness.because(|| served.reference.to_string());
    match snapshot.life(served) {
        Life::Served => {
            if let Some(ends) = served.brownout(asked.now) {
                return Err(brownout(asked, served, ends, witness));
            }
            witness.begin(Stage::Lifecycle);
            witness.because(|| served.state.to_owned());
        }
        // Whoever calls a webhook has no key.
        life if served.demand.is_some() => return Err(Box::new(past(life).at(served, None))),
        life => {
            // Before grants: on what is gone there are none, and the caller must learn why.
            let caller = identify(asked, witness);
            let consumer = caller.map_err(|refusal| Box::new(refusal.at(served, None)))?.name;
            witness.begin(Stage::Lifecycle);
            return Err(Box::new(past(life).at(served, None).by(consumer)));
        }
    }
    witness.begin(Stage::Operation);
    if let Some(demand) = served.demand.as_deref() {
        witness.because(|| "a call of a system".to_owned());
        return called(CalledRef { served, demand }, rest, head.method);
    }
    let (methods, id) = matched(served, rest)?;
    let Some(operation) = methods.operation(head.method) else {
        if head.method == Method::OPTIONS {
            return Ok(Plan::Allow(methods.allow.clone()));
        }
        return Err(Box::new(wrong_method(served, methods)));
    };
    if head.query.is_some_and(path::names_method) && !served.operation(operation).is_some_and(|it| it.names_method) {
        return Err(Box::new(other_method().at(served, Some(operation))));
    }
    witness.because(|| format!("`{}`", served.operation(operation).map_or("", |operation| &operation.name)));
    let permit = permit(asked, served, operation, id, witness)?;
    match served.kind {
        Kind::Direct(index) => {
            let upstream = snapshot.upstream(index).ok_or_else(|| Box::new(Refusal::undeclared(Some(served))))?;
            Ok(Plan::Proxy { permit, rest, upstream: UpstreamRef { index, upstream } })
        }
        Kind::Events if permit.operation() == READ => Ok(Plan::Pull { permit, group: id }),
        Kind::Events => Ok(Plan::Publish { permit }),
        Kind::Mediated => {
            witness.begin(Stage::Plan);
            mediate(permit, id, head)
        }
    }
}

/// A call of a webhook, by its path and method. What does not pass is not kept as shadow traffic: its path may hold a secret.
/// INVARIANT: SECRET-FREE
fn called<'s, 'h>(called: CalledRef<'s>, rest: &'h str, method: &Method) -> Decided<'s, Plan<'s, 'h>> {
    let CalledRef { served, demand } = called;
    if !rest.is_empty() && !demand.is_by_path() {
        return Err(Box::new(Refusal { shadow: false, ..Refusal::undeclared(Some(served)) }));
    }
    if method != Method::POST {
        let refusal =
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, code::METHOD_UNDECLARED, "a webhook is called by POST");
        let allow = Some(HeaderValue::from_static("POST"));
        return Err(Box::new(Refusal { allow, ..refusal.at(served, None) }));
    }
    Ok(Plan::Webhook { called, rest })
}

/// Paths of the gateway itself.
fn own_path<'s, 'h>(asked: Asked<'s, 'h, '_>, witness: &mut impl Witness) -> Decided<'s, Plan<'s, 'h>> {
    let head = asked.head;
    let reads = head.method == Method::GET || head.method == Method::HEAD;
    match head.path {
        "/livez" if reads => return Ok(Plan::Probe(Probe::Live)),
        "/readyz" if reads => return Ok(Plan::Probe(Probe::Ready)),
        path if reads => {
            if let Some(code) = path.strip_prefix("/errors/") {
                return Ok(Plan::Page(code));
            }
        }
        _ => {}
    }
    if let Some(plan) = as_issuer(asked)? {
        return Ok(plan);
    }
    let Some(id) = head.path.strip_prefix("/operations/").filter(|id| !id.contains('/')) else {
        return Err(Box::new(Refusal::undeclared(None)));
    };
    if !reads {
        let detail = "an operation can only be read";
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, code::METHOD_UNDECLARED, detail);
        return Err(Box::new(Refusal { allow: Some(HeaderValue::from_static("GET, HEAD")), ..refusal }));
    }
    witness.because(|| "a path of the gateway itself".to_owned());
    let Caller { index, name: consumer, .. } = identify(asked, witness)?;
    if let Some(because) = asked.snapshot.block_of(index) {
        return Err(Box::new(Refusal::blocked_consumer(because).by(consumer)));
    }
    let id = id.parse().map_err(|()| Box::new(Refusal::no_operation().by(consumer)))?;
    Ok(Plan::Look { consumer, id })
}

/// Paths of Selvage as an issuer, where it is one.
fn as_issuer<'s, 'h>(asked: Asked<'s, 'h, '_>) -> Decided<'s, Option<Plan<'s, 'h>>> {
    if asked.snapshot.issuers().own().is_none() {
        return Ok(None);
    }
    let method = asked.head.method;
    let reads = method == Method::GET || method == Method::HEAD;
    match asked.head.path {
        "/oauth/token" if method == Method::POST => Ok(Some(Plan::Token)),
        "/oauth/token" => {
            let detail = "tokens are asked for by POST";
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, code::METHOD_UNDECLARED, detail);
            Err(Box::new(Refusal { allow: Some(HeaderValue::from_static("POST")), ..refusal }))
        }
        "/.well-known/oauth-authorization-server" if reads => Ok(Some(Plan::Document(Document::Metadata))),
        "/.well-known/jwks.json" if reads => Ok(Some(Plan::Document(Document::Keys))),
        _ => Ok(None),
    }
}

fn matched<'s, 'h>(served: &'s Served, rest: &'h str) -> Decided<'s, (&'s Methods, Option<&'h str>)> {
    if matches!(served.kind, Kind::Direct(_)) && path::is_treacherous(rest) {
        let detail = "the path holds dot segments, encoded slashes or broken percent-encoding";
        return Err(Box::new(Refusal::malformed(detail).at(served, None)));
    }
    let found = served.routes.at(if rest.is_empty() { "/" } else { rest });
    let found = found.map_err(|_| Box::new(Refusal::undeclared(Some(served))))?;
    if matches!(served.kind, Kind::Direct(_)) && is_another(served, rest, found.value) {
        let detail = "the path is that of another operation of the contract, spelled otherwise";
        return Err(Box::new(Refusal::malformed(detail).at(served, None)));
    }
    Ok((found.value, found.params.get("id")))
}

/// Whether the system could take the path for that of another operation, which nobody decided about: `/items/%65xport` for
/// `/items/export`, where `/items/{id}` is what it matches as it is spelled. INVARIANT: DECLARED
fn is_another(served: &Served, rest: &str, found: &Methods) -> bool {
    let Some(plain) = path::plainest(rest) else { return false };
    served.routes.at(&plain).is_ok_and(|other| !std::ptr::eq(other.value, found))
}

fn wrong_method<'s>(served: &'s Served, methods: &Methods) -> Refusal<'s> {
    let detail = "the contract declares other methods for this path";
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, code::METHOD_UNDECLARED, detail);
    Refusal { shadow: true, allow: methods.allow.clone(), ..refusal.at(served, None) }
}

/// Some servers would make another operation of it than the one that is decided about. INVARIANT: DECLARED
fn other_method<'s>() -> Refusal<'s> {
    let detail = "the query names another method, by a parameter that the contract does not declare";
    Refusal::new(StatusCode::BAD_REQUEST, code::METHOD_TWICE, detail)
}

fn permit<'s>(
    asked: Asked<'s, '_, '_>,
    served: &'s Served,
    operation: u32,
    id: Option<&str>,
    witness: &mut impl Witness,
) -> Decided<'s, Permit<'s>> {
    let Asked { snapshot, now, .. } = asked;
    let caller = identify(asked, witness);
    let caller = caller.map_err(|refusal| Box::new(refusal.at(served, Some(operation))))?;
    witness.begin(Stage::Grant);
    let leases = || snapshot.leases_of(caller.index, served.index);
    let refused = |refusal: Refusal<'s>| Box::new(refusal.at(served, Some(operation)).by(caller.name));
    let mut open = None;
    let mut unmet = None;
    for lease in leases().filter(|lease| lease.includes(operation) && lease.is_open(now)) {
        if let Some(condition) = lease.condition() {
            let about = About { served, operation, id, consumer: caller.name, lease };
            if let Err(refusal) = condition.holds(asked.head, &about, now) {
                unmet.get_or_insert((lease, refusal));
                continue;
            }
        }
        // One whose time is not over comes first.
        if !lease.is_overdue(now) {
            open = Some(lease);
            break;
        }
        open.get_or_insert(lease);
    }
    match (open, unmet) {
        (Some(lease), _) => {
            witness.because(|| explain::of_grant(lease, now));
            if let Some(condition) = lease.condition() {
                witness.begin(Stage::Condition);
                witness.because(|| format!("`{}` holds", condition.text()));
            }
            Ok(Permit {
                served,
                operation,
                lease,
                consumer: caller.name,
                key: caller.key,
                credential: caller.credential,
                proof_ends: caller.ends,
                ends: earlier(caller.ends, lease.ends()),
                overdue: lease.is_overdue(now),
            })
        }
        (None, Some((lease, refusal))) => {
            witness.because(|| explain::of_grant(lease, now));
            witness.begin(Stage::Condition);
            Err(refused(*refusal))
        }
        (None, None) => Err(refused(match snapshot.block_of(caller.index) {
            Some(because) => Refusal::blocked_consumer(because),
            None => no_lease(served, operation, leases(), now),
        })),
    }
}

fn no_lease<'s>(
    served: &Served,
    operation: u32,
    leases: impl Iterator<Item = &'s Lease>,
    now: Timestamp,
) -> Refusal<'s> {
    let mut refusal = (code::NO_GRANT, format!("no grant for `{}`", served.reference));
    let name = served.operation(operation).map_or("", |operation| &operation.name);
    for lease in leases {
        if lease.includes(operation) {
            refusal = (code::GRANT_ENDED, format!("the grant for `{name}` of `{}` has ended", served.reference));
            break;
        }
        if lease.is_open(now) {
            let detail = format!("the grant for `{}` does not include `{name}`", served.reference);
            refusal = (code::NOT_GRANTED, detail);
        }
    }
    Refusal::new(StatusCode::FORBIDDEN, refusal.0, refusal.1)
}

fn mediate<'s, 'h>(permit: Permit<'s>, id: Option<&str>, head: &Head<'h>) -> Decided<'s, Plan<'s, 'h>> {
    let Permit { served, operation, consumer, .. } = permit;
    let refused = |refusal: Refusal<'s>| Box::new(refusal.at(served, Some(operation)).by(consumer));
    let verb = served.operation(operation).and_then(|operation| operation.verb);
    let Some(verb) = verb else { return Err(refused(Refusal::undeclared(Some(served)))) };
    let id = match id.map(path::decode_segment) {
        Some(None) => return Err(refused(Refusal::malformed("the record's id is not percent-encoded UTF-8"))),
        Some(id) => id,
        None => None,
    };
    let key = if verb.writes() { Some(idempotency_key(head).map_err(|refusal| refused(*refusal))?) } else { None };
    Ok(Plan::Mediate { permit, verb, id, key })
}

/// The key that a write is known by: 1 to 255 visible ASCII characters, once.
fn idempotency_key<'s, 'h>(head: &Head<'h>) -> Decided<'s, &'h str> {
    let mut keys = head.headers.get_all(&IDEMPOTENCY_KEY).iter();
    let (first, second) = (keys.next(), keys.next());
    let Some(first) = first else {
        let detail = "send an `Idempotency-Key`, a new one for each intended change, the same one with each retry";
        return Err(Box::new(Refusal::new(StatusCode::BAD_REQUEST, code::IDEMPOTENCY_KEY_MISSING, detail)));
    };
    let key = first.to_str().map(str::trim).unwrap_or_default();
    let sane = !key.is_empty() && key.len() <= 255 && key.bytes().all(|b| b.is_ascii_graphic());
    if !sane || second.is_some() {
        let detail = "an `Idempotency-Key` is 1 to 255 visible ASCII characters, sent once";
        return Err(Box::new(Refusal::new(StatusCode::BAD_REQUEST, code::IDEMPOTENCY_KEY_BAD, detail)));
    }
    Ok(key)
}
