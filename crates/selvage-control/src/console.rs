//! The console's server: login, pages, its two assets. It has a listener of its own, so that it can be bound to an
//! inner network and be down without anyone noticing on the data path.

mod access;
mod ask;
mod blocks;
mod boards;
mod catalogue;
mod changes;
mod entry;
mod evidence;
mod releases;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use futures_util::future::BoxFuture;
use selvage_model::overview::{ContractsView, LanesAsked, LanesView, Overview, UsageView};
use selvage_store::{Store, StoreError};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::api::{self, Governance};
use crate::desk::DeskError;
use crate::listener::{self, Bounded, Working};
use crate::page;
use crate::session::Sessions;

pub(crate) use ask::{Objection, Typed};
pub use catalogue::CatalogueView;
use entry::{Filled, LoggedIn, Sought};

/// Gathers what the first page shows.
pub type Observe = Arc<dyn Fn() -> BoxFuture<'static, Overview> + Send + Sync>;
/// Gathers what the page of usage shows.
pub type ViewUsage = Arc<dyn Fn() -> BoxFuture<'static, UsageView> + Send + Sync>;
/// Gathers what the page of contracts shows.
pub type ViewContracts = Arc<dyn Fn() -> BoxFuture<'static, ContractsView> + Send + Sync>;
/// Gathers what the catalogue is made of.
pub type ViewCatalogue = Arc<dyn Fn() -> BoxFuture<'static, CatalogueView> + Send + Sync>;
/// Gathers what the page of lanes shows.
pub type ViewLanes = Arc<dyn Fn(LanesAsked) -> BoxFuture<'static, LanesView> + Send + Sync>;
/// Whose key this is: an operator's, or nobody's.
pub type Authenticate = Arc<dyn Fn(String) -> BoxFuture<'static, Option<Admitted>> + Send + Sync>;

/// Somebody who may see the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The operator's name.
    pub operator: String,
    /// The id of the key that proved it; not the key.
    pub credential: String,
}

const COOKIE: &str = "selvage_console";
const MOST_FORM_BYTES: usize = 16 * 1024;

/// What the console needs.
pub struct ConsoleConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What it shows.
    pub observe: Observe,
    /// Who uses what.
    pub usage: ViewUsage,
    /// What does not fit its contract.
    pub contracts: ViewContracts,
    /// What is delivered, and what is set aside.
    pub lanes: ViewLanes,
    /// What runs, and who uses it.
    pub catalogue: ViewCatalogue,
    /// Who may see it.
    pub authenticate: Authenticate,
    /// Where it is kept who is logged in.
    pub store: Store,
    /// Changes and releases, where they are governed here.
    pub governance: Option<Governance>,
}

/// Why the console did not start.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The address is taken or not ours.
    #[error("the console cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

struct Shared {
    observe: Observe,
    usage: ViewUsage,
    contracts: ViewContracts,
    lanes: ViewLanes,
    catalogue: ViewCatalogue,
    governance: Option<Governance>,
    authenticate: Authenticate,
    sessions: Sessions,
}

