//! The web console: server-rendered pages over plain data. It never touches a system, and nothing on the data path
//! waits for it.

mod console;
mod page;
mod session;

pub use console::{Authenticate, Console, ConsoleConfig, ConsoleError, Observe};
