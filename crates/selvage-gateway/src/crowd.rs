//! How many connections each peer has, over all threads of a node. Looked at when a connection comes and goes, never
//! while it serves requests.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Who is connected.
#[derive(Debug)]
pub(crate) struct Crowd {
    most: usize,
    by_peer: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of a peer; dropped, it is gone.
pub(crate) struct Present {
    crowd: Arc<Crowd>,
    peer: IpAddr,
}

impl Crowd {
    /// A crowd of at most so many connections for each peer.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, by_peer: Mutex::default() })
    }

    /// Lets a peer in, where it has fewer than it may.
    pub(crate) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Present> {
        let peer = household(peer);
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_peer.entry(peer).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Present { crowd: Arc::clone(self), peer })
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut by_peer = self.crowd.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_peer.get_mut(&self.peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                by_peer.remove(&self.peer);
            }
        }
    }
}

/// The peer that an address counts as: with IPv6 one host has a whole /64 of them.
fn household(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_so_many_and_gets_them_back() {
        let crowd = Crowd::new(2);
        let enter = |peer: &str| crowd.enter(peer.parse().unwrap());
        let first = enter("10.0.0.1");
        let second = enter("::ffff:10.0.0.1");
        assert!(first.is_some() && second.is_some());
        assert!(enter("10.0.0.1").is_none());
        assert!(enter("10.0.0.2").is_some(), "another peer is not concerned");
        drop(first);
        let third = enter("10.0.0.1");
        assert!(third.is_some());
        drop((second, third));
        assert!(crowd.by_peer.lock().unwrap().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let crowd = Crowd::new(1);
        let one = crowd.enter("2001:db8:1:2::1".parse().unwrap());
        assert!(one.is_some());
        assert!(crowd.enter("2001:db8:1:2:ffff::9".parse().unwrap()).is_none());
        assert!(crowd.enter("2001:db8:1:3::1".parse().unwrap()).is_some());
    }
}
