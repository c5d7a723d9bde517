//! Evidence over HTTP: the package of an interface, a domain or controls, for who may examine the domain; as the document that is
//! checked alone, or as the page that prints and holds it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use selvage_governance::seat::{Act, may};
use selvage_model::code::{self, Code};
use selvage_model::fabric::Fabric;
use selvage_model::name::{DomainName, EnvironmentName, InterfaceRef};
use serde::Deserialize;

use super::answer::{told, unfit};
use super::request::{Asked as Query, At, Control, Operator};
use super::route::{Parameter, Route, Who, query};
use super::{Api, Governance, forbidden};
use crate::desk::DeskError;
use crate::evidence::{About, Asked, Paper, Period, domain_of, policy};

/// Packages.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| {
        let route = route.says("evidence", id, says).may(Who::Owners).asks(ASKED);
        route.gives("The package.", "Evidence").or_page().refuses(REFUSED)
    };
    vec![
        route(
            Route::get("/evidence/interfaces/{interface}", interface),
            "interfaceEvidence",
            "Evidence of an interface",
        ),
        route(
            Route::get("/evidence/domains/{domain}", domain),
            "domainEvidence",
            "Evidence of all that a domain governs",
        ),
        route(Route::get("/evidence/controls", controls), "controlsEvidence", "What every control comes to"),
        route(Route::get("/evidence/controls/{control}", control), "controlEvidence", "What one control comes to"),
    ]
}

const ASKED: &[Parameter] = &[
    query("from", "Moment", "From when, a day from its beginning; 90 days before the end where nothing is said."),
    query("to", "Moment", "Until when, a day to its end; now where nothing is said."),
    query("environment", "EnvironmentName", "As declared by what was active there, instead of what was released last."),
    query("page", "Flag", "As a page that prints, and holds the document."),
];

const REFUSED: &[Code] = &[code::EVIDENCE_UNKNOWN, code::API_FORBIDDEN, code::EVIDENCE_LARGE, code::RELEASE_UNSIGNED];

/// What of it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    from: Option<String>,
    to: Option<String>,
    environment: Option<EnvironmentName>,
    #[serde(default)]
    page: bool,
}

async fn interface(
    State(api): State<Api>,
    operator: Operator,
    At(interface): At<InterfaceRef>,
    Query(wanted): Query<Wanted>,
) -> Response {
    give(&api, operator, About::Interface(interface), wanted).await
}

async fn domain(
    State(api): State<Api>,
    operator: Operator,
    At(domain): At<DomainName>,
    Query(wanted): Query<Wanted>,
) -> Response {
    give(&api, operator, About::Domain(domain), wanted).await
}

async fn controls(State(api): State<Api>, operator: Operator, Query(wanted): Query<Wanted>) -> Response {
    give(&api, operator, About::Control(None), wanted).await
}

async fn control(
    State(api): State<Api>,
    operator: Operator,
    At(control): At<Control>,
    Query(wanted): Query<Wanted>,
) -> Response {
    give(&api, operator, About::Control(Some(control.into_inner())), wanted).await
}

impl Governance {
    /// By what it is judged who may examine what: by what was released last, and by what runs where nothing ever was.
    pub(crate) async fn judging(&self, runs: Arc<Fabric>) -> Result<Arc<Fabric>, DeskError> {
        let released = self.desk.released().await?;
        Ok(if released.domains.is_empty() && released.teams.is_empty() { runs } else { released })
    }

    /// A package, made and signed by this node; the log says who has it.
    pub(crate) async fn paper(&self, asked: &Asked) -> Result<Paper, DeskError> {
        let paper = self.desk.paper(asked, self.ledger_seal.as_deref()).await?;
        tracing::info!(about = %asked.about, by = asked.by, "a package of evidence was handed out");
        Ok(paper)
    }
}

async fn give(api: &Api, operator: Operator, about: About, wanted: Wanted) -> Response {
    let fabric = match api.governance.judging(api.fabric().await).await {
        Ok(fabric) => fabric,
        Err(error) => return told(&error),
    };
    let domain = domain_of(&fabric, &about);
    if !may(&fabric, &operator.0, Act::Examine, &domain) {
        return forbidden(&operator.0, &domain);
    }
    let period = Period { from: wanted.from, to: wanted.to };
    let asked = match period.asked(about, wanted.environment, operator.0) {
        Ok(asked) => asked,
        Err(because) => return unfit(because),
    };
    let paper = match api.governance.paper(&asked).await {
        Ok(paper) => paper,
        Err(error) => return told(&error),
    };
    if wanted.page {
        return page(paper.page(None));
    }
    let saved = format!("attachment; filename=\"{}\"", paper.name("json"));
    let mut answer = ([(header::CONTENT_TYPE, "application/json")], paper.document).into_response();
    if let Ok(saved) = HeaderValue::from_str(&saved) {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, saved);
    }
    answer
}

/// A page under a policy of its own.
pub(crate) fn page(page: String) -> Response {
    let kind =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()), (header::CONTENT_SECURITY_POLICY, policy())];
    (kind, page).into_response()
}
