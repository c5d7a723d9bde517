//! `selvage factory`: the simulated factory alone, on fixed ports, for serving a fabric beside it.

use std::time::Duration;

use clap::{Args, ValueEnum};
use selvage_factory::mes::MesConfig;
use selvage_factory::odoo::{Fault, FaultKind, OdooConfig, OdooVersion, Seed};
use selvage_factory::wms::WmsConfig;
use selvage_factory::{Factory, FactoryConfig};

use super::{Outcome, say, until_stopped};

/// Runs the simulated factory alone: an Odoo, an MES, a warehouse.
#[derive(Args)]
pub(crate) struct FactoryCommand {
    /// Port of the simulated Odoo; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 18069)]
    odoo_port: u16,
    /// Port of the MES; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 18071)]
    mes_port: u16,
    /// Port of the warehouse system; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 18072)]
    wms_port: u16,
    /// Which Odoo.
    #[arg(long, value_enum, value_name = "MAJOR", default_value_t = Major::V18)]
    odoo_version: Major,
    /// Products beside the four that are made and used; a million are there at once.
    #[arg(long, value_name = "N", default_value_t = 0)]
    products: u32,
    /// Plants, each a company with a warehouse, stock and orders of its own.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=50))]
    plants: u32,
    /// How long every call to Odoo waits.
    #[arg(long, value_name = "MILLIS", default_value_t = 0)]
    latency: u64,
    /// How much longer a call waits, at most, by chance.
    #[arg(long, value_name = "MILLIS", default_value_t = 0)]
    jitter: u64,
    /// How long a call to Odoo may last before its worker is ended, with no answer and nothing done; 0 for ever.
    #[arg(long, value_name = "MILLIS", default_value_t = 0)]
    longest_transaction: u64,
    /// The secret (`whsec_…`) by which what the MES is told by webhook has to be signed; without one it takes everything.
    #[arg(long, value_name = "SECRET")]
    mes_secret: Option<String>,
    /// A fault from the start, as JSON: `{"kind": "status", "code": 502, "method": "create", "probability": 0.1}`; may be repeated.
    #[arg(long = "fault", value_name = "JSON", value_parser = fault)]
    faults: Vec<Fault>,
}

/// Reads a fault as the control endpoint does.
fn fault(text: &str) -> Result<Fault, String> {
    Fault::read(&serde_json::from_str(text).map_err(|error| error.to_string())?)
}

/// Which Odoo is simulated.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Major {
    /// JSON-RPC; the field names of 16.
    #[value(name = "16")]
    V16,
    /// JSON-RPC; the field names of 17.
    #[value(name = "17")]
    V17,
    /// JSON-RPC.
    #[value(name = "18")]
    V18,
    /// JSON-RPC and JSON-2.
    #[value(name = "19")]
    V19,
}

impl From<Major> for OdooVersion {
    fn from(major: Major) -> Self {
        match major {
            Major::V16 => Self::V16,
            Major::V17 => Self::V17,
            Major::V18 => Self::V18,
            Major::V19 => Self::V19,
        }
    }
}

/// A time in milliseconds, unless it is 0.
fn wait(millis: u64) -> Option<Duration> {
    (millis > 0).then(|| Duration::from_millis(millis))
}

impl FactoryCommand {
    /// Runs until stopped.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let odoo = OdooConfig {
            version: self.odoo_version.into(),
            port: self.odoo_port,
            seed: Seed::VeloWorks { extra_products: self.products },
            plants: self.plants,
            longest_transaction: wait(self.longest_transaction),
            ..OdooConfig::default()
        };
        let waits = [wait(self.latency).map(FaultKind::Latency), wait(self.jitter).map(FaultKind::Jitter)];
        let waits = waits.into_iter().flatten().map(Fault::always);
        let mes = MesConfig { port: self.mes_port, secret: self.mes_secret };
        let wms = WmsConfig { port: self.wms_port, ..WmsConfig::default() };
        let factory = Factory::start(FactoryConfig { odoo, mes, wms }).await?;
        for fault in waits.chain(self.faults) {
            factory.odoo.inject(fault);
        }
        say(format_args!("odoo {}", factory.odoo_url()))?;
        say(format_args!("mes {}", factory.mes_url()))?;
        say(format_args!("wms {}", factory.wms_url()))?;
        until_stopped().await?;
        factory.shutdown().await;
        Ok(Outcome::Well)
    }
}
