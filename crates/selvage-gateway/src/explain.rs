//! What a decision is made of, stage by stage, for people: who decided what, and why. It is the decision's own code with a
//! witness beside it; without one nothing is written and nothing is paid. It never decides anything itself.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use jiff::Timestamp;
use selvage_model::code::{self, Code};
use selvage_model::name::ConsumerName;
use selvage_model::problem::Problem;
use selvage_model::scalar::Quota;
use serde::{Deserialize, Serialize};

use crate::cache::CacheRules;
use crate::checked::{self, Foreseen};
use crate::decide::{self, Asked, Plan};
use crate::head::{Head, IDEMPOTENCY_KEY};
use crate::limit::Allowance;
use crate::snapshot::{Lease, Served, Snapshot};
use crate::token::Memory;

/// `Selvage-Explain`: an operator's key on a request, what decided about it on the answer.
pub(crate) static SELVAGE_EXPLAIN: HeaderName = HeaderName::from_static("selvage-explain");
/// An interface that is served for so long without the access state is served whatever happens: a year.
const NEVER: Duration = Duration::from_secs(365 * 86_400);
/// Bytes of an explanation in a header.
const LONGEST_HEADER: usize = 4 * 1024;

/// The stages, in the order in which they are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Whether the message can be read in one way only.
    Hygiene,
    /// Which interface its path belongs to.
    Route,
    /// Whether that interface is alive.
    Lifecycle,
    /// Which declared operation it is.
    Operation,
    /// Who asks.
    Identity,
    /// Which grant opens it.
    Grant,
    /// Whether the grant's conditions hold.
    Condition,
    /// Which rates stand over it; they are spent when a request comes, not when it is explained.
    Limits,
    /// What of it the grant shows.
    Scope,
    /// Whether it fits the contract, as far as that is checked.
    Contract,
    /// What is done with it.
    Plan,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::Hygiene,
        Self::Route,
        Self::Lifecycle,
        Self::Operation,
        Self::Identity,
        Self::Grant,
        Self::Condition,
        Self::Limits,
        Self::Scope,
        Self::Contract,
        Self::Plan,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hygiene => "hygiene",
            Self::Route => "route",
            Self::Lifecycle => "lifecycle",
            Self::Operation => "operation",
            Self::Identity => "identity",
            Self::Grant => "grant",
            Self::Condition => "condition",
            Self::Limits => "limits",
            Self::Scope => "scope",
            Self::Contract => "contract",
            Self::Plan => "plan",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a stage came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It let the request pass.
    Passed,
    /// It refused the request.
    Refused,
    /// It was not asked.
    NotReached,
}

/// One stage of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Which stage.
    pub stage: Stage,
    /// How it came out.
    pub verdict: Verdict,
    /// Why, or by what.
    pub because: String,
}

/// A decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The release that decided.
    pub release: String,
    /// The revision of the access state that decided.
    pub access: u64,
    /// Every stage.
    pub stages: Vec<Decided>,
    /// The status of the refusal, where it is refused.
    pub status: Option<u16>,
    /// The code of the refusal, where it is refused.
    pub code: Option<String>,
}

impl Explanation {
    /// Whether the request passes.
    pub fn passes(&self) -> bool {
        self.code.is_none()
    }

    /// It was refused with this in the end: by a stage that only a request that is really sent comes to.
    pub(crate) fn was_refused(&mut self, problem: &Problem) {
        if self.code.as_deref() == Some(problem.code.as_str()) {
            return;
        }
        let stage = stage_of(problem.code);
        let place = |stage: Stage| Stage::ALL.iter().position(|known| *known == stage);
        for decided in &mut self.stages {
            if decided.stage == stage {
                decided.verdict = Verdict::Refused;
                decided.because = format!("{} {}", problem.code, problem.detail);
            } else if place(decided.stage) > place(stage) || decided.verdict == Verdict::Refused {
                (decided.verdict, decided.because) = (Verdict::NotReached, String::new());
            }
        }
        (self.status, self.code) = (Some(problem.status), Some(problem.code.to_string()));
    }

