//! INVARIANT: SECRET-FREE: no secret stands in a manifest. What looks like one is not repeated in the finding either.

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::source::Place;

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const INLINE: LintRule = LintRule {
    code: code::SECRET_INLINE,
    name: "no-secret-in-manifests",
    severity: Severity::Error,
    waivable: false,
    check: inline,
};

fn inline(context: &Context<'_>, report: &mut Report) {
    for system in context.fabric.systems.values() {
        for environment in &system.environments {
            if let Some(url) = environment.url.as_ref().filter(|url| has_password(&url.value)) {
                tell(&system.name, &url.place, "the address holds a password", report);
            }
            for account in &environment.accounts {
                for key in std::iter::once(&account.api_key).chain(&account.next_key) {
                    if looks_secret(&key.value.0) {
                        let what = "this looks like a key itself; `secret` and `next` take the name of one";
                        tell(&system.name, &key.place, what, report);
                    }
                }
                if looks_secret(&account.login) {
                    tell(&system.name, &account.name.place, "the login looks like a key", report);
                }
            }
        }
    }
    for (reference, interface) in &context.fabric.interfaces {
        if let InterfaceBody::Webhook(webhook) = &interface.body {
            for secret in webhook.secrets.iter().filter(|secret| looks_secret(&secret.value.0)) {
                tell(
                    reference,
                    &secret.place,
                    "this looks like a secret itself; `secret` takes the name of one",
                    report,
                );
            }
        }
        let texts = [&interface.description, &interface.because];
        if texts.into_iter().flatten().any(|text| holds_secret(text)) {
            tell(reference, &interface.place, "a text of the interface holds what looks like a key", report);
        }
    }
    for grant in &context.fabric.grants {
        if grant.purpose.as_deref().is_some_and(holds_secret) {
            tell(&grant.consumer.value, &grant.place, "the purpose holds what looks like a key", report);
        }
    }
}

fn tell(about: &impl ToString, place: &Place, what: &str, report: &mut Report) {
    let finding = Finding::error(code::SECRET_INLINE, place, what);
    let fix = "put it into the secret store, write `{secret: <its name>}` here, and change it: it has been seen";
    report.add(about, finding.fix(fix));
}

/// `https://user:password@host`.
fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

fn holds_secret(text: &str) -> bool {
    text.split_whitespace().any(looks_secret)
}

/// How well-known keys begin.
const PREFIXES: &[&str] = &[
    "-----BEGIN",
    "sk_live_",
    "sk_test_",
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "eyJhbGciOi",
    "whsec_",
    "whsk_",
];
/// A word of this length with letters and digits mixed is no word.
const LONG: usize = 32;

fn looks_secret(word: &str) -> bool {
    if PREFIXES.iter().any(|prefix| word.starts_with(prefix)) {
        return true;
    }
    let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '=' | '_');
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let letters = word.chars().filter(char::is_ascii_alphabetic).count();
    word.len() >= LONG && word.chars().all(token) && digits >= 5 && letters >= 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_words() {
        for secret in [
            "5f0c9a7e1b3d48f2a6c0e4d81b7f3a925f0c9a7e",
            "ghp_abcdef",
            "AKIAIOSFODNN7EXAMPLE",
            "Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3A=",
        ] {
            assert!(looks_secret(secret), "{secret}");
        }
        for word in ["odoo/read", "svc-mrp", "production-orders@1", "manufacturing-operations-of-both-plants-2026", ""]
        {
            assert!(!looks_secret(word), "{word}");
        }
    }

    #[test]
    fn passwords_in_addresses_are_seen() {
        assert!(has_password("https://svc:hunter2@erp.example.com/odoo"));
        assert!(!has_password("https://erp.example.com:8069/web?login=a@b:c"));
        assert!(!has_password("https://svc@erp.example.com"));
    }
}
