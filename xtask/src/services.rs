//! The real services that tests run against, started in a temporary place and ended with the task.
//! Never touches a service that was there before.

pub(crate) mod nats;
pub(crate) mod postgres;

use anyhow::Result;

use crate::test::peers;
use nats::Nats;
use postgres::Postgres;

/// The variable by which tests find the PostgreSQL server; its user may create databases.
pub(crate) const POSTGRES_VARIABLE: &str = "SELVAGE_TEST_POSTGRES";

/// The variable by which tests find a NATS server with JetStream.
pub(crate) const NATS_VARIABLE: &str = "SELVAGE_TEST_NATS";
/// The variable by which tests find how the NATS server is set up.
pub(crate) const NATS_MONITORING_VARIABLE: &str = "SELVAGE_TEST_NATS_MONITORING";

/// The variable by which tests find the program of the NATS server, for one that asks who connects.
pub(crate) const NATS_SERVER_VARIABLE: &str = "SELVAGE_TEST_NATS_SERVER";

/// The variable by which tests find an OpenID provider: the directory in whose `node_modules` npm put it.
pub(crate) const PROVIDER_VARIABLE: &str = "SELVAGE_TEST_OIDC_PROVIDER";
/// The variable by which tests find a Python with openapi-spec-validator, schemathesis, standardwebhooks, cloudevents and aiosmtpd.
pub(crate) const PYTHON_VARIABLE: &str = "SELVAGE_TEST_PYTHON";

/// The variable by which tests find the Redocly CLI.
pub(crate) const REDOCLY_VARIABLE: &str = "SELVAGE_TEST_REDOCLY";

/// The variable by which tests find the packages of npm that judge, sign and verify: the directory in whose `node_modules` they are.
pub(crate) const NPM_VARIABLE: &str = "SELVAGE_TEST_NPM";

/// Starts every service, prints its environment for a shell, and keeps it until ctrl-c.
pub(crate) async fn run() -> Result<()> {
    let postgres = Postgres::start().await?;
    println!("export {POSTGRES_VARIABLE}={}", postgres.url("postgres"));
    let nats = Nats::start("always").await?;
    println!("export {NATS_VARIABLE}={}", nats.url());
    println!("export {NATS_MONITORING_VARIABLE}={}", nats.monitoring());
    println!("export {NATS_SERVER_VARIABLE}={}", peers::nats_server().await?.display());
    println!("export {PROVIDER_VARIABLE}={}", crate::test::tools::oidc_provider().await?.display());
    println!("export {PYTHON_VARIABLE}={}", peers::python().await?.display());
    println!("export {REDOCLY_VARIABLE}={}", peers::redocly().await?.display());
    println!("export {NPM_VARIABLE}={}", peers::npm().await?.display());
    eprintln!("services are up; press ctrl-c to end them");
    crate::process::interrupted().await?;
    eprintln!("ending services");
    Ok(())
}
