//! Connecting to an upstream: TCP without delay.

use std::io;

use tokio::net::TcpStream;

/// What a thread connects with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dialer;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("connecting took too long")]
    Late,
    #[error("the connection was refused or broke")]
    Io(#[from] io::Error),
    #[error("the connection cannot be used")]
    Handshake(#[source] hyper::Error),
}

/// A connection to this host and port.
pub(crate) async fn dial(_dialer: &Dialer, _secure: bool, host: &str, port: u16) -> Result<TcpStream, DialError> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
