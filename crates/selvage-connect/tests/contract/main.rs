//! The contract with Odoo: the connector against what servers of both versions were recorded to be asked and to answer.
//! It proves that requests are spoken as recorded and answers are understood; behaviour over time is proved beside the
//! simulated Odoo.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod calls;
mod closed;
mod paging;
mod recording;
mod replay;
mod report;
mod story;
mod trade;
mod verbs;

use std::time::Duration;

use selvage_connect::odoo::{Odoo, OdooConfig, OdooTls, Secret};

/// A connector of this address, with the shortest patience that a test can have.
fn odoo(url: &str) -> Odoo {
    let config = OdooConfig {
        system: "odoo".to_owned(),
        url: url.to_owned(),
        database: Some("odoo18".to_owned()),
        dialect: None,
        login: "<password>".to_owned(),
        secret: Secret::new("<password>"),
        next: None,
        lang: "en_US".to_owned(),
        timeout: Duration::from_secs(5),
        longest_transaction: Duration::from_secs(30),
        concurrency: 4,
        tls: OdooTls::default(),
    };
    Odoo::new(config).unwrap()
}
