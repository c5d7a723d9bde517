//! The pages of docs/objects, which are made of the manifests that ship: compared, or written anew.
//! The pages themselves are made and compared by a test of `selvage-mapping`; this only runs it.

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::process;

/// Compares the pages with the manifests; with `bless`, writes them first.
pub(crate) async fn run(bless: bool) -> Result<()> {
    let mut test = Command::new("cargo");
    test.args(["test", "--quiet", "-p", "selvage-mapping", "--test", "pages"]).current_dir(process::workspace());
    if bless {
        test.env("SELVAGE_BLESS", "1");
    }
    let status = process::status(&mut test).await?;
    ensure!(status.success(), "the pages of docs/objects are not current: `cargo xtask docs --bless` writes them");
    Ok(())
}
