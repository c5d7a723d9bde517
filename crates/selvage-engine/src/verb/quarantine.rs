//! Quarantine of a lot, and its release: at which site, to which location, and what was read back. Where quarantine is, the site
//! declares; where a released lot goes, the body says.

use selvage_connect::odoo::{Relocated, RelocatedFrom, Relocation};
use selvage_model::code;
use selvage_model::manifest::organisation::Site;
use selvage_model::name::SiteName;
use selvage_model::problem::{FieldError, Problem};
use serde_json::{Value, json};

use super::amount::{self, wrong};
use super::told;
use super::transfer::positions;
use crate::body::{unfit, unknown_members};
use crate::company;
use crate::job::Job;
use crate::reach::Reach;
use crate::trouble::Trouble;

/// Where a lot is to go, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    site: Option<SiteName>,
    /// Where it goes when it is released; none into quarantine.
    to: Option<String>,
    reason: Option<String>,
}

/// What is moved, without the key that each write has of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Way {
    company: i64,
    from: Option<String>,
    to: String,
    origin: String,
}

/// Reads `{"site", "reason"}`, and for a release `{"to"}`.
pub(crate) fn read(body: &Value, release: bool) -> Result<Errand, Vec<FieldError>> {
    let known: &[&str] = if release { &["to", "site", "reason"] } else { &["site", "reason"] };
    let mut errors = unknown_members(Some(body), known);
    let to = if release { amount::text(body, "to", &mut errors) } else { None };
    if release && to.is_none() && errors.is_empty() {
        wrong::<()>(&mut errors, "/to", "the location to which the lot goes is needed: its full name or external id");
    }
    let site = match amount::text(body, "site", &mut errors).map(|site| site.parse()) {
        None => None,
        Some(Ok(site)) => Some(site),
        Some(Err(_)) => wrong(&mut errors, "/site", "this is no name of a site"),
    };
    let reason = amount::text(body, "reason", &mut errors);
    if errors.is_empty() { Ok(Errand { site, to, reason }) } else { Err(errors) }
}

impl Errand {
    /// From where to where, at the site of the lot.
    pub(crate) async fn way(&self, job: &Job, reach: &Reach, companies: &[i64]) -> Result<Way, Trouble> {
        let known = reach.served.connection.companies().await?;
        let mut sites = company::bound(&reach.active.fabric, reach.system(), &known);
        sites.retain(|(_, company)| companies.contains(company));
        let refused = |detail: String| {
            let error = FieldError { pointer: "/site".to_owned(), detail: detail.clone() };
            Trouble::from(Problem::new(422, code::SITE_UNCLEAR, detail).with_errors(vec![error]))
        };
        let (name, company) = match (&self.site, sites.as_slice()) {
            (Some(asked), _) => sites
                .iter()
                .find(|(name, _)| name == asked)
                .ok_or_else(|| refused(format!("the lot has nothing to do with site `{asked}`")))?,
            (None, [only]) => only,
            (None, []) => return Err(refused("the lot belongs to no site".to_owned())),
            (None, _) => return Err(refused("the lot is shared by several sites; say at which".to_owned())),
        };
        // What the grant does not cover is not moved either, where a lot is everybody's.
        let rows = job.asked.scope.rows.iter().filter(|(attribute, _)| attribute.as_str() == "site");
        if rows.clone().any(|(_, values)| !values.contains(&json!(name.as_str()))) {
            return Err(unfit_rows(name));
        }
        let quality =
            reach.active.fabric.sites.get(name).and_then(|site| quality_of(site, reach)).ok_or_else(|| {
                let detail =
                    format!("site `{name}` does not declare where `{}` keeps what is in quarantine", reach.system());
                Trouble::from(Problem::new(502, code::QUALITY_UNBOUND, detail))
            })?;
        let id = job.asked.id.as_deref().unwrap_or_default();
        let verb = if self.to.is_some() { "Release" } else { "Quarantine" };
        let because = self.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        let origin = format!("{verb} {id}{because}");
        Ok(match &self.to {
            Some(to) => Way { company: *company, from: Some(quality), to: to.clone(), origin },
            None => Way { company: *company, from: None, to: quality, origin },
        })
    }
}

fn quality_of(site: &Site, reach: &Reach) -> Option<String> {
    let bound = site.quality_locations.iter().find(|(system, _)| system.value == *reach.system());
    bound.map(|(_, location)| location.value.clone())
}

fn unfit_rows(site: &SiteName) -> Trouble {
    let error = FieldError { pointer: "/site".to_owned(), detail: format!("the grant does not cover site `{site}`") };
    Problem { status: 403, code: code::OUTSIDE_ROWS, ..unfit(vec![error], "the body") }.into()
}

impl Way {
    /// For the connector, under the key of the write.
    pub(crate) fn relocation(&self, external_id: String) -> Relocation {
        Relocation {
            company: self.company,
            from: self.from.clone().map_or(RelocatedFrom::Anywhere, RelocatedFrom::Location),
            to: self.to.clone(),
            origin: self.origin.clone(),
            external_id,
        }
    }

    /// In the form that its effect keeps.
    pub(crate) fn keep(&self) -> Value {
        json!({"company": self.company, "from": self.from, "to": self.to, "origin": self.origin})
    }

    /// What an effect kept.
    pub(crate) fn kept(kept: &Value) -> Option<Self> {
        Some(Self {
            company: kept.get("company")?.as_i64()?,
            from: kept.get("from")?.as_str().map(str::to_owned),
            to: kept.get("to")?.as_str()?.to_owned(),
            origin: kept.get("origin")?.as_str()?.to_owned(),
        })
    }
}

/// What was read back, for the answer.
pub(crate) fn show(relocated: &Relocated) -> Value {
    json!({
        "transfer": relocated.transfer,
        "quantity": told::amount(relocated.moved, Some(relocated.unit)),
        "positions": positions(&relocated.positions),
    })
}
