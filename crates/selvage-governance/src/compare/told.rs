//! How values of manifests are told to people, and where they stand.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use selvage_model::Decimal;
use selvage_model::access::EndAction;
use selvage_model::finding::Severity;
use selvage_model::mail::MailAddress;
use selvage_model::manifest::api::{Answers, Older, Operation};
use selvage_model::manifest::compatibility::CompatibilityPromise;
use selvage_model::manifest::event::FileFormat;
use selvage_model::manifest::flow::{Backoff, OnFailure};
use selvage_model::manifest::interface::{Check, Criticality, CutOff, DataClass, Latency, OnPartition, Used};
use selvage_model::manifest::issuer::TokenAlgorithm;
use selvage_model::manifest::mapping::{Allowed, CodeBy, Direction, TimeUnit};
use selvage_model::manifest::object::OnUnmatched;
use selvage_model::manifest::organisation::EvidenceYears;
use selvage_model::manifest::rule::{RuleCase, Subject};
use selvage_model::manifest::system::{Connector, Dialect, SecretName, Zone};
use selvage_model::manifest::webhook::{CallId, Signing};
use selvage_model::name::{
    AttributeName, ClassName, CodeSetName, ConsumerName, DomainName, EnvironmentName, FabricName, InterfaceRef,
    IssuerName, MappingName, ObjectName, ObjectRef, PackName, RuleName, SiteName, SubscriptionName, SystemName,
    TeamName, Version,
};
use selvage_model::network::Network;
use selvage_model::scalar::{Dimension, Percent, Quota, Rate, VersionRange, spell};
use selvage_model::source::{Place, Spanned};
use selvage_model::subscription::Beginning;
use serde_json::Value;

/// A value that can be told.
pub(super) trait Told: Clone + PartialEq {
    /// In words; nothing where there is none, or where words would be too many.
    fn told(&self) -> Option<String>;

    /// Where it stands.
    fn place(&self) -> Option<&Place> {
        None
    }
}

impl Told for EvidenceYears {
    fn told(&self) -> Option<String> {
        let Self { control, tier_1, tier_2, tier_3, unclassified } = self;
        let classes = [("control", control), ("tier-1", tier_1), ("tier-2", tier_2), ("tier-3", tier_3)];
        let classes = classes.into_iter().chain([("unclassified", unclassified)]);
        let said: Vec<String> =
            classes.filter_map(|(name, years)| years.map(|years| format!("{name}: {years}"))).collect();
        (!said.is_empty()).then(|| said.join(", "))
    }
}

