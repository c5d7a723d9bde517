//! The system behind the gateways that are measured: one thread, about 512 bytes of JSON for every item.
//! It does as little as a server can, so that what is measured is the gateway.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::daemon::{Daemon, free_port};

/// What larger bodies are cut from.
static LARGE: Bytes = Bytes::from_static(&[b'x'; 1024 * 1024]);

/// Starts the upstream in a process of its own and says where it listens.
pub(super) async fn start(directory: &Path) -> Result<(Daemon, SocketAddr)> {
    start_with(directory, &[]).await
}

/// Starts one that shows this file of an issuer's keys as well.
pub(super) async fn start_with_keys(directory: &Path, keys: &Path) -> Result<(Daemon, SocketAddr)> {
    start_with(directory, &["--keys".as_ref(), keys.as_os_str()]).await
}

async fn start_with(directory: &Path, more: &[&OsStr]) -> Result<(Daemon, SocketAddr)> {
    let port = free_port()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", "upstream", "--port", &port.to_string()]).args(more);
    let mut daemon = Daemon::start("upstream", &mut command, directory)?;
    daemon.listens(address).await?;
    Ok((daemon, address))
}

/// Serves until the process is ended.
pub(super) async fn run(port: u16, keys: Option<&Path>) -> Result<()> {
    let keys = keys.map(std::fs::read).transpose()?.map(Bytes::from);
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio::task::LocalSet::new().block_on(&runtime, serve(port, keys))
    })
    .await?
}

async fn serve(port: u16, keys: Option<Bytes>) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let item = Bytes::from(item());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (item, keys) = (item.clone(), keys.clone());
        let service = service_fn(move |request| {
            let answer = answer(&request, &item, keys.as_ref());
            async move { Ok::<_, Infallible>(answer) }
        });
        tokio::task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn answer(request: &Request<Incoming>, item: &Bytes, keys: Option<&Bytes>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    // The fabric with every stage on asks for one site's.
    let inner = path.strip_prefix("/api").map_or("", |rest| rest.strip_prefix("/sites/ghent").unwrap_or(rest));
    let size = inner.strip_prefix("/bytes/").and_then(|rest| rest.split('/').next());
    let (body, media) = match (size, keys) {
        (Some(size), _) => {
            (Some(LARGE.slice(..size.parse().unwrap_or(0).min(LARGE.len()))), "application/octet-stream")
        }
        (None, Some(keys)) if path == "/keys" => (Some(keys.clone()), "application/json"),
        (None, _) => (inner.starts_with("/items/").then(|| item.clone()), "application/json"),
    };
    let found = body.is_some();
    let mut response = Response::new(Full::new(body.unwrap_or_default()));
    if !found {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

fn item() -> String {
    let notes = "x".repeat(400);
    format!(
        r#"{{"code":"FRM-1","name":"Frame","uom":"1","weight":{{"value":"2.5","unit":"kg"}},"tracking":"none","notes":"{notes}"}}"#
    )
}
