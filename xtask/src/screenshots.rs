//! `cargo xtask screenshots`: the console's pages as a person sees them, from a running demo, by headless Chromium.
//! The pictures are for looking at; nothing is compared.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::{process, release};

/// How long the demo's traffic runs before it is looked at.
const SHIFT: Duration = Duration::from_secs(8);

/// Flags that keep Chromium from looking for anything beyond the page.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--virtual-time-budget=2000",
];

/// Takes the pictures into `target/screenshots`.
pub(crate) async fn run() -> Result<()> {
    release::required(&["selvage", "xtask"]).await?;
    let chromium = match process::find("chromium") {
        Some(found) => found,
        None => {
            process::install_debian("chromium")?;
            process::find("chromium").context("chromium is not on PATH")?
        }
    };
    let pictures = process::target_directory().join("screenshots");
    std::fs::create_dir_all(&pictures)?;
    let directory = TempDir::with_prefix("selvage-screenshots-")?;
    let mut command = Command::new(release::program("selvage"));
    let mut demo = Daemon::start("demo", command.arg("demo"), directory.path())?;
    let log = directory.path().join("demo.log");
    demo.until("print its login", || async { login_address(&log).is_some() }).await?;
    let login = login_address(&log).context("the demo printed no login")?;
    let (console, _) = login.split_once("/login").context("the login is no address")?;
    tokio::time::sleep(SHIFT).await;

    let profile = directory.path().join("profile");
    let pages = [
        ("login", format!("{console}/login"), "1280,900"),
        ("overview", login.clone(), "1280,1600"),
        ("overview-narrow", format!("{console}/"), "420,1600"),
        ("catalogue", format!("{console}/catalogue"), "1200,1200"),
        ("catalogue-narrow", format!("{console}/catalogue"), "500,1400"),
        ("interface", format!("{console}/catalogue/production-orders@1"), "1200,2400"),
        ("interface-narrow", format!("{console}/catalogue/production-orders@1"), "500,2800"),
        ("changes", format!("{console}/changes"), "1200,900"),
        ("blocks", format!("{console}/blocks"), "1200,1400"),
        ("releases", format!("{console}/releases"), "1200,900"),
        ("usage", format!("{console}/usage"), "1280,1600"),
        ("contracts", format!("{console}/contracts"), "1280,1200"),
        ("lanes", format!("{console}/lanes"), "1280,900"),
    ];
    for (name, address, size) in pages {
        let picture = pictures.join(format!("{name}.png"));
        let _ = std::fs::remove_file(&picture);
        shoot(&chromium, &profile, &address, size, &picture)?;
        println!("{}", picture.display());
    }
    Ok(())
}

/// The address with a one-time token that the demo prints.
fn login_address(log: &Path) -> Option<String> {
    let printed = std::fs::read_to_string(log).ok()?;
    let is_login = |word: &&str| word.starts_with("http://") && word.contains("/login?token=");
    printed.split_whitespace().find(is_login).map(str::to_owned)
}

fn shoot(chromium: &Path, profile: &Path, address: &str, size: &str, picture: &Path) -> Result<()> {
    let output = Command::new(chromium)
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--window-size={size}"))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(address)
        .stdin(Stdio::null())
        .output()
        .context("cannot start chromium")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(picture.is_file(), "chromium took no picture of {address}:\n{error}");
    Ok(())
}