    /// The same in a header's words: the stages that were asked, `; ` between them.
    pub(crate) fn header(&self) -> HeaderValue {
        let mut text = String::new();
        for Decided { stage, verdict, because } in &self.stages {
            let word = match verdict {
                Verdict::Passed => "",
                Verdict::Refused => " refused",
                Verdict::NotReached => continue,
            };
            let gap = if text.is_empty() { "" } else { "; " };
            text.push_str(&format!("{gap}{stage}{word}: {because}"));
        }
        let visible = text.chars().map(|letter| if matches!(letter, ' '..='~') { letter } else { '?' });
        HeaderValue::try_from(visible.take(LONGEST_HEADER).collect::<String>())
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// The stage that refuses with this code, of those that come behind the grant.
fn stage_of(code: Code) -> Stage {
    match code {
        code::BROWNOUT => Stage::Lifecycle,
        code::GRANT_RATE
        | code::GRANT_QUOTA
        | code::INTERFACE_RATE
        | code::INTERFACE_BUSY
        | code::UPSTREAM_BUSY
        | code::UPSTREAM_RESTS
        | code::NODE_BUSY
        | code::LOOK_RATE
        | code::LIMIT_CUT_OFF
        | code::BODIES_HELD
        | code::BODY_TOO_LARGE
        | code::ACCESS_UNHEARD => Stage::Limits,
        code::ATTRIBUTE_WITHHELD | code::ROWS_WITHHELD | code::ATTRIBUTE_MASKED | code::ANSWER_UNSHOWN => Stage::Scope,
        code::REQUEST_UNFIT
        | code::BODY_TYPE_UNDECLARED
        | code::BODY_NOT_JSON
        | code::BODY_TYPE
        | code::BODY_UNFIT
        | code::QUERY_UNUSABLE
        | code::FORM_BROKEN
        | code::BODY_UNCHECKED
        | code::BODY_CODED
        | code::BODY_CHARSET
        | code::RESPONSE_UNFIT
        | code::RESPONSE_UNCHECKED => Stage::Contract,
        _ => Stage::Plan,
    }
}

/// Who is told how a decision comes about.
pub(crate) trait Witness {
    /// The next stage begins; the one before has let the request pass.
    fn begin(&mut self, stage: Stage);

    /// Why, in the stage that has begun.
    fn because(&mut self, say: impl FnOnce() -> String);

    /// Who is taken to ask, whatever the request proves.
    fn assumed(&self) -> Option<&ConsumerName>;
}

/// Nobody: what is not witnessed costs nothing.
pub(crate) struct Nobody;

impl Witness for Nobody {
    #[inline(always)]
    fn begin(&mut self, _: Stage) {}

    #[inline(always)]
    fn because(&mut self, _: impl FnOnce() -> String) {}

    #[inline(always)]
    fn assumed(&self) -> Option<&ConsumerName> {
        None
    }
}

#[derive(Default)]
struct Listener<'a> {
    assumed: Option<&'a ConsumerName>,
    stages: Vec<Decided>,
}

impl Listener<'_> {
    /// A stage that let the request pass, before what is done with it.
    fn insert(&mut self, stage: Stage, because: String) {
        let place = self.stages.iter().position(|decided| decided.stage == Stage::Plan).unwrap_or(self.stages.len());
        self.stages.insert(place, Decided { stage, verdict: Verdict::Passed, because });
    }
}

impl Witness for Listener<'_> {
    fn begin(&mut self, stage: Stage) {
        self.stages.push(Decided { stage, verdict: Verdict::Passed, because: String::new() });
    }

    fn because(&mut self, say: impl FnOnce() -> String) {
        let Some(decided) = self.stages.last_mut() else { return };
        if !decided.because.is_empty() {
            decided.because.push_str("; ");
        }
        decided.because.push_str(&say());
    }

    fn assumed(&self) -> Option<&ConsumerName> {
        self.assumed
    }
}

/// Decides about a request and says how. `assumed` is taken to ask, whatever the request proves. Nothing is spent.
pub fn explain(snapshot: &Snapshot, head: &Head<'_>, now: Timestamp, assumed: Option<&ConsumerName>) -> Explanation {
    explained(snapshot, head, now, assumed).explanation
}

/// An explanation, and whom it tells something of.
pub(crate) struct Explained<'s> {
    pub(crate) explanation: Explanation,
    pub(crate) served: Option<&'s Served>,
    pub(crate) consumer: Option<&'s ConsumerName>,
}

