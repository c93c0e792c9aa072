//! A server under measurement: a process pinned to one core, ended when it is dropped.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// A catalogue of a million links takes a while.
const START_LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a command, which must end in a program's arguments, and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, ends early, or does not listen in time.
    pub fn start(mut command: Command, address: SocketAddr) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut server = Self { child, address };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} ended before it listened: {status}");
            }
            if begun.elapsed() > START_LIMIT {
                bail!("{command:?} does not listen on {address} after {START_LIMIT:?}");
            }
            std::thread::park_timeout(PAUSE);
        }
        Ok(server)
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its input and output, once, where they are pipes.
    pub fn pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        self.child.stdin.take().zip(self.child.stdout.take())
    }

    /// Stops it from doing anything until [`Server::wake`].
    ///
    /// # Errors
    /// It is gone.
    pub fn sleep(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It is gone.
    pub fn wake(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a process's number")?;
        kill_process(pid, signal).with_context(|| format!("sending {signal:?} to {pid:?}"))
    }

    /// One request's answer, up to the end of its head.
    ///
    /// # Errors
    /// No whole head comes within some seconds.
    pub fn ask(&self, request: &[u8]) -> Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(request)?;
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            let length = stream.read(&mut piece)?;
            if length == 0 {
                bail!("the answer ends within its head: {:?}", String::from_utf8_lossy(&answer));
            }
            answer.extend_from_slice(piece.get(..length).unwrap_or_default());
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is as good; one that sleeps would not hear that it is to end.
        self.signal(Signal::TERM).unwrap_or_default();
        self.wake().unwrap_or_default();
        drop(self.child.wait());
    }
}

/// A command that will run on one core only.
#[must_use]
pub fn pinned(core: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

/// An address of loopback that nobody listens on at the moment.
///
/// # Errors
/// The system has none left.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
