//! What a caller of the guarded client may reach.

use std::net::IpAddr;

use url::Host;

use super::address::Place;

/// Which networks are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The public Internet and nothing else.
    Public,
    /// Also this machine and private networks, for apps whose backend stands
    /// beside this server. Link-local addresses, multicast and IPv4 inside
    /// IPv6 stay closed.
    PrivateToo,
}

/// What one caller (an app, a provider) is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which networks are open.
    pub reach: Reach,
    /// Whether `http` is taken beside `https`.
    pub plain_http: bool,
}

/// Names that never belong to the public Internet (RFC 6761, RFC 6762, RFC
/// 8375, and the one that clouds use for their metadata service).
const LOCAL_NAMES: &[&str] = &["localhost", "local", "internal", "home.arpa"];

impl Policy {
    /// The default: `https` to the public Internet.
    pub const PUBLIC: Self = Self {
        reach: Reach::Public,
        plain_http: false,
    };

    /// For development: `http` too, and this machine and private networks.
    pub const LOCAL: Self = Self {
        reach: Reach::PrivateToo,
        plain_http: true,
    };

    /// Whether a connection to `address` is allowed; else the place it lies in.
    pub fn check_address(self, address: IpAddr) -> Result<(), Place> {
        let place = Place::of(address);
        let open = match place {
            Place::Public => true,
            Place::Loopback | Place::Private | Place::UniqueLocal | Place::Shared => {
                self.reach == Reach::PrivateToo
            }
            _ => false,
        };
        if open { Ok(()) } else { Err(place) }
    }

    /// Checks the host as it stands in the URL, before any name is resolved.
    pub(super) fn check_host(self, host: &Host<String>) -> Result<(), Place> {
        match host {
            Host::Ipv4(address) => self.check_address((*address).into()),
            Host::Ipv6(address) => self.check_address((*address).into()),
            Host::Domain(name) if self.reach == Reach::Public => {
                let name = name.trim_end_matches('.');
                let local = LOCAL_NAMES.iter().any(|local| {
                    name.strip_suffix(local)
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                });
                if local { Err(Place::Private) } else { Ok(()) }
            }
            Host::Domain(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_names_are_refused_before_they_are_resolved() {
        let host = |name: &str| Policy::PUBLIC.check_host(&Host::Domain(name.to_owned()));
        for name in [
            "localhost",
            "localhost.",
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
        ] {
            assert_eq!(host(name), Err(Place::Private), "{name}");
        }
        assert_eq!(host("notlocalhost.example"), Ok(()));
        assert_eq!(host("mylocal"), Ok(()));
    }

    #[test]
    fn private_networks_open_but_metadata_stays_closed() {
        let check = |text: &str| Policy::LOCAL.check_address(text.parse().unwrap());
        for open in ["127.0.0.1", "10.0.0.1", "fd00::1", "100.64.0.1", "9.9.9.9"] {
            assert_eq!(check(open), Ok(()), "{open}");
        }
        for closed in [
            "169.254.169.254",
            "fe80::1",
            "0.0.0.0",
            "::ffff:127.0.0.1",
            "224.0.0.1",
        ] {
            assert!(check(closed).is_err(), "{closed}");
        }
    }
}