/// A running console.
pub struct Console {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Console {
    /// Listens and serves until shut down.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(config: ConsoleConfig) -> Result<Self, ConsoleError> {
        let wrap = |source| ConsoleError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(wrap)?;
        let address = listener.local_addr().map_err(wrap)?;
        let governance = config.governance.clone();
        let api = governance.map(|governance| {
            let views = (Arc::clone(&config.catalogue), Arc::clone(&config.observe));
            api::routes(governance, Arc::clone(&config.authenticate), views)
        });
        let shared = Arc::new(Shared {
            observe: config.observe,
            usage: config.usage,
            contracts: config.contracts,
            lanes: config.lanes,
            catalogue: config.catalogue,
            governance: config.governance,
            authenticate: config.authenticate,
            sessions: Sessions::new(config.store),
        });
        let (stop, mut stopped) = watch::channel(false);
        let routes = routes(Arc::clone(&shared), api).into_make_service_with_connect_info::<Working>();
        let serve = axum::serve(Bounded::new(listener), routes).with_graceful_shutdown(async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        });
        let task = tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::error!(%error, "the console stopped");
            }
        });
        Ok(Self { address, shared, stop, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A path that logs this operator in once, at any node of the store, within half an hour; `None` when there are far too many sessions.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn one_time_link(&self, admitted: &Admitted) -> Result<Option<String>, StoreError> {
        let token = self.shared.sessions.one_time_link(admitted).await?;
        Ok(token.map(|token| format!("/login?token={token}")))
    }

    /// Stops listening and ends.
    pub async fn shutdown(self) {
        let _ = self.stop.send(true);
        self.task.abort();
        let _ = self.task.await;
    }
}

fn routes(shared: Arc<Shared>, api: Option<Router>) -> Router {
    let pages = Router::new()
        .route("/", get(overview))
        .route("/usage", get(usage))
        .route("/contracts", get(contracts))
        .route("/lanes", get(lanes))
        .route("/catalogue", get(catalogue::list))
        .route("/catalogue/{interface}", get(catalogue::show))
        .route("/catalogue/{interface}/contract", get(catalogue::contract))
        .route("/catalogue/{interface}/requests", post(catalogue::ask))
        .route("/access", get(access::list))
        .route("/access/requests/{id}/decisions", post(access::decide))
        .route("/access/break-glass/{grant}/reviews", post(access::review))
        .route("/access/recertifications/{item}/answers", post(access::recertify))
        .route("/blocks", get(blocks::list).post(blocks::block))
        .route("/blocks/{id}/lift", post(blocks::lift))
        .route("/boards", get(boards::list))
        .route("/boards/{domain}/delegations", post(boards::lend))
        .route("/delegations/{id}/end", post(boards::end))
        .route("/keys/{id}/revocation", post(blocks::revoke))
        .route("/evidence", get(evidence::list))
        .route("/evidence/interfaces/{interface}", get(evidence::interface))
        .route("/evidence/domains/{domain}", get(evidence::domain))
        .route("/evidence/packages", get(evidence::ask))
        .route("/changes", get(changes::list))
        .route("/changes/{id}", get(changes::show))
        .route("/changes/{id}/decisions", post(changes::decide))
        .route("/releases", get(releases::list))
        .route("/releases/plan", get(releases::plan))
        .route("/releases/rollbacks", post(releases::roll_back))
        .route("/login", get(login_page).post(login))
        .route("/logout", post(logout))
        .route("/assets/console.css", get(style))
        .route("/assets/console.js", get(script))
        .fallback(missing)
        .layer(axum::extract::DefaultBodyLimit::max(MOST_FORM_BYTES))
        .layer(middleware::from_fn(own_forms_only))
        .layer(middleware::from_fn(listener::at_work))
        .with_state(shared);
    // The API shows no cookie: nothing that a browser sends by itself opens it.
    let all = match api {
        Some(api) => pages.nest("/api", api),
        None => pages,
    };
    all.layer(middleware::from_fn(guard_headers))
}

/// Nothing from outside, no framing, no sniffing, no caching of pages.
async fn guard_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                  form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    // A page that prints has its style in it, and a policy of its own.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Forms are sent by our own pages: nobody is logged in or out by another site's.
async fn own_forms_only(request: Request, next: Next) -> Response {
    if request.method() == Method::POST && comes_from_elsewhere(request.headers()) {
        return (StatusCode::FORBIDDEN, Html(page::foreign().into_string())).into_response();
    }
    next.run(request).await
}

/// As the browser says. Without TLS it says its origin alone, and one that it does not tell is none of ours: the cookie's `SameSite` takes a
/// neighbour on another port, or at another name of the same domain, for us. What says nothing at all is no browser.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return site != "same-origin" && site != "none";
    }
    let host = text(header::HOST);
    text(header::ORIGIN).is_some_and(|origin| origin.split_once("://").map(|(_, host)| host) != host)
}

async fn overview(State(shared): State<Arc<Shared>>, who: LoggedIn) -> Response {
    let overview = (shared.observe)().await;
    Html(page::overview(&overview, &who.operator).into_string()).into_response()
}

async fn usage(State(shared): State<Arc<Shared>>, who: LoggedIn) -> Response {
    let (overview, view) = ((shared.observe)().await, (shared.usage)().await);
    Html(page::usage(&overview, &view, &who.operator).into_string()).into_response()
}

