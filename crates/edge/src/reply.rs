//! What a click, or another plain request, is answered with, before it becomes bytes or a response.

/// An answer without its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply<'a> {
    /// 302; `cookie` is empty where none is set. Both may stand in a header: [`may_stand_in_a_header`].
    Redirect {
        location: &'a [u8],
        cookie: &'a [u8],
    },
    /// The 1x1 transparent GIF.
    Image,
    /// To a speculative fetch: ask again when a person clicks.
    Later,
    /// Nothing there, or nowhere to go.
    NotFound,
    Robots,
    /// What a shop's script asked for.
    Json(&'a [u8]),
    /// The record could not be written.
    Unavailable,
}

pub(crate) const NOT_FOUND: &str = "not found\n";
pub(crate) const UNAVAILABLE: &str = "cannot record this now, try again\n";
pub(crate) const ROBOTS: &str = "User-agent: *\nDisallow: /\n";
pub(crate) const GIF: &[u8] = &[
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0x21, 0xf9, 4, 1, 0, 0, 0,
    0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b,
];

impl Reply<'_> {
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Redirect { .. } => 302,
            Self::Image | Self::Robots | Self::Json(_) => 200,
            Self::NotFound => 404,
            Self::Later | Self::Unavailable => 503,
        }
    }
}

/// Whether a value holds no line break nor any other control character.
pub(crate) fn may_stand_in_a_header(value: &[u8]) -> bool {
    // Without an early end, so that the compiler takes many bytes at once.
    value.iter().fold(true, |holds, byte| holds & (*byte >= b' ') & (*byte != 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_may_not_stand_in_a_header() {
        assert!(may_stand_in_a_header("https://shop.example/?a=%0A&b=é~ ".as_bytes()));
        for byte in (0..b' ').chain([0x7f]) {
            assert!(!may_stand_in_a_header(&[b'x', byte, b'x']), "{byte}");
        }
    }
}
