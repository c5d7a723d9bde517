//! Evidence on the console: of what there is evidence for whoever asks, and the package as a page that prints and holds its document.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use selvage_governance::seat::{Act, may};
use selvage_model::code;
use selvage_model::name::{DomainName, EnvironmentName};
use serde::Deserialize;

use super::entry::{Governed, Named, Sought};
use super::{Shared, missing, refusal};
use crate::api::page as printed;
use crate::evidence::{About, Period, controls, domain_of};
use crate::page;

const SECTION: &str = "Evidence";

/// Of what there is evidence.
pub(super) async fn list(State(shared): State<Arc<Shared>>, who: Governed) -> Response {
    let (overview, view) = ((shared.observe)().await, (shared.catalogue)().await);
    let judged = match who.governance.judging(Arc::clone(&view.fabric)).await {
        Ok(judged) => judged,
        Err(error) => return trouble(&shared, &who, refusal(&error)).await,
    };
    let (fabric, operator) = (judged.as_ref(), who.operator.as_str());
    // What is served from a directory was never released: evidence of it is by what was active here.
    let environment = Arc::ptr_eq(&judged, &view.fabric).then_some(overview.environment.as_str());
    let is_mine = |domain: &DomainName| may(fabric, operator, Act::Examine, domain);
    let group = DomainName::group();
    let domains = fabric.domains.keys().chain((!fabric.domains.contains_key(&group)).then_some(&group));
    let interfaces =
        fabric.interfaces.keys().filter(|it| is_mine(&domain_of(fabric, &About::Interface((*it).clone()))));
    let offered = page::Offered {
        domains: domains.filter(|domain| is_mine(domain)).cloned().collect(),
        interfaces: interfaces.cloned().collect(),
        controls: if is_mine(&group) { controls(fabric) } else { Vec::new() },
        environment,
    };
    Html(page::evidence(&overview, &offered, operator).into_string()).into_response()
}

#[derive(Deserialize)]
pub(super) struct Asks {
    /// What it is about, as the form has it: `domain:group`.
    about: String,
    from: Option<String>,
    to: Option<String>,
    environment: Option<String>,
}

/// What the form asks for.
pub(super) async fn ask(State(shared): State<Arc<Shared>>, who: Governed, Sought(asks): Sought<Asks>) -> Response {
    let about = match asks.about.split_once(':') {
        Some(("interface", name)) => name.parse().ok().map(About::Interface),
        Some(("domain", name)) => name.parse().ok().map(About::Domain),
        Some(("control", "all")) => Some(About::Control(None)),
        Some(("control", id)) => Some(About::Control(Some(id.to_owned()))),
        _ => None,
    };
    let period = Said { from: asks.from, to: asks.to, environment: asks.environment };
    give(&shared, &who, about, period).await
}

/// The period, as a query says it; what is empty was not said.
#[derive(Deserialize)]
pub(super) struct Said {
    from: Option<String>,
    to: Option<String>,
    environment: Option<String>,
}

/// Of an interface.
pub(super) async fn interface(
    State(shared): State<Arc<Shared>>,
    who: Governed,
    Named(name): Named,
    Sought(said): Sought<Said>,
) -> Response {
    give(&shared, &who, name.parse().ok().map(About::Interface), said).await
}

/// Of all that a domain governs.
pub(super) async fn domain(
    State(shared): State<Arc<Shared>>,
    who: Governed,
    Named(name): Named,
    Sought(said): Sought<Said>,
) -> Response {
    give(&shared, &who, name.parse().ok().map(About::Domain), said).await
}

async fn give(shared: &Shared, who: &Governed, about: Option<About>, said: Said) -> Response {
    let Some(about) = about else { return missing().await };
    let Governed { operator, governance } = who;
    let fabric = match governance.judging((shared.catalogue)().await.fabric).await {
        Ok(fabric) => fabric,
        Err(error) => return trouble(shared, who, refusal(&error)).await,
    };
    let domain = domain_of(&fabric, &about);
    if !may(&fabric, operator, Act::Examine, &domain) {
        let why = format!("{}: `{operator}` may not read evidence of the domain {domain}", code::API_FORBIDDEN);
        return trouble(shared, who, (StatusCode::FORBIDDEN, why)).await;
    }
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let environment: Option<Result<EnvironmentName, _>> = filled(said.environment).map(|name| name.trim().parse());
    let period = Period { from: filled(said.from), to: filled(said.to) };
    let asked = match environment.transpose() {
        Ok(environment) => period.asked(about, environment, operator.clone()),
        Err(error) => Err(error.to_string()),
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(because) => return trouble(shared, who, (StatusCode::UNPROCESSABLE_ENTITY, because)).await,
    };
    match governance.paper(&asked).await {
        Ok(paper) => printed(paper.page(Some("/evidence"))),
        Err(error) => trouble(shared, who, refusal(&error)).await,
    }
}

async fn trouble(shared: &Shared, who: &Governed, (status, because): (StatusCode, String)) -> Response {
    let overview = (shared.observe)().await;
    (status, Html(page::trouble(&overview, SECTION, &because, &who.operator).into_string())).into_response()
}
