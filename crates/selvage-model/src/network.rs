//! Addresses of networks: which kind one is of, and which networks a zone grants. Messages that Selvage sends of itself go to what
//! everybody reaches, and to what is granted, and nowhere else. Resolves no names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

use crate::fabric::Fabric;
use crate::manifest::system::{System, Zone};
use crate::source::Spanned;

/// A network, as `10.2.0.0/16` or `fd12:3456::/48`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNet);

impl Network {
    /// Whether this address lies in it.
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// Whether it is one address alone.
    pub fn is_one_address(self) -> bool {
        self.0.prefix_len() == self.0.max_prefix_len()
    }

    /// Whether granting it opens what a plant could have for itself, and nothing else: a part of one block that is not everybody's.
    pub fn may_be_granted(self) -> bool {
        let has = |&(block, bits)| IpNet::new(block, bits).is_ok_and(|block| block.contains(&self.0));
        GRANTED_BLOCKS.iter().any(has) || (self.is_one_address() && METADATA.contains(&self.0.addr()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Network {
    type Err = ();
    /// An address and how many bits of it count; the others are zero, so that nobody means less than is written.
    fn from_str(text: &str) -> Result<Self, ()> {
        let network: IpNet = text.parse().map_err(drop)?;
        let is_plain = network == network.trunc() && network.addr() == network.addr().to_canonical();
        if is_plain { Ok(Self(network)) } else { Err(()) }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(first: u16, second: u16, last: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, last))
}

/// What a network may be granted of.
const GRANTED_BLOCKS: &[(IpAddr, u8)] = &[
    (v4(10, 0, 0, 0), 8),
    (v4(100, 64, 0, 0), 10),
    (v4(127, 0, 0, 0), 8),
    (v4(172, 16, 0, 0), 12),
    (v4(192, 168, 0, 0), 16),
    (v4(198, 18, 0, 0), 15),
    (v6(0, 0, 1), 128),
    (v6(0x64, 0xff9b, 0), 32),
    (v6(0xfc00, 0, 0), 7),
];

/// Where clouds tell a machine its credentials: granted by nothing that is wider than the one address.
const METADATA: &[IpAddr] = &[
    v4(169, 254, 169, 254),
    v4(169, 254, 169, 253),
    v4(169, 254, 170, 2),
    v4(169, 254, 170, 23),
    v4(100, 100, 100, 200),
    v4(168, 63, 129, 16),
    v4(192, 0, 0, 192),
    v6(0xfd00, 0x0ec2, 0x254),
    v6(0xfd00, 0x0ec2, 0x253),
    v6(0xfd20, 0x00ce, 0x254),
];

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// Everybody reaches it.
    Public,
    /// Of a network of one's own, RFC 1918.
    Private,
    /// The machine itself.
    Loopback,
    /// Of the one link.
    LinkLocal,
    /// Shared by the customers of a provider, RFC 6598.
    Shared,
    /// A network's own, of IPv6.
    UniqueLocal,
    /// Many at once.
    Multicast,
    /// Another address is written into it, and a translator leads there.
    Translated,
    /// Where a cloud tells a machine its credentials.
    Metadata,
    /// For nobody: documentation, the future, this network.
    Reserved,
}

impl AddressKind {
    /// With its article, as it stands in messages.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Private => "a private address",
            Self::Loopback => "the node's own machine",
            Self::LinkLocal => "a link-local address",
            Self::Shared => "an address that a provider's customers share",
            Self::UniqueLocal => "a unique-local address",
            Self::Multicast => "a multicast address",
            Self::Translated => "an address that a translator leads on",
            Self::Metadata => "a cloud's metadata service",
            Self::Reserved => "an address that is nobody's",
        }
    }

    /// Of an address. One of IPv4 that is written as IPv6 (`::ffff:10.0.0.1`) is what it is in IPv4.
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        if METADATA.contains(&address) {
            return Self::Metadata;
        }
        match address {
            IpAddr::V4(address) => of4(address),
            IpAddr::V6(address) => of6(address),
        }
    }
}

