//! Which records have these values, in Odoo's terms: a domain and companies. An attribute with several values is an
//! alternative; several attributes must all hold. What cannot be selected exactly is refused, never widened.

use selvage_mapping::{Filter, LinkAnswer, Links};
use selvage_model::manifest::mapping::Allowed;
use selvage_model::name::{AttributeName, SiteName};
use serde_json::{Value, json};

use crate::company;
use crate::links;
use crate::reach::Reach;
use crate::refusal;
use crate::trouble::Trouble;

/// What is selected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Selection {
    /// No record can have these values: nothing needs to be asked.
    Nothing,
    /// The records of this domain in these companies (`None`: of every site).
    Records {
        /// Conditions in Odoo's form; all must hold.
        domain: Vec<Value>,
        /// Ids of companies.
        companies: Option<Vec<i64>>,
    },
}

/// One alternative of an attribute.
#[derive(Clone, Debug, PartialEq)]
enum Term {
    Condition { field: String, values: Vec<Value> },
    Company(SiteName),
    All,
}

/// Selects the records whose attributes have these values.
pub(crate) async fn select(reach: &Reach, filters: &[(AttributeName, Vec<Value>)]) -> Result<Selection, Trouble> {
    let mut made: Vec<Vec<Filter>> = Vec::new();
    for (attribute, values) in filters {
        let filters: Result<_, _> = values.iter().map(|value| reach.mapping.filter(attribute, value)).collect();
        made.push(filters.map_err(|error| Trouble::from(refusal::of_filter(&error)))?);
    }
    let companies = companies(reach, &made).await?;
    if companies.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Selection::Nothing);
    }
    let mut domain: Vec<Value> =
        reach.mapping.only().iter().map(|(field, allowed)| allowed_in(field, allowed)).collect();
    for filters in made {
        let links = linked(reach, &filters, companies.as_deref().unwrap_or_default()).await?;
        let terms = terms(filters, &links);
        if terms.is_empty() {
            return Ok(Selection::Nothing);
        }
        if !terms.contains(&Term::All) {
            domain.extend(any_of(split(terms).1));
        }
    }
    Ok(Selection::Records { domain, companies })
}

/// The companies that are left by those of the filters that name sites.
async fn companies(reach: &Reach, made: &[Vec<Filter>]) -> Result<Option<Vec<i64>>, Trouble> {
    let mut left: Option<Vec<i64>> = None;
    for filters in made.iter().filter(|filters| !filters.contains(&Filter::Everything)) {
        let (sites, _) = split(terms(filters.clone(), &Links::new()));
        if sites.is_empty() {
            continue;
        }
        let these = of_sites(reach, &sites).await?;
        left = Some(match left {
            Some(before) => before.into_iter().filter(|company| these.contains(company)).collect(),
            None => these,
        });
    }
    Ok(left)
}

/// A key is looked for where the records are: what another site calls the same is not met.
async fn linked(reach: &Reach, filters: &[Filter], companies: &[i64]) -> Result<Links, Trouble> {
    let questions = filters.iter().filter_map(|filter| match filter {
        Filter::Link { query, .. } => Some(query.clone()),
        _ => None,
    });
    links::look_up(reach, questions.collect(), companies).await
}

async fn of_sites(reach: &Reach, sites: &[SiteName]) -> Result<Vec<i64>, Trouble> {
    let known = reach.served.connection.companies().await?;
    let fabric = &reach.active.fabric;
    let mut companies = Vec::new();
    // A site that nobody declared has no company, and no record is its.
    for site in sites.iter().filter(|site| fabric.sites.contains_key(site)) {
        companies.push(company::of_site(fabric, reach.system(), &known, site)?);
    }
    Ok(companies)
}

fn terms(filters: Vec<Filter>, links: &Links) -> Vec<Term> {
    let mut terms = Vec::new();
    for filter in filters {
        let term = match filter {
            Filter::Equals { field, value } => Term::Condition { field, values: vec![value] },
            Filter::OneOf { field, values } => Term::Condition { field, values },
            Filter::Id(id) => Term::Condition { field: "id".to_owned(), values: vec![Value::from(id)] },
            Filter::Link { field, query } => match links.get(&query) {
                Some(LinkAnswer::Id(id)) => Term::Condition { field, values: vec![Value::from(*id)] },
                _ => continue,
            },
            Filter::Company(site) => Term::Company(site),
            Filter::Everything => Term::All,
            Filter::Nothing => continue,
        };
        terms.push(term);
    }
    terms
}

fn split(terms: Vec<Term>) -> (Vec<SiteName>, Vec<(String, Vec<Value>)>) {
    let mut sites = Vec::new();
    let mut conditions: Vec<(String, Vec<Value>)> = Vec::new();
    for term in terms {
        match term {
            Term::Company(site) => sites.push(site),
            Term::Condition { field, values } => match conditions.iter_mut().find(|(known, _)| known == &field) {
                Some((_, known)) => known.extend(values),
                None => conditions.push((field, values)),
            },
            Term::All => {}
        }
    }
    (sites, conditions)
}

/// Conditions of which one must hold, in Odoo's prefix form.
fn any_of(conditions: Vec<(String, Vec<Value>)>) -> Vec<Value> {
    let alternatives = conditions.len().saturating_sub(1);
    let operators = std::iter::repeat_n(Value::from("|"), alternatives);
    let conditions = conditions.into_iter().map(|(field, values)| condition(&field, &values));
    operators.chain(conditions).collect()
}

fn allowed_in(field: &str, allowed: &Allowed) -> Value {
    match allowed {
        Allowed::OneOf(values) => condition(field, values),
        Allowed::AtLeast(least) => json!([field, ">=", least]),
    }
}

fn condition(field: &str, values: &[Value]) -> Value {
    match values {
        [only] => json!([field, "=", only]),
        _ => json!([field, "in", values]),
    }
}

#[cfg(test)]
mod tests {
    use selvage_mapping::LinkQuery;

    use super::*;

    #[test]
    fn values_of_one_attribute_become_alternatives() {
        let equals = |field: &str, value: Value| Filter::Equals { field: field.to_owned(), value };
        let query = LinkQuery::ByExternalId { external_id: "uom.kg".to_owned() };
        let missing = LinkQuery::ByExternalId { external_id: "uom.lb".to_owned() };
        let link = |query: &LinkQuery| Filter::Link { field: "uom_id".to_owned(), query: query.clone() };
        let links: Links =
            [(query.clone(), LinkAnswer::Id(12)), (missing.clone(), LinkAnswer::Missing)].into_iter().collect();
        let several = Filter::OneOf { field: "state".to_owned(), values: vec![json!("a"), json!("b")] };
        let table = [
            (vec![equals("state", json!("done"))], json!([["state", "=", "done"]])),
            (vec![equals("state", json!("x")), several], json!([["state", "in", ["x", "a", "b"]]])),
            (vec![equals("f", json!(1)), equals("g", json!(2))], json!(["|", ["f", "=", 1], ["g", "=", 2]])),
            (vec![link(&query), link(&missing)], json!([["uom_id", "=", 12]])),
            (vec![Filter::Id(7)], json!([["id", "=", 7]])),
        ];
        for (filters, expected) in table {
            let (sites, conditions) = split(terms(filters, &links));
            assert!(sites.is_empty());
            assert_eq!(Value::from(any_of(conditions)), expected);
        }
        assert!(terms(vec![link(&missing), Filter::Nothing], &links).is_empty());
    }
}
