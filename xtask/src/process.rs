//! Child processes and signals: starting, waiting, ending them in order.
//! Never leaves a child behind when the task ends, whichever way it ends.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// How long a child may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// Waits for ctrl-c or a termination request and names it.
pub(crate) async fn interrupted() -> Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => Ok("INT"),
        _ = terminate.recv() => Ok("TERM"),
    }
}

/// Runs a task whose children end when it is dropped; a signal drops it.
pub(crate) async fn unless_interrupted(task: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::select! {
        done = task => done,
        signal = interrupted() => bail!("interrupted by SIG{}", signal?),
    }
}

/// Runs a command to its end; a signal to this task ends the command first, in order.
pub(crate) async fn status(command: &mut Command) -> Result<ExitStatus> {
    let name = command.as_std().get_program().to_owned();
    let mut child = command.kill_on_drop(true).spawn().with_context(|| format!("cannot start `{}`", name.display()))?;
    tokio::select! {
        status = child.wait() => Ok(status?),
        name = interrupted() => {
            let name = name?;
            end(&mut child, name).await?;
            bail!("interrupted by SIG{name}")
        }
    }
}

/// Compiles C into a library that is preloaded, its source beside it.
pub(crate) fn compile_library(source: &str, library: &Path) -> Result<()> {
    let file = library.with_extension("c");
    std::fs::write(&file, source)?;
    let mut compiler = std::process::Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O2", "-o"]).arg(library).arg(&file);
    let compiled =
        compiler.output().context("cannot start `cc`: install a C compiler (`apt-get install gcc libc6-dev`)")?;
    ensure!(compiled.status.success(), "`cc` failed: {}", String::from_utf8_lossy(&compiled.stderr));
    Ok(())
}

/// Asks a child to end with the named signal, and ends it by force when it does not.
pub(crate) async fn end(child: &mut Child, name: &str) -> Result<ExitStatus> {
    if let Some(pid) = child.id() {
        send(pid, name);
    }
    match tokio::time::timeout(GRACE, child.wait()).await {
        Ok(status) => Ok(status?),
        Err(_) => {
            child.kill().await?;
            Err(anyhow!("had to be killed after {} s", GRACE.as_secs()))
        }
    }
}

/// Sends a signal by name (`TERM`, `INT`, `KILL`) to a process of ours; one that is gone is fine.
pub(crate) fn send(pid: u32, name: &str) {
    let _ = std::process::Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .stderr(std::process::Stdio::null())
        .status();
}

/// The first `program` on PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

/// Installs a Debian package when this process may; otherwise says which command does.
pub(crate) fn install_debian(package: &str) -> Result<()> {
    let by_hand = format!("run `sudo apt-get install -y {package}` and try again");
    if !is_root() || find("apt-get").is_none() {
        bail!("`{package}` is not installed; {by_hand}");
    }
    eprintln!("installing Debian's `{package}` …");
    let apt = |arguments: &[&str]| -> Result<bool> {
        Ok(std::process::Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .status()?
            .success())
    };
    let install = ["install", "-y", "-q", "--no-install-recommends", package];
    if apt(&install)? || (apt(&["update", "-q"])? && apt(&install)?) {
        return Ok(());
    }
    bail!("`{package}` could not be installed; {by_hand}")
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// The root of the checkout that this task belongs to.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Where cargo builds to.
pub(crate) fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}
