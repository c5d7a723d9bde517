//! System.

use std::time::Duration;

use rust_decimal::Decimal;

use super::fields::{Fields, key, key_text};
use crate::code;
use crate::fabric::Fabric;
use crate::finding::Finding;
use crate::manifest::system::{
    Account, AccountLimits, Breaker, ClientProof, Connector, Dialect, DirectLimits, SecretName, System,
    SystemEnvironment, SystemLimits, SystemTls, Zone,
};
use crate::scalar::{self, Percent};
use crate::schema::tables::system::{
    ACCOUNT, ACCOUNT_LIMITS, BREAKER, CLIENT_PROOF, DIRECT_LIMITS, ONE_SECRET, SECRET, SYSTEM_ENVIRONMENT,
    SYSTEM_LIMITS, SYSTEM_TLS,
};
use crate::source::Spanned;
use crate::yaml::{Key, Node};

const CONNECTORS: &[(&str, Connector)] =
    &[("odoo", Connector::Odoo), ("http", Connector::Http), ("mqtt", Connector::Mqtt), ("file", Connector::File)];

const DIALECTS: &[(&str, Dialect)] =
    &[("json-rpc", Dialect::JsonRpc), ("json-2", Dialect::Json2), ("xml-rpc", Dialect::XmlRpc)];

pub(super) fn system(fields: Fields<'_>) -> Option<System> {
    Some(System {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        connector: fields.word("connector", CONNECTORS)?,
        owner: fields.spanned("owner")?,
        zone: zone(fields),
        environments: fields.entries("environments").iter().filter_map(environment).collect(),
        limits: limits(fields),
    })
}

fn zone(fields: Fields<'_>) -> Zone {
    let site = fields.spanned_text("zone").and_then(|zone| {
        let site = zone.value.strip_prefix("site:")?.parse().ok()?;
        Some(Spanned::new(site, zone.place))
    });
    site.map_or(Zone::Cloud, Zone::Site)
}

fn environment((name, node): &(Key, Node)) -> Option<SystemEnvironment> {
    let fields = Fields::new(node, &SYSTEM_ENVIRONMENT);
    let url = fields.spanned_text("url").and_then(|url| {
        let address = scalar::url(&url.value)?.to_owned();
        Some(Spanned::new(address, url.place))
    });
    Some(SystemEnvironment {
        name: key(name)?,
        url,
        database: fields.text("database"),
        dialect: fields.word("dialect", DIALECTS),
        accounts: fields.entries("accounts").iter().filter_map(account).collect(),
        tls: fields.record("tls", &SYSTEM_TLS).map(tls),
    })
}

fn tls(fields: Fields<'_>) -> SystemTls {
    SystemTls {
        place: fields.place().clone(),
        authorities: fields.spanned_text("authorities"),
        server_name: fields.spanned_text("server_name"),
        client: fields.record("client", &CLIENT_PROOF).and_then(client),
    }
}

fn client(fields: Fields<'_>) -> Option<ClientProof> {
    let named = |name: &str| {
        let secret = fields.record(name, &ONE_SECRET)?.spanned_text("secret")?;
        Some(Spanned::new(SecretName(secret.value), secret.place))
    };
    Some(ClientProof { certificate: named("certificate")?, key: named("key")? })
}

/// What is wrong with how systems are known over TLS: none is spoken, or the authorities are none.
pub(super) fn judge_tls(fabric: &Fabric, findings: &mut Vec<Finding>) {
    for system in fabric.systems.values() {
        for environment in &system.environments {
            let Some(tls) = &environment.tls else { continue };
            if let Some((message, fix)) = unspoken(system, environment, tls) {
                findings.push(Finding::error(code::TLS_UNSPOKEN, &tls.place, message).fix(fix));
            }
            let file = tls.authorities.as_ref().and_then(|path| Some((path, fabric.files.get(&path.value)?)));
            if let Some((path, text)) = file {
                findings.extend(unfit(path, text));
            }
        }
    }
}

