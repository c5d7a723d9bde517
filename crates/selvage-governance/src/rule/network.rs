//! Networks that zones grant to deliveries: no more than a plant has for itself, and as much as what is delivered needs. Names of
//! hosts are not resolved here: what they lead to is judged when a delivery is sent.

use std::net::{IpAddr, Ipv4Addr};

use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::system::{System, Zone};
use selvage_model::network::{self, AddressKind, Network};
use selvage_model::source::Spanned;

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const CLOSED: LintRule = LintRule {
    code: code::DELIVERY_CLOSED,
    name: "deliveries-may-go-there",
    severity: Severity::Warning,
    waivable: true,
    check: closed,
};

fn closed(context: &Context<'_>, report: &mut Report) {
    let fabric = context.fabric;
    for subscription in &fabric.subscriptions {
        let system = subscription.deliver.as_ref().and_then(|deliver| fabric.systems.get(&deliver.system.value));
        let Some(system) = system else { continue };
        for environment in &system.environments {
            let Some(url) = &environment.url else { continue };
            let Some((message, fix)) = refused(system, &url.value, fabric.networks_of(system)) else { continue };
            let message =
                format!("in `{}` {message}: nothing of `{}` is sent", environment.name, subscription.interface);
            report.add_lease(
                &subscription.consumer,
                &subscription.interface,
                CLOSED.finding(&url.place, message).fix(fix),
            );
        }
    }
}

/// Why nothing is sent to this address of a system, where that can be told from how it is written; and the way out.
fn refused(system: &System, url: &str, granted: &[Spanned<Network>]) -> Option<(String, String)> {
    let (host, port) = authority(url)?;
    if port.is_some_and(network::is_foreign_port) {
        let message = format!("`{}` is at a port at which other protocols than HTTP are spoken", system.name);
        return Some((message, "give its `url` another port".to_owned()));
    }
    let address = match host {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host.trim_matches(['[', ']']).parse().ok()?,
    };
    if network::is_open(address, granted.iter().map(|network| &network.value)) {
        return None;
    }
    let message = format!("`{}` is at {}, which its zone does not grant", system.name, AddressKind::of(address).noun());
    let fix = match &system.zone {
        Zone::Cloud => {
            "add its network to `networks` of the fabric, or give the system the zone of its site".to_owned()
        }
        Zone::Site(site) => format!("add its network to `networks` of the site `{site}`, as `networks: [10.2.0.0/16]`"),
    };
    Some((message, fix))
}

/// Host and port of an address that was read.
fn authority(url: &str) -> Option<(&str, Option<u16>)> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    match authority.rsplit_once(':').filter(|(host, _)| !host.starts_with('[') || host.ends_with(']')) {
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((authority, None)),
    }
}

pub(crate) const TOO_WIDE: LintRule = LintRule {
    code: code::NETWORK_WIDE,
    name: "granted-networks-are-ones-own",
    severity: Severity::Error,
    waivable: false,
    check: too_wide,
};

fn too_wide(context: &Context<'_>, report: &mut Report) {
    let fabric = context.fabric;
    let of_cloud = fabric.settings.iter().map(|settings| (settings.name.to_string(), &settings.networks));
    let of_sites = fabric.sites.values().map(|site| (site.name.to_string(), &site.networks));
    for (about, networks) in of_cloud.chain(of_sites) {
        for network in networks.iter().filter(|network| !network.value.may_be_granted()) {
            let message = format!("`{network}` is not a part of a network of one's own");
            let fix = "name a part of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 127.0.0.0/8 or fc00::/7; public addresses need no word, and a metadata service only passes by its own address";
            report.add(&about, TOO_WIDE.finding(&network.place, message).fix(fix));
        }
    }
}
