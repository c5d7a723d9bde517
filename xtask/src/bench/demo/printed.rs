//! What the demo prints: addresses, keys, and the order that waits to be released. Nothing is known of it otherwise.

use std::net::SocketAddr;

use anyhow::{Context, Result};

/// Where the demo is, and by which keys it is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Printed {
    pub(super) gateway: SocketAddr,
    pub(super) console: SocketAddr,
    pub(super) mes: SocketAddr,
    pub(super) odoo: SocketAddr,
    pub(super) operator: String,
    pub(super) planning: String,
    pub(super) board: String,
    /// The path that releases the order which is left for that.
    pub(super) release: String,
}

impl Printed {
    pub(super) fn read(text: &str) -> Result<Self> {
        let after = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            Ok::<_, anyhow::Error>(line.with_context(|| format!("no line with `{name}`"))?.trim())
        };
        let address = |name: &str| -> Result<SocketAddr> {
            let url = after(name)?.strip_prefix("http://").with_context(|| format!("no address in `{name}`"))?;
            let end = url.find(|c: char| !c.is_ascii_digit() && !".:".contains(c)).unwrap_or(url.len());
            Ok(url.get(..end).unwrap_or_default().parse()?)
        };
        let release = text.lines().find_map(|line| {
            let url = line.split('\'').nth(1).filter(|url| url.ends_with("/release"))?;
            url.strip_prefix("http://")?.split_once('/').map(|(_, path)| format!("/{path}"))
        });
        Ok(Self {
            gateway: address("Gateway ")?,
            console: address("Console ")?,
            mes: address("MES ")?,
            odoo: address("Odoo ")?,
            operator: after("Login ")?.to_owned(),
            planning: after("export PLANNING=")?.to_owned(),
            board: after("export BOARD=")?.to_owned(),
            release: release.context("no order is left to be released")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        let text = "Console   http://127.0.0.1:7081/login#slv_1   (logs you in once)\nLogin     slv_2\n\
                    Gateway   http://127.0.0.1:7080\nMES       http://127.0.0.1:4   (what it was told)\n\
                    Odoo      http://127.0.0.1:5   (what it was asked)\nexport PLANNING=slv_3\nexport BOARD=slv_4\n\
                    curl -si 'http://127.0.0.1:7080/production-orders/v1/production-orders/odoo-7/release' \\\n";
        let printed = Printed::read(text).unwrap();
        assert_eq!(printed.console, "127.0.0.1:7081".parse().unwrap());
        assert_eq!(printed.odoo, "127.0.0.1:5".parse().unwrap());
        assert_eq!((printed.operator.as_str(), printed.board.as_str()), ("slv_2", "slv_4"));
        assert_eq!(printed.release, "/production-orders/v1/production-orders/odoo-7/release");
        assert!(Printed::read("Gateway   http://127.0.0.1:7080\n").is_err());
    }
}
