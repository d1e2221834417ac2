//! Which addresses an outgoing connection may reach.
//!
//! A URL often comes from somebody else: a partner's webhook, a Slack hook.
//! Whoever may write one could otherwise make this server talk to its own
//! admin listener, to the database beside it or to the cloud's metadata
//! service. So the default is the public Internet and nothing else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of network an address belongs to (the special-purpose registries
/// of RFC 6890 and its updates).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Globally routed unicast.
    Public,
    /// This machine.
    Loopback,
    /// RFC 1918.
    Private,
    /// IPv6's counterpart of private addresses, `fc00::/7`.
    UniqueLocal,
    /// Carrier-grade NAT, `100.64.0.0/10`.
    Shared,
    /// One link; clouds serve machine credentials here (`169.254.169.254`).
    LinkLocal,
    /// Many receivers.
    Multicast,
    /// `0.0.0.0/8` and `::`, which reach this machine on some systems.
    Unspecified,
    /// `255.255.255.255`.
    Broadcast,
    /// Reserved for documents and measurements.
    Documentation,
    /// IPv6 that carries an IPv4 address for somebody else to unpack: mapped,
    /// compatible, NAT64, 6to4, Teredo.
    Translated,
    /// Every other reserved range.
    Reserved,
}

impl Place {
    /// Where `address` lies.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::UniqueLocal => "unique local",
            Self::Shared => "carrier-grade NAT",
            Self::LinkLocal => "link-local",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Broadcast => "broadcast",
            Self::Documentation => "documentation",
            Self::Translated => "IPv4 inside IPv6",
            Self::Reserved => "reserved",
        })
    }
}

fn of_v4(address: Ipv4Addr) -> Place {
    match address.octets() {
        [0, ..] => Place::Unspecified,
        [127, ..] => Place::Loopback,
        [10, ..] | [192, 168, ..] => Place::Private,
        [172, second, ..] if (16..32).contains(&second) => Place::Private,
        [100, second, ..] if (64..128).contains(&second) => Place::Shared,
        [169, 254, ..] => Place::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [198, 18 | 19, ..] => {
            Place::Documentation
        }
        [224..=239, ..] => Place::Multicast,
        [255, 255, 255, 255] => Place::Broadcast,
        // Protocol assignments, the retired relays of 6to4, and class E.
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Place::Reserved,
        _ => Place::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Place {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Place::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Place::Loopback,
        // Mapped (::ffff:0:0/96), compatible (::/96), SIIT (::ffff:0:0:0/96);
        // then NAT64, well-known and local; 6to4; Teredo.
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _]
        | [0, 0, 0, 0, 0xffff, 0, _, _]
        | [0x64, 0xff9b, ..]
        | [0x2002, ..]
        | [0x2001, 0, ..] => Place::Translated,
        [0x2001, 0xdb8 | 2, ..] | [0x3fff, 0..=0x0fff, ..] => Place::Documentation,
        // The rest of 2001::/23: ORCHID and other protocol assignments.
        [0x2001, 1..=0x01ff, ..] => Place::Reserved,
        [first, ..] if first & 0xfe00 == 0xfc00 => Place::UniqueLocal,
        [first, ..] if first & 0xffc0 == 0xfe80 => Place::LinkLocal,
        [first, ..] if first & 0xff00 == 0xff00 => Place::Multicast,
        // Only 2000::/3 is routed; what is not assigned is not reached.
        [first, ..] if first & 0xe000 == 0x2000 => Place::Public,
        _ => Place::Reserved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        Place::of(text.parse().unwrap())
    }

    #[test]
    fn edges_of_every_ipv4_range() {
        for (inside, first_after, expected) in [
            ("0.255.255.255", "1.0.0.0", Place::Unspecified),
            ("10.255.255.255", "11.0.0.0", Place::Private),
            ("100.127.255.255", "100.128.0.0", Place::Shared),
            ("127.255.255.255", "128.0.0.0", Place::Loopback),
            ("169.254.169.254", "169.255.0.0", Place::LinkLocal),
            ("172.31.255.255", "172.32.0.0", Place::Private),
            ("192.0.0.255", "192.0.1.0", Place::Reserved),
            ("192.0.2.255", "192.0.3.0", Place::Documentation),
            ("192.168.255.255", "192.169.0.0", Place::Private),
            ("198.19.255.255", "198.20.0.0", Place::Documentation),
            ("203.0.113.255", "203.0.114.0", Place::Documentation),
        ] {
            assert_eq!(place(inside), expected, "{inside}");
            assert_eq!(place(first_after), Place::Public, "{first_after}");
        }
        for (address, expected) in [
            ("100.63.255.255", Place::Public),
            ("100.64.0.0", Place::Shared),
            ("172.15.255.255", Place::Public),
            ("172.16.0.0", Place::Private),
            ("223.255.255.255", Place::Public),
            ("224.0.0.1", Place::Multicast),
            ("239.255.255.255", Place::Multicast),
            ("240.0.0.1", Place::Reserved),
            ("255.255.255.255", Place::Broadcast),
        ] {
            assert_eq!(place(address), expected, "{address}");
        }
    }

    #[test]
    fn ipv6_is_public_only_where_it_is_routed() {
        for (address, expected) in [
            ("::", Place::Unspecified),
            ("::1", Place::Loopback),
            ("::ffff:127.0.0.1", Place::Translated),
            ("::ffff:8.8.8.8", Place::Translated),
            ("::127.0.0.1", Place::Translated),
            ("::ffff:0:7f00:1", Place::Translated),
            ("64:ff9b::7f00:1", Place::Translated),
            ("64:ff9b:1::7f00:1", Place::Translated),
            ("2002:7f00:1::", Place::Translated),
            ("2001::1", Place::Translated),
            ("2001:db8::1", Place::Documentation),
            ("3fff:fff::1", Place::Documentation),
            ("2001:20::1", Place::Reserved),
            ("2001:200::1", Place::Public),
            ("fc00::1", Place::UniqueLocal),
            ("fd00:ec2::254", Place::UniqueLocal),
            ("fe80::1", Place::LinkLocal),
            ("fec0::1", Place::Reserved),
            ("ff02::1", Place::Multicast),
            ("100::1", Place::Reserved),
            ("5f00::1", Place::Reserved),
            ("2606:4700:4700::1111", Place::Public),
        ] {
            assert_eq!(place(address), expected, "{address}");
        }
    }
}
