//! `selvage completions SHELL`: what a shell completes the command line with.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Arguments, Outcome, say};

/// Prints the completions of a shell.
#[derive(Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints the script that the shell is to source.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "selvage", &mut script);
        say(String::from_utf8_lossy(&script).trim_end())?;
        Ok(Outcome::Well)
    }
}
