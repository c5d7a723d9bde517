//! nginx as a bare proxy, the yardstick of the gateway benchmark: two workers, keep-alive both ways, no logs.
//! It runs on a configuration and in a directory of its own, never on the machine's.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::daemon::{Daemon, free_port};
use crate::load::{Speech, certificate};
use crate::process;

/// Starts nginx before the upstream; `/bench/v1/…` there is `/api/…` here.
pub(super) async fn start(
    name: &str,
    speech: Speech,
    upstream: SocketAddr,
    directory: &Path,
) -> Result<(Daemon, SocketAddr)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
    let prefix = directory.join(name);
    std::fs::create_dir(&prefix)?;
    let file = prefix.join("nginx.conf");
    std::fs::write(&file, configuration(address, speech, upstream, &prefix))?;
    let mut command = Command::new(program()?);
    command.arg("-p").arg(&prefix).arg("-c").arg(&file);
    command.arg("-e").arg(prefix.join("error.log"));
    let mut daemon = Daemon::start(name, &mut command, directory)?;
    daemon.listens(address).await?;
    Ok((daemon, address))
}

fn program() -> Result<PathBuf> {
    if process::find("nginx").is_none() {
        process::install_debian("nginx-light")?;
    }
    process::find("nginx").context("nginx is not on PATH; run `sudo apt-get install -y nginx-light`")
}

fn configuration(address: SocketAddr, speech: Speech, upstream: SocketAddr, prefix: &Path) -> String {
    let user = if process::is_root() { "user root;" } else { "" };
    let prefix = prefix.display();
    let listens = match speech {
        Speech::Http1 => "",
        Speech::Http2 => "http2",
        Speech::Tls => "ssl",
    };
    let tls = match speech {
        Speech::Http1 | Speech::Http2 => String::new(),
        Speech::Tls => {
            let (chain, key) = (certificate("listener.pem"), certificate("listener.key"));
            format!("ssl_certificate {}; ssl_certificate_key {};", chain.display(), key.display())
        }
    };
    format!(
        "{user}
daemon off;
worker_processes 2;
pid {prefix}/pid;
error_log {prefix}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {prefix}/body;
    proxy_temp_path {prefix}/proxy;
    fastcgi_temp_path {prefix}/fastcgi;
    uwsgi_temp_path {prefix}/uwsgi;
    scgi_temp_path {prefix}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    upstream up {{
        server {upstream};
        keepalive 64;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }}
    server {{
        listen {address} {listens} reuseport;
        {tls}
        location /bench/v1/ {{
            proxy_pass http://up/api/;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
        }}
    }}
}}
"
    )
}