fn of4(address: Ipv4Addr) -> AddressKind {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => AddressKind::Private,
        (127, ..) => AddressKind::Loopback,
        (169, 254, _) => AddressKind::LinkLocal,
        (100, 64..=127, _) => AddressKind::Shared,
        (224..=239, ..) => AddressKind::Multicast,
        (192, 88, 99) => AddressKind::Translated,
        (0 | 240..=255, ..) | (192, 0, 0 | 2) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => {
            AddressKind::Reserved
        }
        _ => AddressKind::Public,
    }
}

fn of6(address: Ipv6Addr) -> AddressKind {
    let [a, b, ..] = address.segments();
    match (a, b) {
        _ if address.is_loopback() => AddressKind::Loopback,
        (0x64, 0xff9b) | (0x2001, 0) | (0x2002, _) => AddressKind::Translated,
        (0xfe80..=0xfebf, _) => AddressKind::LinkLocal,
        (0xfc00..=0xfdff, _) => AddressKind::UniqueLocal,
        (0xff00..=0xffff, _) => AddressKind::Multicast,
        // Of what is given out, 2000::/3, documentation and the protocols' own are nobody's.
        (0x2001, 0x1..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => AddressKind::Reserved,
        (0x2000..=0x3fff, _) => AddressKind::Public,
        _ => AddressKind::Reserved,
    }
}

/// Whether something may be sent to an address: everybody reaches it, or one of these networks is granted and has it. Link-local,
/// multicast and reserved addresses are in no network that may be granted, and a metadata service is only in one of its own. Where a
/// translator is granted, what it leads on to has to be open as well.
pub fn is_open<'a>(address: IpAddr, granted: impl IntoIterator<Item = &'a Network>) -> bool {
    let granted: Vec<Network> = granted.into_iter().copied().filter(|network| network.may_be_granted()).collect();
    let is_open = |address: IpAddr| {
        let mut has = granted.iter().filter(|network| network.contains(address));
        match AddressKind::of(address) {
            AddressKind::Public => true,
            AddressKind::Metadata => has.any(|network| network.is_one_address()),
            _ => has.next().is_some(),
        }
    };
    let address = address.to_canonical();
    is_open(address) && behind(address).is_none_or(|behind| is_open(behind.into()))
}

