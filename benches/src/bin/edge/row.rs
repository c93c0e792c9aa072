//! The rows of the table, and how each server is started.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use hopline_benches::server::{Server, free_address, pinned};

use hopline_benches::clicks;

use crate::nginx;

/// A server under measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// nginx, 302, nothing else.
    NginxPlain,
    /// nginx with cookie and buffered log: the unit.
    NginxLogged,
    /// hyper, 302, nothing else.
    Hyper,
    /// Hopline, `process`.
    Process,
    /// Hopline, `disk`.
    Disk,
}

impl Row {
    pub(crate) const ALL: [Self; 5] =
        [Self::NginxPlain, Self::NginxLogged, Self::Hyper, Self::Process, Self::Disk];

    pub(crate) const fn letter(self) -> &'static str {
        match self {
            Self::NginxPlain => "A",
            Self::NginxLogged => "B",
            Self::Hyper => "C",
            Self::Process => "D",
            Self::Disk => "E",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NginxPlain => "A nginx 302, no log",
            Self::NginxLogged => "B nginx 302, cookie, log",
            Self::Hyper => "C bare hyper 302",
            Self::Process => "D Hopline, process",
            Self::Disk => "E Hopline, disk",
        }
    }

    pub(crate) const fn is_nginx(self) -> bool {
        matches!(self, Self::NginxPlain | Self::NginxLogged)
    }

    const fn sets_cookie(self) -> bool {
        matches!(self, Self::NginxLogged | Self::Process | Self::Disk)
    }

    /// Where it writes.
    pub(crate) fn directory(self, all: &Path) -> PathBuf {
        match self {
            Self::NginxPlain => all.join("nginx-plain"),
            Self::NginxLogged => all.join("nginx-logged"),
            Self::Hyper => all.join("hyper"),
            Self::Process => all.join("spool-process"),
            Self::Disk => all.join("spool-disk"),
        }
    }

    /// Starts it and checks one answer.
    pub(crate) fn start(self, core: usize, links: u32, directory: &Path) -> Result<Server> {
        let address = free_address()?;
        let command = match self {
            Self::NginxPlain => nginx::command(core, directory, address, false)?,
            Self::NginxLogged => nginx::command(core, directory, address, true)?,
            Self::Hyper | Self::Process | Self::Disk => {
                let mut command: Command = pinned(core, std::env::current_exe()?);
                command.stdin(Stdio::null()).arg("serve").arg(address.to_string());
                let durability = match self {
                    Self::Disk => "disk",
                    Self::Process => "process",
                    Self::Hyper | Self::NginxPlain | Self::NginxLogged => "",
                };
                if !durability.is_empty() {
                    command.arg(links.to_string()).arg(durability).arg(self.directory(directory));
                }
                command
            }
        };
        let server = Server::start(command, address)?;
        self.check(&server, links)?;
        Ok(server)
    }

    fn check(self, server: &Server, links: u32) -> Result<()> {
        let mut click = Vec::new();
        clicks::write(0, links, &mut click);
        let answer = server.ask(&click)?.to_ascii_lowercase();
        let has = |text: &str| answer.contains(text);
        ensure!(
            answer.starts_with("http/1.1 302 ")
                && has("\r\nlocation: https://shop")
                && has("\r\nset-cookie: hl_vid=") == self.sets_cookie(),
            "{} answers a click with {answer:?}",
            self.name()
        );
        Ok(())
    }
}
