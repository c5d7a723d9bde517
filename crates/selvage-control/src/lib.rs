//! The web console: server-rendered pages over plain data. It never touches a system, and nothing on the data path
//! waits for it.

mod console;
mod listener;
mod page;
mod session;

pub use console::{
    Admitted, Authenticate, Console, ConsoleConfig, ConsoleError, Observe, ViewContracts, ViewLanes, ViewUsage, Vouch,
};