/// Where NAT64 leads with an address: the address of IPv4 that is its end (RFC 6052, RFC 8215).
fn behind(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let [a, b, .., high, low] = address.segments();
    (a == 0x64 && b == 0xff9b).then(|| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

/// Whether servers of another protocol than HTTP listen at this port, to which nothing is sent: what the Fetch standard calls bad.
pub fn is_foreign_port(port: u16) -> bool {
    FOREIGN_PORTS.contains(&port)
}

const FOREIGN_PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
    5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

impl Fabric {
    /// The networks that the zone of a system grants.
    pub fn networks_of(&self, system: &System) -> &[Spanned<Network>] {
        let granted = match &system.zone {
            Zone::Cloud => self.settings.as_ref().map(|settings| &settings.networks),
            Zone::Site(site) => self.sites.get(&site.value).map(|site| &site.networks),
        };
        granted.map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_an_address_is() {
        use AddressKind as K;
        let table = [
            ("8.8.8.8", K::Public),
            ("172.15.255.255", K::Public),
            ("172.16.0.0", K::Private),
            ("172.31.255.255", K::Private),
            ("172.32.0.0", K::Public),
            ("10.255.255.255", K::Private),
            ("192.168.1.1", K::Private),
            ("127.0.0.1", K::Loopback),
            ("127.255.255.254", K::Loopback),
            ("169.254.169.254", K::Metadata),
            ("169.254.1.1", K::LinkLocal),
            ("100.64.0.1", K::Shared),
            ("100.127.255.255", K::Shared),
            ("100.128.0.0", K::Public),
            ("100.100.100.200", K::Metadata),
            ("168.63.129.16", K::Metadata),
            ("0.0.0.0", K::Reserved),
            ("0.1.2.3", K::Reserved),
            ("224.0.0.1", K::Multicast),
            ("239.255.255.250", K::Multicast),
            ("240.0.0.1", K::Reserved),
            ("255.255.255.255", K::Reserved),
            ("192.0.2.1", K::Reserved),
            ("198.19.0.1", K::Reserved),
            ("2606:4700::1111", K::Public),
            ("::1", K::Loopback),
            ("::", K::Reserved),
            ("::7f00:1", K::Reserved),
            ("::ffff:127.0.0.1", K::Loopback),
            ("::ffff:169.254.169.254", K::Metadata),
            ("::ffff:10.0.0.1", K::Private),
            ("::ffff:8.8.8.8", K::Public),
            ("64:ff9b::a00:1", K::Translated),
            ("64:ff9b:1::a00:1", K::Translated),
            ("2002:a00:1::", K::Translated),
            ("2001::1", K::Translated),
            ("2001:db8::1", K::Reserved),
            ("fe80::1", K::LinkLocal),
            ("fec0::1", K::Reserved),
            ("fd00:ec2::254", K::Metadata),
            ("fd12::1", K::UniqueLocal),
            ("ff02::1", K::Multicast),
        ];
        for (text, kind) in table {
            assert_eq!(AddressKind::of(address(text)), kind, "{text}");
        }
    }

    #[test]
    fn a_network_opens_what_it_has() {
        let granted: Vec<Network> =
            ["10.2.0.0/16", "fd12::/16", "127.0.0.1/32", "100.64.0.0/10"].map(|text| text.parse().unwrap()).into();
        let table = [
            ("8.8.8.8", true),
            ("10.2.255.255", true),
            ("::ffff:10.2.0.1", true),
            ("10.3.0.0", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("fd12::9", true),
            ("fd13::9", false),
            ("100.100.100.200", false),
            ("100.100.100.201", true),
            ("169.254.169.254", false),
            ("64:ff9b::a02:1", false),
            ("0.0.0.0", false),
        ];
        for (text, open) in table {
            assert_eq!(is_open(address(text), &granted), open, "{text}");
        }
        let translated: Vec<Network> = ["64:ff9b::/96", "10.2.0.0/16"].map(|text| text.parse().unwrap()).into();
        for (text, open) in [
            ("64:ff9b::808:808", true),
            ("64:ff9b::a02:1", true),
            ("64:ff9b::a03:1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b:1::808:808", false),
        ] {
            assert_eq!(is_open(address(text), &translated), open, "{text}");
        }
        let one: Network = "169.254.169.254/32".parse().unwrap();
        assert!(is_open(address("169.254.169.254"), [&one]) && !is_open(address("169.254.169.253"), [&one]));
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(!is_open(address("10.0.0.1"), [&all]), "what may not be granted opens nothing");
    }

    #[test]
    fn what_may_be_granted() {
        let table = [
            ("10.0.0.0/8", true),
            ("10.2.0.0/16", true),
            ("0.0.0.0/0", false),
            ("8.0.0.0/7", false),
            ("8.8.8.8/32", false),
            ("169.254.0.0/16", false),
            ("169.254.169.254/32", true),
            ("224.0.0.0/4", false),
            ("::/0", false),
            ("fc00::/7", true),
            ("fe80::/10", false),
            ("64:ff9b::/96", true),
        ];
        for (text, granted) in table {
            assert_eq!(text.parse::<Network>().unwrap().may_be_granted(), granted, "{text}");
        }
    }

    #[test]
    fn how_a_network_is_written() {
        for text in ["10.2.0.0/16", "0.0.0.0/0", "192.168.1.7/32", "fd12:3456::/48", "::1/128"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for text in
            ["", "10.2.0.0", "10.2.0.1/16", "10.2.0.0/33", "10.2.0.0/-1", "10.2/16", "::/129", "::ffff:10.0.0.0/104"]
        {
            assert_eq!(text.parse::<Network>(), Err(()), "{text}");
        }
    }
}
