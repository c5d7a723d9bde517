//! `selvage man DIR`: manual pages, one for each command.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Command, CommandFactory};

use super::{Arguments, Outcome, say};

/// Writes the manual pages of all commands into a directory.
#[derive(Args)]
pub(crate) struct Man {
    /// The directory, made where it is missing: `man -M` takes its parent when it is called `man1`.
    directory: PathBuf,
}

impl Man {
    /// Writes the pages.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let shown = self.directory.display();
        std::fs::create_dir_all(&self.directory).with_context(|| format!("cannot make the directory `{shown}`"))?;
        clap_mangen::generate_to(without_help(Arguments::command()), &self.directory)
            .with_context(|| format!("cannot write the pages into `{shown}`"))?;
        say(format_args!("wrote the pages into `{shown}`; read one with: man {}/selvage.1", shown))?;
        Ok(Outcome::Well)
    }
}

/// `help` is no command of its own: a page for each command that it explains would be a second page of each.
fn without_help(command: Command) -> Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}
