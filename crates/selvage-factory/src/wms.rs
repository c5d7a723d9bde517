//! placeholder
use axum::Router;
/// x
#[derive(Clone, Debug, Default)]
pub struct WmsConfig {
    /// port
    pub port: u16,
}
pub(crate) fn router(_c: &WmsConfig) -> Router {
    Router::new()
}
