//! The system behind the gateways that are measured: one thread, about 512 bytes of JSON for every item.
//! It does as little as a server can, so that what is measured is the gateway.

use std::convert::Infallible;
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
    let port = free_port()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", "upstream", "--port", &port.to_string()]);
    let mut daemon = Daemon::start("upstream", &mut command, directory)?;
    daemon.listens(address).await?;
    Ok((daemon, address))
}

/// Serves until the process is ended.
pub(super) async fn run(port: u16) -> Result<()> {
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio::task::LocalSet::new().block_on(&runtime, serve(port))
    })
    .await?
}

async fn serve(port: u16) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let item = Bytes::from(item());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let item = item.clone();
        let service = service_fn(move |request| {
            let answer = answer(&request, &item);
            async move { Ok::<_, Infallible>(answer) }
        });
        tokio::task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn answer(request: &Request<Incoming>, item: &Bytes) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let known = path.starts_with("/api/items/") || path.starts_with("/api/bytes/");
    let body = match path.strip_prefix("/api/bytes/").and_then(|rest| rest.split('/').next()) {
        Some(size) => LARGE.slice(..size.parse().unwrap_or(0).min(LARGE.len())),
        None if known => item.clone(),
        None => Bytes::new(),
    };
    let mut response = Response::new(Full::new(body));
    if !known {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn item() -> String {
    let notes = "x".repeat(400);
    format!(
        r#"{{"code":"FRM-1","name":"Frame","uom":"1","weight":{{"value":"2.5","unit":"kg"}},"tracking":"none","notes":"{notes}"}}"#
    )
}
