//! `selvage lsp`: a language server on standard input and output, for editors. What is open and not saved lies over the directory;
//! the findings are those of `selvage check`.

mod complete;
mod cursor;
mod definition;
mod hover;
mod position;
mod server;
mod wire;

use std::io::IsTerminal as _;
use std::sync::mpsc;

use clap::Args;

use super::Outcome;
use server::{Next, Server};

/// Serves an editor (LSP): findings, completion, hover, definitions.
#[derive(Args)]
pub(crate) struct Lsp {
    /// What editors usually add; there is no other way.
    #[arg(long, hide = true)]
    stdio: bool,
}

impl Lsp {
    /// Serves until the editor ends it, or its pipe.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        tracing::debug!(stdio = self.stdio, "an editor is served");
        if std::io::stdin().is_terminal() {
            eprintln!("selvage: an editor starts this and speaks with it here; ctrl-d ends it");
        }
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || {
            let mut input = std::io::stdin().lock();
            while let Ok(Some(message)) = wire::read(&mut input) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut output = std::io::stdout().lock();
        let mut server = Server::default();
        while let Ok(message) = messages.recv() {
            // What has come meanwhile is taken first, so that a check is of the newest text.
            let mut waiting = vec![message];
            waiting.extend(messages.try_iter());
            for message in &waiting {
                let (answers, next) = server.take(message);
                wire::write_all(&mut output, &answers)?;
                if next == Next::End {
                    return Ok(if server.is_shut_down() { Outcome::Well } else { Outcome::Wrong });
                }
            }
            wire::write_all(&mut output, &server.findings())?;
        }
        Ok(Outcome::Well)
    }
}
