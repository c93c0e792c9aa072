//! Why a PROXY header is refused.

/// What is wrong with a PROXY header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The header is of version 1, the text form.
    #[error(
        "the PROXY header is of version 1 (text), expected version 2 (binary): set the proxy to version 2"
    )]
    Version1,
    /// The bytes are no PROXY header.
    #[error("no PROXY header: byte {at} is {found:#04x}, which the signature has not")]
    NoHeader {
        /// Offset of the first byte that differs from the signature.
        at: usize,
        /// That byte.
        found: u8,
    },
    /// The signature is followed by another version than 2.
    #[error("the PROXY header is of version {version}, expected 2")]
    UnknownVersion {
        /// The version found.
        version: u8,
    },
    /// Neither LOCAL nor PROXY.
    #[error("the PROXY header has command {command}, expected 0 (LOCAL) or 1 (PROXY)")]
    UnknownCommand {
        /// The command found.
        command: u8,
    },
    /// The header announces datagrams, on a stream.
    #[error("the PROXY header says {family:#04x}, datagrams; this is a stream")]
    Datagrams {
        /// The byte of address family and transport.
        family: u8,
    },
    /// No address family and transport that the protocol has.
    #[error("the PROXY header has address family and transport {family:#04x}, which version 2 has not")]
    UnknownFamily {
        /// The byte of address family and transport.
        family: u8,
    },
    /// The header is longer than we read.
    #[error("the PROXY header has {length} bytes of addresses and extensions, at most {limit} are read")]
    TooLong {
        /// Bytes after the length field.
        length: usize,
        /// How many may be there.
        limit: usize,
    },
    /// The header ends inside its addresses.
    #[error(
        "the PROXY header has {length} bytes after its length, addresses of {family:#04x} take {expected}"
    )]
    AddressCut {
        /// The byte of address family and transport.
        family: u8,
        /// Bytes that this family's addresses take.
        expected: usize,
        /// Bytes after the length field.
        length: usize,
    },
    /// The header ends inside an extension.
    #[error("the PROXY header ends inside the extension at byte {at}")]
    ExtensionCut {
        /// Offset of the extension's type in the header.
        at: usize,
    },
    /// The checksum extension has not four bytes, or there are two of them.
    #[error("the PROXY header's checksum at byte {at} is not four bytes long or not the only one")]
    ChecksumForm {
        /// Offset of the extension's type in the header.
        at: usize,
    },
    /// The header was altered on its way, or its sender cannot count.
    #[error("the PROXY header states checksum {stated:#010x}, its bytes have {computed:#010x}")]
    Checksum {
        /// The header's own CRC-32C.
        stated: u32,
        /// The CRC-32C of its bytes.
        computed: u32,
    },
}
