//! Where a message may go: the endpoint's name is resolved for each new connection, every answer is judged, and what is connected to
//! is an address that was judged, never the name again. A name that changes its mind in between changes nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};

use selvage_model::network::{self, AddressKind};

use super::Resolve;
use super::failure::Failure;
use crate::AddressPolicy;

/// Where an endpoint is, as its address says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) secure: bool,
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// What `Host` says.
    pub(super) authority: String,
    pub(super) path: String,
}

impl Destination {
    /// Of an absolute address of http or https, without credentials.
    pub(super) fn read(url: &str) -> Result<Self, Failure> {
        // It is not shown: somebody may have written a secret into it. INVARIANT: SECRET-FREE
        let uri: http::Uri = url.parse().map_err(|_| Failure::Address)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(Failure::Address),
        };
        let authority =
            uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or(Failure::Address)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(Failure::Address);
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self { secure, host: host.to_owned(), port, authority: authority.to_string(), path: path.to_owned() })
    }

    /// The addresses that may be connected to, in the resolver's order: all that the name has, or none.
    pub(super) async fn open_addresses(
        &self,
        policy: &AddressPolicy,
        resolve: &Resolve,
    ) -> Result<Vec<SocketAddr>, Failure> {
        if network::is_foreign_port(self.port) {
            return Err(Failure::Port(self.port));
        }
        let found = match self.host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => resolve(self.host.clone()).await.map_err(|error| self.unresolved(error))?,
        };
        let mut addresses: Vec<SocketAddr> = Vec::with_capacity(found.len());
        for address in found {
            let address = address.to_canonical();
            if !network::is_open(address, &policy.granted) {
                return Err(Failure::Closed { host: self.host.clone(), kind: AddressKind::of(address) });
            }
            let address = SocketAddr::new(address, self.port);
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        match addresses.is_empty() {
            true => Err(self.unresolved(io::Error::new(io::ErrorKind::NotFound, "it has no address"))),
            false => Ok(addresses),
        }
    }

    fn unresolved(&self, error: io::Error) -> Failure {
        Failure::Unresolved { host: self.host.clone(), error }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_an_address_says() {
        let table = [
            ("https://hooks.example/in?x=1", Some((true, "hooks.example", 443, "hooks.example", "/in?x=1"))),
            ("http://10.2.0.1:8080", Some((false, "10.2.0.1", 8080, "10.2.0.1:8080", "/"))),
            ("https://[fd12::1]:8443/a", Some((true, "fd12::1", 8443, "[fd12::1]:8443", "/a"))),
            ("ftp://hooks.example", None),
            ("//hooks.example", None),
            ("/in", None),
            ("https://user:hunter2@hooks.example", None),
            ("https://", None),
        ];
        for (url, expected) in table {
            let read = Destination::read(url).ok();
            let read = read.as_ref().map(|it| (it.secure, &*it.host, it.port, &*it.authority, &*it.path));
            assert_eq!(read, expected, "{url}");
        }
    }

    async fn judged(url: &str, answers: &[&str], granted: &[&str]) -> Result<usize, String> {
        let answers: Vec<IpAddr> = answers.iter().map(|answer| answer.parse().unwrap()).collect();
        let resolve: Resolve = Arc::new(move |_| {
            let answers = answers.clone();
            Box::pin(async move { Ok(answers) })
        });
        let policy = AddressPolicy { granted: granted.iter().map(|network| network.parse().unwrap()).collect() };
        let found = Destination::read(url).unwrap().open_addresses(&policy, &resolve).await;
        found.map(|found| found.len()).map_err(|failure| failure.to_string())
    }

    #[tokio::test]
    async fn every_answer_of_the_resolver_is_judged() {
        let name = "https://hooks.example";
        let closed =
            |kind| Err(format!("`hooks.example` leads to {kind}, which the zone of the system does not grant"));
        assert_eq!(judged(name, &["93.184.215.14"], &[]).await, Ok(1));
        assert_eq!(judged(name, &["93.184.215.14", "::ffff:93.184.215.14"], &[]).await, Ok(1));
        assert_eq!(judged(name, &["93.184.215.14", "10.2.0.1"], &[]).await, closed("a private address"));
        assert_eq!(judged(name, &["::ffff:127.0.0.1"], &[]).await, closed("the node's own machine"));
        assert_eq!(judged(name, &["64:ff9b::a00:1"], &[]).await, closed("an address that a translator leads on"));
        assert_eq!(judged(name, &["169.254.169.254"], &["10.0.0.0/8"]).await, closed("a cloud's metadata service"));
        assert_eq!(judged(name, &["10.2.0.1"], &["10.2.0.0/16"]).await, Ok(1));
        assert_eq!(judged(name, &[], &[]).await, Err("`hooks.example` leads nowhere: it has no address".to_owned()));
    }

    #[tokio::test]
    async fn addresses_that_are_written_are_judged_too() {
        for url in ["http://127.0.0.1", "http://[::1]:8080", "http://0.0.0.0", "http://169.254.169.254/latest"] {
            assert!(judged(url, &["93.184.215.14"], &[]).await.is_err(), "{url}");
        }
        assert_eq!(
            judged("http://127.0.0.1:9", &[], &["127.0.0.0/8"]).await.unwrap_err().as_str().get(..6),
            Some("port 9")
        );
        assert_eq!(judged("http://127.0.0.1:8080", &[], &["127.0.0.0/8"]).await, Ok(1));
    }
}