macro_rules! by_display {
    ($($name:ty),* $(,)?) => {$(
        impl Told for $name {
            fn told(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )*};
}

by_display!(
    bool,
    u32,
    u64,
    i64,
    String,
    Version,
    Severity,
    Dimension,
    Date,
    Timestamp,
    Operation,
    Network,
    MailAddress,
    CompatibilityPromise,
    Decimal,
    Value,
    AttributeName,
    ClassName,
    CodeSetName,
    ConsumerName,
    DomainName,
    EnvironmentName,
    FabricName,
    InterfaceRef,
    IssuerName,
    MappingName,
    ObjectName,
    ObjectRef,
    PackName,
    RuleName,
    SiteName,
    SubscriptionName,
    SystemName,
    TeamName,
);

macro_rules! by_word {
    ($($name:ty),* $(,)?) => {$(
        impl Told for $name {
            fn told(&self) -> Option<String> {
                Some(kebab(&format!("{self:?}")))
            }
        }
    )*};
}

by_word!(
    EndAction,
    Older,
    FileFormat,
    Backoff,
    OnFailure,
    Check,
    CutOff,
    CodeBy,
    Direction,
    TimeUnit,
    OnUnmatched,
    Subject,
    Connector,
    Dialect,
    Beginning,
);

macro_rules! by_function {
    ($($name:ty => $told:expr;)*) => {$(
        impl Told for $name {
            fn told(&self) -> Option<String> {
                let told: fn(&$name) -> String = $told;
                Some(told(self))
            }
        }
    )*};
}

by_function! {
    Duration => |span| spell(*span);
    Answers => |answers| answers.as_str().to_owned();
    Criticality => |criticality| criticality.as_str().to_owned();
    DataClass => |class| class.as_str().to_owned();
    Used => |used| used.as_str().to_owned();
    Latency => |latency| latency.as_str().to_owned();
    TokenAlgorithm => |algorithm| algorithm.as_str().to_owned();
    SecretName => |secret| secret.0.clone();
    TimeZone => |zone| zone.iana_name().unwrap_or_default().to_owned();
    Rate => |rate| format!("{}/{}", rate.count, spell(rate.per));
    Quota => |quota| format!("{}/{}", quota.count, quota.window);
    Percent => |percent| format!("{}%", percent.0);
    Zone => |zone| match zone {
        Zone::Cloud => "cloud".to_owned(),
        Zone::Site(site) => format!("site:{site}"),
    };
    OnPartition => |on| match on {
        OnPartition::Refuse => "refuse".to_owned(),
        OnPartition::ServeFor(time) => format!("serve for {}", spell(*time)),
    };
    VersionRange => |range| match (range.from, range.until) {
        (None, None) => "any".to_owned(),
        (Some(from), None) => format!(">={from}"),
        (None, Some(until)) => format!("<={until}"),
        (Some(from), Some(until)) => format!("{from}..{until}"),
    };
    Allowed => |allowed| match allowed {
        Allowed::OneOf(values) => values.iter().map(Value::to_string).collect::<Vec<_>>().join(", "),
        Allowed::AtLeast(least) => format!("at least {least}"),
    };
    Signing => |signing| match signing {
        Signing::StandardWebhooks => "standard-webhooks".to_owned(),
        Signing::Hmac(hmac) => format!("a keyed hash in `{}`", hmac.header),
        Signing::Bearer { header: None } => "bearer".to_owned(),
        Signing::Bearer { header: Some(header) } => format!("a secret in `{header}`"),
        Signing::SecretPath => "secret-path".to_owned(),
        Signing::Mtls { subject } => format!("the certificate of `{subject}`"),
    };
    CallId => |id| match id {
        CallId::Header(header) => format!("the header `{header}`"),
        CallId::At(pointer) => format!("`{pointer}` of the body"),
    };
    RuleCase => |case| case.said.to_string();
}

impl Told for () {
    fn told(&self) -> Option<String> {
        None
    }
}

impl<T: Told> Told for Option<T> {
    fn told(&self) -> Option<String> {
        self.as_ref().and_then(Told::told)
    }

    fn place(&self) -> Option<&Place> {
        self.as_ref().and_then(Told::place)
    }
}

impl<T: Told> Told for Spanned<T> {
    fn told(&self) -> Option<String> {
        self.value.told()
    }

    fn place(&self) -> Option<&Place> {
        Some(&self.place)
    }
}

impl<T: Told> Told for Vec<T> {
    fn told(&self) -> Option<String> {
        let all: Vec<String> = self.iter().filter_map(Told::told).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    fn place(&self) -> Option<&Place> {
        self.first().and_then(Told::place)
    }
}

impl<A: Told, B: Told> Told for (A, B) {
    fn told(&self) -> Option<String> {
        Some(format!("{}: {}", self.0.told().unwrap_or_default(), self.1.told().unwrap_or_default()))
    }

    fn place(&self) -> Option<&Place> {
        self.0.place()
    }
}

/// A value that is its own name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key<T>(pub(super) T);

impl<T: Told> Told for Key<T> {
    fn told(&self) -> Option<String> {
        self.0.told()
    }

    fn place(&self) -> Option<&Place> {
        self.0.place()
    }
}

/// The word of a variant in manifests: `JsonRpc` is `json-rpc`.
fn kebab(variant: &str) -> String {
    let mut word = String::with_capacity(variant.len() + 2);
    for letter in variant.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

/// An expression without what only its looks are made of: spaces that separate nothing. Where it has remarks, or strings of
/// another kind than plain ones, it is as written.
pub(super) fn plain(expression: &str) -> String {
    if ["//", "\\", "'''", "\"\"\""].iter().any(|sign| expression.contains(sign)) {
        return expression.to_owned();
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut text = String::with_capacity(expression.len());
    let (mut quote, mut space) = (None, false);
    for letter in expression.trim().chars() {
        if let Some(open) = quote {
            text.push(letter);
            quote = (letter != open).then_some(open);
        } else if letter.is_whitespace() {
            space = true;
        } else {
            if space && text.chars().next_back().is_some_and(is_word) && is_word(letter) {
                text.push(' ');
            }
            space = false;
            text.push(letter);
            quote = matches!(letter, '"' | '\'').then_some(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_looks_are_no_difference() {
        for (one, other, same) in [
            ("a == 'x'", "a=='x'", true),
            ("a  in\n b", "a in b", true),
            ("a in b", "ain b", false),
            ("'a b'", "'ab'", false),
            ("'it\\'s  a'", "'it\\'s a'", false),
            ("a - -b", "a--b", true),
            ("r'\\'+ 'a  b'", "r'\\'+ 'a b'", false),
            ("a // b\n && c", "a // b && c", false),
        ] {
            assert_eq!(plain(one) == plain(other), same, "{one} | {other}");
        }
    }
}
