//! The one binary: command line, configuration and composition. Whatever decides or translates lives in the crates.

mod by_hand;
mod command;
mod directory;
mod embedded;
mod key;
mod node;
mod report;
mod secrets;

use std::process::ExitCode;

use clap::Parser;

/// Musl and glibc alike: the allocator is the system's, threads are few and long-lived.
fn main() -> ExitCode {
    let arguments = command::Arguments::parse();
    command::run(arguments)
}
