//! nginx as one builds a click redirect by hand, with and without cookie and log.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

/// One worker; everything it writes lies in `directory`. Debian's `nginx` and `nginx-light` suffice.
pub(crate) fn command(core: usize, directory: &Path, address: SocketAddr, logs: bool) -> Result<Command> {
    let directory = directory.join(if logs { "nginx-logged" } else { "nginx-plain" });
    std::fs::create_dir_all(&directory)?;
    let file = directory.join("nginx.conf");
    std::fs::write(&file, configuration(&directory, address, logs)).context("nginx.conf")?;
    let mut command = hopline_benches::server::pinned(core, program());
    command.arg("-c").arg(file).arg("-p").arg(directory).stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

/// Debian keeps it where only the administrator's path looks.
pub(crate) fn program() -> PathBuf {
    let usual = Path::new("/usr/sbin/nginx");
    if usual.is_file() { usual.to_owned() } else { "nginx".into() }
}

fn configuration(directory: &Path, address: SocketAddr, logs: bool) -> String {
    let directory = directory.display();
    let server = if logs {
        r#"
        access_log clicks.log click buffer=64k flush=1s;
        location / {
            add_header Set-Cookie "hl_vid=$request_id; Max-Age=34128000; Path=/; HttpOnly; SameSite=Lax" always;
            add_header Cache-Control no-store always;
            return 302 "https://shop.example/landing?c=$request_id&s=$arg_sub1";
        }"#
    } else {
        r#"
        access_log off;
        location / { return 302 "https://shop.example/landing"; }"#
    };
    format!(
        r#"daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000000;
    log_format click '$msec $request_id $remote_addr $uri $args $status '
                     '"$http_user_agent" "$http_referer" "$http_accept_language"';
    server {{
        listen {address} backlog=4096;{server}
    }}
}}
"#
    )
}
