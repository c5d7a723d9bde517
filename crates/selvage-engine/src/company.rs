//! Which company of a system is which site, by what the sites bind. Pure over what the system said of its companies.

use selvage_connect::odoo::Company;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::{SiteName, SystemName};
use selvage_model::problem::Problem;

/// Every site with its company in this system, as far as the account sees them.
pub(crate) fn bound(fabric: &Fabric, system: &SystemName, companies: &[Company]) -> Vec<(SiteName, i64)> {
    let sites = fabric.sites.values();
    sites.filter_map(|site| Some((site.name.clone(), find(fabric, system, companies, &site.name)?))).collect()
}

/// The companies of every site, so that nothing is seen or made in one that no site stands for. None only where no site
/// names one in this system: a fabric without plants has the account's companies.
pub(crate) fn of_every_site(fabric: &Fabric, system: &SystemName, companies: &[Company]) -> Result<Vec<i64>, Problem> {
    let found: Vec<i64> = bound(fabric, system, companies).into_iter().map(|(_, id)| id).collect();
    let declared = || fabric.sites.values().any(|site| site.companies.iter().any(|(of, _)| &of.value == system));
    if found.is_empty() && declared() {
        let detail = format!("no site has a company in `{system}` that Selvage's account sees");
        return Err(Problem::new(502, code::COMPANY_UNBOUND, detail));
    }
    Ok(found)
}

/// The company of one site.
pub(crate) fn of_site(
    fabric: &Fabric,
    system: &SystemName,
    companies: &[Company],
    site: &SiteName,
) -> Result<i64, Problem> {
    find(fabric, system, companies, site).ok_or_else(|| {
        let detail = format!("site `{site}` has no company in `{system}` that Selvage's account sees");
        Problem::new(502, code::COMPANY_UNBOUND, detail)
    })
}

/// The site of one company.
pub(crate) fn site_of(fabric: &Fabric, system: &SystemName, companies: &[Company], id: i64) -> Option<SiteName> {
    bound(fabric, system, companies).into_iter().find(|(_, company)| *company == id).map(|(site, _)| site)
}

fn find(fabric: &Fabric, system: &SystemName, companies: &[Company], site: &SiteName) -> Option<i64> {
    let site = fabric.sites.get(site)?;
    let (_, called) = site.companies.iter().find(|(of, _)| &of.value == system)?;
    let called = called.value.as_str();
    // A registry number and an external id are not edited in passing; a name is, so it comes last.
    let by = |is: &dyn Fn(&Company) -> bool| companies.iter().find(|company| is(company)).map(|company| company.id);
    by(&|company| company.registry.as_deref() == Some(called))
        .or_else(|| by(&|company| company.external_id.as_deref() == Some(called)))
        .or_else(|| by(&|company| company.name == called))
}

#[cfg(test)]
mod tests {
    use selvage_model::manifest::organisation::Site;
    use selvage_model::source::{Place, Spanned};

    use super::*;

    fn site(name: &str, company: &str) -> Site {
        let place = Place::start("sites.yaml");
        let system = Spanned::new("odoo".parse().unwrap(), place.clone());
        Site {
            place: place.clone(),
            name: name.parse().unwrap(),
            time_zone: jiff::tz::TimeZone::UTC,
            roles: vec![],
            companies: vec![(system, Spanned::new(company.to_owned(), place))],
            quality_locations: vec![],
            shifts: None,
            maintenance: vec![],
            networks: vec![],
        }
    }

    fn company(id: i64, name: &str, registry: Option<&str>, external_id: Option<&str>) -> Company {
        Company {
            id,
            name: name.to_owned(),
            registry: registry.map(str::to_owned),
            external_id: external_id.map(str::to_owned),
        }
    }

    #[test]
    fn a_registry_number_wins_over_an_external_id_and_that_over_a_name() {
        let mut fabric = Fabric::default();
        for (name, bound) in [("ghent", "BE01"), ("brno", "base.brno"), ("turin", "Turin SpA"), ("nowhere", "XX")] {
            fabric.sites.insert(name.parse().unwrap(), site(name, bound));
        }
        let companies = [
            company(1, "BE01", None, None),
            company(2, "Velo Ghent", Some("BE01"), None),
            company(3, "Velo Brno", None, Some("base.brno")),
            company(4, "Turin SpA", None, None),
        ];
        let system = "odoo".parse().unwrap();
        let of = |site: &str| of_site(&fabric, &system, &companies, &site.parse().unwrap()).ok();
        assert_eq!([of("ghent"), of("brno"), of("turin"), of("nowhere")], [Some(2), Some(3), Some(4), None]);
        assert_eq!(site_of(&fabric, &system, &companies, 3), Some("brno".parse().unwrap()));
        assert_eq!(site_of(&fabric, &system, &companies, 1), None);
        assert_eq!(bound(&fabric, &system, &companies).len(), 3);
    }
}
