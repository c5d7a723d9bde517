//! The one binary: command line, configuration and composition. Whatever decides or translates lives in the crates.

mod by_hand;
mod command;
mod directory;
mod embedded;
mod key;
mod looking;
mod node;
mod report;
mod secrets;

use std::process::ExitCode;

use clap::Parser;

/// Records and objects are many small pieces, made and dropped: the system's allocator takes half as long again (ADR 0018).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = command::Arguments::parse();
    command::run(arguments)
}
