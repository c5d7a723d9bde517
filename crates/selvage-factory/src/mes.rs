//! placeholder
use axum::Router;
/// x
#[derive(Clone, Debug, Default)]
pub struct MesConfig {
    /// port
    pub port: u16,
}
/// x
#[derive(Clone, Debug)]
pub struct MesHandle;
impl MesHandle {
    pub(crate) fn new(_c: &MesConfig) -> Self {
        Self
    }
    pub(crate) fn router(&self) -> Router {
        Router::new()
    }
}
