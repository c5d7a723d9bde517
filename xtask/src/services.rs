//! The real services that tests run against, started in a temporary place and ended with the task.
//! Never touches a service that was there before.

pub(crate) mod postgres;

use anyhow::Result;

use postgres::Postgres;

/// The variable by which tests find the PostgreSQL server; its user may create databases.
pub(crate) const POSTGRES_VARIABLE: &str = "SELVAGE_TEST_POSTGRES";

/// The variable by which tests find an OpenID provider: the directory in whose `node_modules` npm put it.
pub(crate) const PROVIDER_VARIABLE: &str = "SELVAGE_TEST_OIDC_PROVIDER";

/// Starts every service, prints its environment for a shell, and keeps it until ctrl-c.
pub(crate) async fn run() -> Result<()> {
    let postgres = Postgres::start().await?;
    println!("export {POSTGRES_VARIABLE}={}", postgres.url("postgres"));
    println!("export {PROVIDER_VARIABLE}={}", crate::test::tools::oidc_provider().await?.display());
    eprintln!("services are up; press ctrl-c to end them");
    crate::process::interrupted().await?;
    eprintln!("ending services");
    Ok(())
}
