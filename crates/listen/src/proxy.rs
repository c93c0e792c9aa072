//! The PROXY protocol, version 2: what a load balancer says about a connection before the connection's own bytes.
//!
//! Source: HAProxy's `proxy-protocol.txt`, section 2.2. All numbers are big endian.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 12 | signature, `\r\n\r\n\0\r\nQUIT\n` |
//! | 12 | 1 | version 2 in the upper half; in the lower the command: 0 LOCAL, 1 PROXY |
//! | 13 | 1 | 0x00 unspecified, 0x11 TCP over IPv4, 0x21 over IPv6, 0x31 a UNIX stream; 0x12, 0x22, 0x32 datagrams |
//! | 14 | 2 | length of what follows |
//! | 16 | 12, 36, 216 | source and destination address, then their ports (none for UNIX) |
//! | … | | extensions: type (1 byte), length (2 bytes), value |
//!
//! - **LOCAL** is the balancer's own connection, a health check. All after the length is skipped unread, as is the
//!   family.
//! - **Unspecified** and **UNIX** tell no address we could use. After "unspecified" nothing is read either: nobody
//!   knows how long the addresses are.
//! - **Datagrams** and every other value are refused: a stream does not carry them.
//! - **Extensions** are skipped, but they must fill the header exactly. A CRC-32C (type 3) is verified.
//! - A header has at most [`HEADER_BYTES_MAX`] bytes. The addresses and everyday extensions take less than 300; a proxy
//!   that sends client certificates along has to be told not to.
//!
//! What is wrong is refused at the first byte that shows it: a client that speaks HTTP at once is not waited for.

mod accept;
mod crc32c;
mod error;
mod extensions;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

pub use accept::{AcceptError, Proxied, accept_proxied};
pub use error::ProxyError;

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// How a header of version 1 begins.
const VERSION_1: &[u8] = b"PROXY";
/// Up to and with the length.
const FIXED_BYTES: usize = 16;
/// Most bytes after the length.
const BLOCK_BYTES_MAX: usize = 536;
/// Most bytes of a whole header.
pub const HEADER_BYTES_MAX: usize = FIXED_BYTES + BLOCK_BYTES_MAX;

/// How far a header could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// Nothing is wrong so far, but the header goes on.
    Incomplete {
        /// How many bytes are missing at least; never 0.
        needed: usize,
    },
    /// The header is whole and valid.
    Done {
        /// The client's address and port as the proxy saw them. None for the proxy's own connection (LOCAL), and where
        /// the proxy tells no address that we know (unspecified, UNIX): the connection's own peer is all there is.
        source: Option<SocketAddr>,
        /// The header's length; the connection's own bytes begin there.
        used: usize,
    },
}

/// What stands behind the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Of unknown form, to be skipped.
    Skipped,
    Inet,
    Inet6,
    Unix,
}

impl Block {
    const fn address_bytes(self) -> usize {
        match self {
            Self::Skipped => 0,
            Self::Inet => 12,
            Self::Inet6 => 36,
            Self::Unix => 216,
        }
    }
}

/// Reads the header that `bytes` begin with; they may be cut anywhere and may go on behind it.
///
/// # Errors
/// The first thing that is wrong. More bytes would not make it right.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ProxyError> {
    check_signature(bytes)?;
    let Some(&version_and_command) = bytes.get(12) else { return Ok(missing(bytes, FIXED_BYTES)) };
    let is_local = is_local(version_and_command)?;
    let Some(&family) = bytes.get(13) else { return Ok(missing(bytes, FIXED_BYTES)) };
    let block = if is_local { Block::Skipped } else { block_of(family)? };
    let (Some(&high), Some(&low)) = (bytes.get(14), bytes.get(15)) else {
        return Ok(missing(bytes, FIXED_BYTES));
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > BLOCK_BYTES_MAX {
        return Err(ProxyError::TooLong { length, limit: BLOCK_BYTES_MAX });
    }
    if length < block.address_bytes() {
        return Err(ProxyError::AddressCut { family, expected: block.address_bytes(), length });
    }
    let used = FIXED_BYTES + length;
    let Some(header) = bytes.get(..used) else { return Ok(missing(bytes, used)) };
    if block != Block::Skipped {
        extensions::check(header, FIXED_BYTES + block.address_bytes())?;
    }
    let source = header.get(FIXED_BYTES..).and_then(|addresses| source(block, addresses));
    Ok(Parsed::Done { source, used })
}

fn missing(bytes: &[u8], wanted: usize) -> Parsed {
    Parsed::Incomplete { needed: wanted - bytes.len() }
}

fn check_signature(bytes: &[u8]) -> Result<(), ProxyError> {
    let mut pairs = bytes.iter().zip(SIGNATURE).enumerate();
    match pairs.find(|(_, (found, expected))| **found != *expected) {
        None => Ok(()),
        Some(_) if bytes.starts_with(VERSION_1) => Err(ProxyError::Version1),
        Some((at, (&found, _))) => Err(ProxyError::NoHeader { at, found }),
    }
}

fn is_local(version_and_command: u8) -> Result<bool, ProxyError> {
    let (version, command) = (version_and_command >> 4, version_and_command & 0x0f);
    match (version, command) {
        (2, 0) => Ok(true),
        (2, 1) => Ok(false),
        (2, _) => Err(ProxyError::UnknownCommand { command }),
        _ => Err(ProxyError::UnknownVersion { version }),
    }
}

fn block_of(family: u8) -> Result<Block, ProxyError> {
    match family {
        0x00 => Ok(Block::Skipped),
        0x11 => Ok(Block::Inet),
        0x21 => Ok(Block::Inet6),
        0x31 => Ok(Block::Unix),
        0x12 | 0x22 | 0x32 => Err(ProxyError::Datagrams { family }),
        _ => Err(ProxyError::UnknownFamily { family }),
    }
}

/// The source address; the block is known to be long enough.
fn source(block: Block, addresses: &[u8]) -> Option<SocketAddr> {
    match block {
        Block::Skipped | Block::Unix => None,
        Block::Inet => {
            let address = Ipv4Addr::from(*addresses.first_chunk::<4>()?);
            Some((address, port(addresses.get(8..10)?)?).into())
        }
        Block::Inet6 => {
            let address = Ipv6Addr::from(*addresses.first_chunk::<16>()?);
            Some((address, port(addresses.get(32..34)?)?).into())
        }
    }
}

fn port(bytes: &[u8]) -> Option<u16> {
    bytes.try_into().ok().map(u16::from_be_bytes)
}