/// The same, with whom it tells something of.
pub(crate) fn explained<'s>(
    snapshot: &'s Snapshot,
    head: &Head<'_>,
    now: Timestamp,
    assumed: Option<&ConsumerName>,
) -> Explained<'s> {
    let mut listener = Listener { assumed, ..Listener::default() };
    let asked = Asked { snapshot, head, now, memory: &Memory::default() };
    let plan = decide::witnessed(asked, &mut listener);
    let (mut status, mut code) = (None, None);
    let mut foreseen = None;
    if let Plan::Refuse(refusal) = &plan {
        (status, code) = (Some(refusal.problem.status), Some(refusal.problem.code.to_string()));
        if let Some(decided) = listener.stages.last_mut() {
            decided.verdict = Verdict::Refused;
            decided.because = format!("{} {}", refusal.problem.code, refusal.problem.detail);
        }
    } else {
        conclude(&plan, &mut listener);
        foreseen = foresee(&plan, head, &mut listener);
    }
    let mut stages = listener.stages;
    complete(&mut stages);
    let mut explanation =
        Explanation { release: snapshot.release().to_owned(), access: snapshot.revision(), stages, status, code };
    if let Some(problem) = &foreseen {
        explanation.was_refused(problem);
    }
    let (served, consumer) = match &plan {
        Plan::Proxy { permit, .. }
        | Plan::Mediate { permit, .. }
        | Plan::Publish { permit }
        | Plan::Pull { permit, .. } => (Some(permit.served), Some(permit.consumer)),
        Plan::Webhook { called, .. } => (Some(called.served), None),
        Plan::Look { consumer, .. } => (None, Some(*consumer)),
        Plan::Refuse(refusal) => (refusal.served, refusal.consumer),
        Plan::Allow(_) => (snapshot.route(head.path).map(|(served, _)| served), None),
        Plan::Probe(_) | Plan::Page(_) | Plan::Token | Plan::Document(_) => (None, None),
    };
    Explained { explanation, served, consumer }
}

/// Adds the stages of which nothing was asked, each behind those that it comes after.
fn complete(stages: &mut Vec<Decided>) {
    for (place, stage) in Stage::ALL.iter().enumerate() {
        if stages.iter().any(|decided| decided.stage == *stage) {
            continue;
        }
        let before = &Stage::ALL.get(..place).unwrap_or_default();
        let at = stages.iter().rposition(|decided| before.contains(&decided.stage)).map_or(0, |last| last + 1);
        stages.insert(at, Decided { stage: *stage, verdict: Verdict::NotReached, because: String::new() });
    }
}

/// What of a request that passes the decision is refused by what comes behind it, as far as its head tells.
fn foresee(plan: &Plan<'_, '_>, head: &Head<'_>, listener: &mut Listener<'_>) -> Option<Problem> {
    match plan {
        Plan::Proxy { permit, rest, .. } => {
            let Foreseen { problem, contract } = checked::foresee(permit, head, rest);
            listener.insert(Stage::Contract, contract);
            problem
        }
        Plan::Mediate { .. } => {
            let of_object = "the engine checks the query and the body against the object";
            listener.insert(Stage::Contract, of_object.to_owned());
            None
        }
        _ => None,
    }
}

/// A request that nobody sent, to be explained.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who is taken to ask.
    pub consumer: ConsumerName,
    /// Its method.
    pub method: Method,
    /// Its path, percent-encoded, with its query.
    pub path: String,
    /// When.
    pub at: Timestamp,
}

/// Says how a request would be decided about, had its consumer sent it: with a key for what it changes, and in order.
pub fn explain_request(snapshot: &Snapshot, question: &Question) -> Explanation {
    imagined(snapshot, (&question.method, &question.path, question.at), HeaderMap::new(), Some(&question.consumer))
}

/// The same of whoever shows this token: it is judged by the keys that the snapshot has. A token that no header can hold is none.
pub fn explain_token(snapshot: &Snapshot, request: (&Method, &str, Timestamp), token: &str) -> Explanation {
    let mut headers = HeaderMap::new();
    if let Ok(mut shown) = HeaderValue::from_str(&format!("Bearer {token}")) {
        shown.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, shown);
    }
    imagined(snapshot, request, headers, None)
}

/// A decision about a request that nobody sent.
fn imagined(
    snapshot: &Snapshot,
    (method, path, at): (&Method, &str, Timestamp),
    mut headers: HeaderMap,
    assumed: Option<&ConsumerName>,
) -> Explanation {
    headers.insert(header::HOST, HeaderValue::from_static("selvage"));
    headers.insert(IDEMPOTENCY_KEY.clone(), HeaderValue::from_static("explained"));
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let head =
        Head { method, authority: None, path, query, version: Version::HTTP_11, headers: &headers, client: None };
    explain(snapshot, &head, at, assumed)
}

