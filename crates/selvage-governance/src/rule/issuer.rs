//! Issuers of tokens: known where their tokens are to be taken, asked in a way that nobody can answer for them, and no two
//! consumers that a token or a certificate would stand for alike.

use std::collections::{BTreeMap, BTreeSet};

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::consumer::{Consumer, Identity};
use selvage_model::source::Place;

use super::LintRule;
use crate::lint::{Context, Report};
use crate::nearest::listed;

pub(crate) const OPEN: LintRule = LintRule {
    code: code::ISSUER_OPEN,
    name: "issuers-are-asked-over-tls",
    severity: Severity::Warning,
    waivable: true,
    check: open,
};

/// Whoever can answer in an issuer's place makes keys of their own count.
fn open(context: &Context<'_>, report: &mut Report) {
    let settings = context.fabric.settings.as_ref();
    for issuer in context.fabric.issuers.values() {
        for environment in issuer.environments.iter().filter(|environment| environment.signing.is_none()) {
            let name = &environment.name.value;
            let declared = settings.and_then(|it| it.environments.iter().find(|known| &known.name.value == name));
            for url in [Some(&environment.url), environment.keys.as_ref()].into_iter().flatten() {
                if !url.value.starts_with("http://") || is_this_machine(&url.value) {
                    continue;
                }
                let message = format!(
                    "the keys of `{}` are fetched in `{name}` without TLS: whoever is on the way can make tokens",
                    issuer.name
                );
                let mut finding = Finding::error(code::ISSUER_OPEN, &url.place, message);
                if !declared.is_some_and(|declared| declared.protected) {
                    finding.severity = Severity::Warning;
                }
                report.add(&issuer.name, finding.fix("name it by `https://`"));
            }
        }
    }
}

fn is_this_machine(url: &str) -> bool {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let authority = rest.split('/').next().unwrap_or_default();
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|host| authority.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
}

pub(crate) const ENVIRONMENT: LintRule = LintRule {
    code: code::ISSUER_ENVIRONMENT,
    name: "issuers-are-known-where-they-are-used",
    severity: Severity::Warning,
    waivable: true,
    check: environment,
};

fn environment(context: &Context<'_>, report: &mut Report) {
    let Some(settings) = &context.fabric.settings else { return };
    let consumers = context.fabric.consumers.values();
    let used: BTreeMap<_, _> =
        consumers.filter_map(|consumer| Some((&consumer.token_subject()?.0.value, consumer))).collect();
    for (name, consumer) in used {
        let Some(issuer) = context.fabric.issuers.get(name) else { continue };
        let names = settings.environments.iter().map(|environment| &environment.name.value);
        let missing: Vec<&str> =
            names.filter(|name| issuer.environment(name).is_none()).map(|name| name.as_str()).collect();
        if !missing.is_empty() {
            let message = format!(
                "`{}` shows tokens of `{name}`, which is not known in {}: it is refused there",
                consumer.name,
                listed(&missing)
            );
            let finding = Finding::warning(code::ISSUER_ENVIRONMENT, &issuer.place, message);
            report.add(name, finding.fix("add the environment with the `url` that its tokens say in `iss`"));
        }
    }
}

pub(crate) const TWICE: LintRule = LintRule {
    code: code::IDENTITY_TWICE,
    name: "an-identity-is-one-consumer",
    severity: Severity::Error,
    waivable: false,
    check: twice,
};

fn twice(context: &Context<'_>, report: &mut Report) {
    let mut first: BTreeMap<(String, String), (&Consumer, &Place)> = BTreeMap::new();
    let mut told = BTreeSet::new();
    for consumer in context.fabric.consumers.values() {
        let (of, subject, place) = match (&consumer.identity, consumer.token_subject()) {
            (Identity::Mtls { subject }, _) => ("a certificate".to_owned(), subject.value.clone(), &subject.place),
            (_, Some((issuer, subject))) => (format!("`{issuer}`"), subject.to_owned(), &issuer.place),
            _ => continue,
        };
        let Some((other, _)) = first.get(&(of.clone(), subject.clone())) else {
            first.insert((of, subject), (consumer, place));
            continue;
        };
        if told.insert(&consumer.name) {
            let message = format!(
                "`{}` and `{}` are both whom {of} names `{subject}`: neither could be told from the other",
                other.name, consumer.name
            );
            let finding = Finding::error(code::IDENTITY_TWICE, place, message);
            report.add(&consumer.name, finding.fix("give each application an identity of its own"));
        }
    }
}
