//! Which domain something belongs to. A file under `domains/<name>/` is that domain's, every other file the group's; a domain
//! is released by itself, so a file is never in two.

use crate::fabric::Fabric;
use crate::name::{ConsumerName, DomainName, InterfaceRef};
use crate::source::Place;

/// The directory that holds a directory for each domain.
pub const DOMAINS: &str = "domains";

/// The domain that a file belongs to, by its path in the fabric's directory. A directory whose name no domain can have is told by
/// lint, and is the group's until then.
pub fn domain_of(path: &str) -> DomainName {
    named(path).and_then(|name| name.parse().ok()).unwrap_or_else(DomainName::group)
}

/// What stands for the domain in the path, whether it is a name or not.
pub fn named(path: &str) -> Option<&str> {
    let mut parts = path.split('/');
    let (first, name) = (parts.next()?, parts.next()?);
    // A file that lies in `domains` itself is in no domain's directory.
    (first == DOMAINS && parts.next().is_some()).then_some(name)
}

impl Fabric {
    /// The domain that governs an interface: the one that it names, or that of its file.
    pub fn governing(&self, interface: &InterfaceRef) -> Option<DomainName> {
        let interface = self.interfaces.get(interface)?;
        Some(interface.domain.as_ref().map_or_else(|| of(&interface.place), |domain| domain.value.clone()))
    }

    /// The domain that a consumer belongs to.
    pub fn home(&self, consumer: &ConsumerName) -> Option<DomainName> {
        self.consumers.get(consumer).map(|consumer| of(&consumer.place))
    }
}

fn of(place: &Place) -> DomainName {
    domain_of(&place.file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "group";

    #[test]
    fn a_file_is_in_one_domain() {
        for (path, domain) in [
            ("fabric.yaml", GROUP),
            ("domains/plant-ghent/interfaces.yaml", "plant-ghent"),
            ("domains/plant-ghent/contracts/stock.yaml", "plant-ghent"),
            ("domains/readme.yaml", GROUP),
            ("contracts/domains/plant-ghent/x.yaml", GROUP),
            ("domains/Plant Ghent/x.yaml", GROUP),
            ("pack:odoo/product.yaml", GROUP),
        ] {
            assert_eq!(domain_of(path).as_str(), domain, "{path}");
        }
        assert_eq!(GROUP.parse(), Ok(DomainName::group()));
    }
}