/// What stands over a request that passes, and what is done with it.
fn conclude(plan: &Plan<'_, '_>, listener: &mut Listener<'_>) {
    // What was begun and said nothing is said below.
    listener.stages.retain(|decided| !decided.because.is_empty());
    if let Plan::Proxy { permit, .. }
    | Plan::Mediate { permit, .. }
    | Plan::Publish { permit }
    | Plan::Pull { permit, .. } = plan
    {
        listener.begin(Stage::Limits);
        listener.because(|| limits(permit.lease, permit.served));
        listener.begin(Stage::Scope);
        listener.because(|| scope(permit.lease));
    }
    listener.begin(Stage::Plan);
    listener.because(|| match plan {
        Plan::Proxy { permit, rest, upstream } => {
            let (address, base) = (&upstream.upstream.address, &upstream.upstream.base);
            let scheme = if address.secure { "https" } else { "http" };
            let kept = permit.served.cache.as_deref().map_or("", kept);
            format!("goes to {scheme}://{}:{}{base}{rest}{kept}", address.host, address.port)
        }
        Plan::Mediate { verb, id, .. } => match id {
            Some(id) => format!("the engine does `{verb}` on `{id}`"),
            None => format!("the engine does `{verb}`"),
        },
        Plan::Publish { permit } => format!("its events go to the stream `{}`", permit.served.reference),
        Plan::Pull { permit, group: None } => format!("events of the stream `{}` are given", permit.served.reference),
        Plan::Pull { permit, group: Some(group) } => {
            format!("the group `{group}` of the stream `{}` is asked about", permit.served.reference)
        }
        Plan::Webhook { .. } => "a call of a system, which has to be proven".to_owned(),
        Plan::Look { id, .. } => format!("says what operation {id} has come to"),
        Plan::Allow(_) => "says which methods are declared here".to_owned(),
        Plan::Probe(_) => "answers about the node itself".to_owned(),
        Plan::Page(code) => format!("shows the page of {code}"),
        Plan::Token => "gives a token to a client that proves itself".to_owned(),
        Plan::Document(_) => "says what Selvage is as an issuer of tokens".to_owned(),
        Plan::Refuse(refusal) => refusal.problem.detail.clone(),
    });
}

/// What of an interface that keeps answers is told; which it keeps, nobody asks when a request is explained.
fn kept(rules: &CacheRules) -> &'static str {
    if rules.same_for_all {
        ", unless an answer is kept that is the same for all"
    } else {
        ", unless an answer is kept that this grant had"
    }
}

fn limits(lease: &Lease, served: &Served) -> String {
    let of = |name: &str, allowance: Option<Allowance>| {
        allowance.map(|it| format!("{name} at most {} in {} s", it.burst, it.window))
    };
    let in_all =
        |name: &str, quota: Option<Quota>| quota.map(|it| format!("{name} at most {} in each {}", it.count, it.window));
    let all = [
        of("the grant", lease.allowance),
        in_all("the grant", lease.quota),
        of("the interface", served.rate),
        in_all("the interface", served.quota),
        served.room.map(|room| format!("at most {} at a time", room.most(served.criticality))),
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    let all = if all.is_empty() { "none is declared".to_owned() } else { all.join(", ") };
    match Duration::from_nanos(served.serves_for) {
        Duration::ZERO => format!("{all}; refused where the node cannot hear the access state"),
        time if time >= NEVER => all,
        time => format!("{all}; refused where the node could not hear the access state for {} s", time.as_secs()),
    }
}

fn scope(lease: &Lease) -> String {
    let mut all = Vec::new();
    for (attribute, values) in &lease.scope().rows {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        all.push(format!("`{attribute}` is {}", values.join(" or ")));
    }
    all.extend(lease.scope().except.iter().map(|attribute| format!("without `{attribute}`")));
    let of_object = lease.scope().masked.iter().map(|masked| (masked.pointer.as_str(), masked.class.as_str()));
    let of_messages = lease.direct.iter().flat_map(|scope| scope.masked());
    let of_messages = of_messages.map(|masked| (masked.name.as_str(), masked.class.as_str()));
    all.extend(of_object.chain(of_messages).map(|(what, class)| format!("`{what}` masked: `{class}` data")));
    if all.is_empty() { "every row and attribute".to_owned() } else { all.join(", ") }
}

/// A grant in a line.
pub(crate) fn of_grant(lease: &Lease, now: Timestamp) -> String {
    let until = match lease.until {
        None => "without end".to_owned(),
        Some(until) if lease.is_overdue(now) => format!("over since {until}, goes on with an alarm"),
        Some(until) => format!("until {until}"),
    };
    format!("{} {until}", lease.id())
}