fn unspoken(system: &System, environment: &SystemEnvironment, tls: &SystemTls) -> Option<(String, &'static str)> {
    let url = environment.url.as_ref()?;
    if !url.value.starts_with("https:") {
        let message = format!("`{}` is not spoken to over TLS in `{}`", system.name, environment.name);
        return Some((message, "give it a `url` that begins with `https://`, or remove `tls`"));
    }
    let renamed = system.connector == Connector::Odoo && tls.server_name.is_some();
    renamed.then(|| {
        let message = format!("`{}` is an Odoo, which is known by the host of its `url`", system.name);
        (message, "let `url` name the host that the certificate bears, and remove `server_name`")
    })
}

/// Authorities are public; what stands beside the manifests is recorded with them. INVARIANT: SECRET-FREE: a key is not.
fn unfit(path: &Spanned<String>, text: &str) -> Option<Finding> {
    let wrong = |message: String| Finding::error(code::AUTHORITIES_UNFIT, &path.place, message);
    let name = &path.value;
    if text.contains("PRIVATE KEY") {
        let finding = wrong(format!("`{name}` holds a private key, and what a fabric names is recorded with it"));
        return Some(finding.fix("take the key out of the directory, put it among the secrets, and make a new one"));
    }
    (!text.contains("-----BEGIN CERTIFICATE-----")).then(|| {
        let finding = wrong(format!("`{name}` holds no certificate in PEM"));
        finding.fix("write the authorities' certificates into it, each from `-----BEGIN CERTIFICATE-----` on")
    })
}

fn account((name, node): &(Key, Node)) -> Option<Account> {
    let fields = Fields::new(node, &ACCOUNT);
    let key = fields.record("api_key", &SECRET)?;
    let named = |name: &str| key.spanned_text(name).map(|name| Spanned::new(SecretName(name.value), name.place));
    let expires = fields.spanned_text("expires");
    Some(Account {
        name: key_text(name),
        login: fields.text("login")?,
        api_key: named("secret")?,
        next_key: named("next"),
        expires: expires.and_then(|day| Some(Spanned::new(scalar::date(&day.value)?, day.place))),
        limits: account_limits(fields),
    })
}

fn account_limits(fields: Fields<'_>) -> AccountLimits {
    let Some(fields) = fields.record("limits", &ACCOUNT_LIMITS) else { return AccountLimits::default() };
    AccountLimits {
        concurrency: fields.with("concurrency", scalar::integer),
        per_second: fields.with("per_second", scalar::integer),
    }
}

fn limits(fields: Fields<'_>) -> SystemLimits {
    let default = SystemLimits::default();
    let Some(fields) = fields.record("limits", &SYSTEM_LIMITS) else { return default };
    SystemLimits {
        concurrency: fields.with("concurrency", scalar::integer).unwrap_or(default.concurrency),
        per_second: fields.with("per_second", scalar::integer),
        longest_transaction: fields
            .with("longest_transaction", scalar::duration)
            .unwrap_or(default.longest_transaction),
        direct: fields.record("direct", &DIRECT_LIMITS).map(direct).unwrap_or_default(),
    }
}

fn direct(fields: Fields<'_>) -> DirectLimits {
    DirectLimits {
        concurrency: fields.with("concurrency", scalar::integer),
        wait: fields.with("wait", scalar::duration),
        reserved: fields.parse("reserved"),
        breaker: fields.record("breaker", &BREAKER).map(breaker),
        retries: fields.parse("retries"),
    }
}

fn breaker(fields: Fields<'_>) -> Breaker {
    Breaker {
        failures: fields.parse("failures").unwrap_or(Percent(Decimal::from(50))),
        of: fields.with("of", scalar::integer).unwrap_or(20),
        within: fields.with("within", scalar::duration).unwrap_or(Duration::from_secs(10)),
        open: fields.with("open", scalar::duration).unwrap_or(Duration::from_secs(5)),
        probes: fields.with("probes", scalar::integer).unwrap_or(3),
    }
}
