//! The control plane: the desk where changes are proposed, decided, released and activated, and the web console with its
//! server-rendered pages. It never touches a system, and nothing on the data path waits for it.

mod api;
mod console;
pub mod desk;
pub mod evidence;
mod listener;
mod page;
mod session;

pub use api::{Acknowledge, Governance, description};
pub use console::{
    Admitted, Authenticate, CatalogueView, Console, ConsoleConfig, ConsoleError, Observe, ViewCatalogue, ViewContracts,
    ViewLanes, ViewUsage,
};
