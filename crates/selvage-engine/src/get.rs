//! One record by its business key, within the rows of a grant.

use selvage_model::code;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::problem::Problem;

use crate::etag;
use crate::query;
use crate::reach::Reach;
use crate::scope;
use crate::trouble::Trouble;

/// Answers a get: the object without the attributes that the grant leaves out.
pub(crate) async fn get(reach: &Reach, request: &MediatedRequest) -> Result<MediatedAnswer, Trouble> {
    query::none(&request.query)?;
    let Some(id) = request.id.as_deref() else {
        return Err(Problem::new(404, code::RECORD_UNKNOWN, "the path names no record").into());
    };
    let mut found = reach.find(id, &request.scope).await?;
    scope::strip(&request.scope, &mut found.canonical);
    let etag = etag::of(&found.canonical);
    Ok(MediatedAnswer::Done {
        status: 200,
        body: found.canonical,
        location: None,
        etag,
        next: None,
        age: None,
        replayed: false,
        found: None,
    })
}
