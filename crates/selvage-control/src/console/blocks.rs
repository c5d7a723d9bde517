//! The page of blocks and keys: what is cut off, by whom and since when, which keys count, and the forms by which somebody cuts off, lifts
//! and takes back. Each is confirmed: it takes effect on every node before the page comes back.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use jiff::Timestamp;
use selvage_model::access::Blocked;
use selvage_store::Word;
use serde::Deserialize;

use super::access::judged_by;
use super::entry::{Filled, Governed, Named};
use super::{Shared, refusal};
use crate::api::line;
use crate::desk::DeskError;
use crate::page;

/// What is refused, and how the page says so.
type Refused = (StatusCode, String);

/// What stands.
pub(super) async fn list(State(shared): State<Arc<Shared>>, who: Governed) -> Response {
    all(&shared, &who, None).await
}

async fn all(shared: &Shared, who: &Governed, refused: Option<Refused>) -> Response {
    let Governed { operator, governance } = who;
    let overview = (shared.observe)().await;
    let standing = match judged_by(shared, who).await {
        Ok(runs) => governance.desk.cuts(runs, operator).await,
        Err(error) => Err(error),
    };
    match standing {
        Ok(standing) => {
            let (status, because) = refused.map_or((StatusCode::OK, None), |(status, because)| (status, Some(because)));
            let page = page::blocks(&overview, &standing, because.as_deref(), operator);
            (status, Html(page.into_string())).into_response()
        }
        Err(error) => {
            let (status, because) = refusal(&error);
            (status, Html(page::trouble(&overview, "Blocks", &because, operator).into_string())).into_response()
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Cut {
    /// `consumer mes-ghent`, `interface stock@1`.
    what: String,
    because: String,
    confirmed: Option<String>,
}

/// Cuts a consumer or an interface off, in the name of who is logged in.
pub(super) async fn block(State(shared): State<Arc<Shared>>, who: Governed, Filled(cut): Filled<Cut>) -> Response {
    let because = match meant(&cut.because, cut.confirmed.as_deref()) {
        Ok(because) => because,
        Err(refused) => return all(&shared, &who, Some(refused)).await,
    };
    let Some(what) = named(&cut.what) else {
        return all(&shared, &who, Some(unfit("Say what is cut off: one of the names that are offered."))).await;
    };
    let word = Word { by: &who.operator, because: &because };
    let runs = match judged_by(&shared, &who).await {
        Ok(runs) => runs,
        Err(error) => return all(&shared, &who, Some(refusal(&error))).await,
    };
    let blocked = who.governance.desk.cut_off(runs, (&what, false), word).await.map(|block| block.since);
    answer(&shared, &who, blocked).await
}

#[derive(Deserialize)]
pub(super) struct Said {
    because: String,
    confirmed: Option<String>,
}

/// Lifts a block, in the name of who is logged in.
pub(super) async fn lift(
    State(shared): State<Arc<Shared>>,
    who: Governed,
    Named(id): Named,
    Filled(said): Filled<Said>,
) -> Response {
    let because = match meant(&said.because, said.confirmed.as_deref()) {
        Ok(because) => because,
        Err(refused) => return all(&shared, &who, Some(refused)).await,
    };
    let word = Word { by: &who.operator, because: &because };
    let runs = match judged_by(&shared, &who).await {
        Ok(runs) => runs,
        Err(error) => return all(&shared, &who, Some(refusal(&error))).await,
    };
    let since = Timestamp::now();
    let lifted = who.governance.desk.lift(runs, &id, word).await.map(|_| since);
    answer(&shared, &who, lifted).await
}

/// Takes a key back for good, in the name of who is logged in.
pub(super) async fn revoke(
    State(shared): State<Arc<Shared>>,
    who: Governed,
    Named(id): Named,
    Filled(said): Filled<Said>,
) -> Response {
    let because = match meant(&said.because, said.confirmed.as_deref()) {
        Ok(because) => because,
        Err(refused) => return all(&shared, &who, Some(refused)).await,
    };
    let word = Word { by: &who.operator, because: &because };
    let runs = match judged_by(&shared, &who).await {
        Ok(runs) => runs,
        Err(error) => return all(&shared, &who, Some(refusal(&error))).await,
    };
    let since = Timestamp::now();
    let revoked = who.governance.desk.take_key_back(runs, &id, word).await;
    answer(&shared, &who, revoked.map(|key| key.revoked.unwrap_or(since))).await
}

/// Why, from who has confirmed that it is meant.
fn meant(because: &str, confirmed: Option<&str>) -> Result<String, Refused> {
    let because = line(because).ok_or_else(|| unfit("Say why, in a line of at most 200 characters."))?;
    if confirmed != Some("yes") {
        return Err(unfit("Nothing was done: confirm what it does."));
    }
    Ok(because)
}

fn named(what: &str) -> Option<Blocked> {
    match what.trim().split_once(' ')? {
        ("consumer", name) => name.parse().ok().map(Blocked::Consumer),
        ("interface", name) => name.parse().ok().map(Blocked::Interface),
        _ => None,
    }
}

fn unfit(why: &str) -> Refused {
    (StatusCode::UNPROCESSABLE_ENTITY, why.to_owned())
}

/// Goes back to the page when every node knows; what was said is not sent again by who loads it anew.
async fn answer(shared: &Shared, who: &Governed, changed: Result<Timestamp, DeskError>) -> Response {
    match changed {
        Ok(since) => {
            (who.governance.acknowledge)(since, None).await;
            Redirect::to("/blocks").into_response()
        }
        Err(error) => all(shared, who, Some(refusal(&error))).await,
    }
}