async fn contracts(State(shared): State<Arc<Shared>>, who: LoggedIn) -> Response {
    let (overview, view) = ((shared.observe)().await, (shared.contracts)().await);
    Html(page::contracts(&overview, &view, &who.operator).into_string()).into_response()
}

/// Behind which places the pages of the lanes begin.
#[derive(Deserialize)]
struct LanePages {
    parked: Option<String>,
    retrying: Option<String>,
    records: Option<String>,
}

async fn lanes(State(shared): State<Arc<Shared>>, who: LoggedIn, Sought(pages): Sought<LanePages>) -> Response {
    let LanePages { parked, retrying, records } = pages;
    let asked = LanesAsked { parked, retrying, records };
    let (overview, view) = ((shared.observe)().await, (shared.lanes)(asked).await);
    Html(page::lanes(&overview, &view, &who.operator).into_string()).into_response()
}

#[derive(Deserialize)]
struct LoginLink {
    token: Option<String>,
}

async fn login_page(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Sought(link): Sought<LoginLink>,
) -> Response {
    let Some(token) = link.token else {
        return Html(page::login(None).into_string()).into_response();
    };
    match shared.sessions.redeem(&token).await {
        Ok(Some(admitted)) => enter(&shared, &headers, admitted).await,
        Err(error) => unavailable(&error),
        Ok(None) => refuse_login("This link was used already, or is older than half an hour. Log in with your key."),
    }
}

#[derive(Deserialize)]
struct Login {
    key: String,
}

async fn login(State(shared): State<Arc<Shared>>, headers: HeaderMap, Filled(login): Filled<Login>) -> Response {
    match (shared.authenticate)(login.key.trim().to_owned()).await {
        Some(admitted) => enter(&shared, &headers, admitted).await,
        None => refuse_login("This key is not known here, has ended, or is not an operator's."),
    }
}

fn refuse_login(because: &str) -> Response {
    tracing::warn!("a login at the console was refused");
    (StatusCode::UNAUTHORIZED, Html(page::login(Some(because)).into_string())).into_response()
}

async fn enter(shared: &Shared, headers: &HeaderMap, admitted: Admitted) -> Response {
    let token = match shared.sessions.begin(&admitted).await {
        Ok(Some(token)) => token,
        Ok(None) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Err(error) => return unavailable(&error),
    };
    let Admitted { operator, credential } = admitted;
    tracing::info!(operator, credential, "somebody logged in at the console");
    // Lax, so that a link in a terminal or a mail leads in; every change of state is a POST from our own pages.
    let secure = if is_secure(headers) { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=43200{secure}");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

/// Whether the browser came by TLS, which ends before this server: what it sends then it sends by nothing else.
fn is_secure(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text(header::ORIGIN).starts_with("https://")
        || text(HeaderName::from_static("x-forwarded-proto")).eq_ignore_ascii_case("https")
}

async fn logout(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(token) = cookie(&headers)
        && let Err(error) = shared.sessions.end(token).await
    {
        return unavailable(&error);
    }
    let gone = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    ([(header::SET_COOKIE, gone)], Redirect::to("/login")).into_response()
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../assets/console.css"))
}

async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../assets/console.js"))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")], text).into_response()
}

async fn missing() -> Response {
    (StatusCode::NOT_FOUND, Html(page::missing().into_string())).into_response()
}

/// What the desk refused, for a page: with its code, and the way out.
fn refusal(error: &DeskError) -> (StatusCode, String) {
    let status = StatusCode::from_u16(api::status_of(error)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let said = match error {
        DeskError::Store(error) => format!("{}: {error}", error.code()),
        DeskError::Refused { code, message, fix, .. } => format!("{code}: {message}: {fix}"),
    };
    (status, said)
}

/// The store does not say who is logged in.
fn unavailable(error: &StoreError) -> Response {
    let because = format!("{}: {error}", error.code());
    (StatusCode::SERVICE_UNAVAILABLE, Html(page::unavailable(&because).into_string())).into_response()
}

/// INVARIANT: REVOKED-NOW: whoever's key was taken back is out with the next request.
async fn session(shared: &Shared, headers: &HeaderMap) -> Result<Option<Admitted>, StoreError> {
    match cookie(headers) {
        Some(token) => shared.sessions.operator(token).await,
        None => Ok(None),
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}
