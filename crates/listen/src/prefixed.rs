//! A stream of which some bytes were already read.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most bytes that one [`Prefixed::fill`] takes: a browser's request mostly fits, and it stands on the stack.
const FILL_BYTES: usize = 2048;

/// A stream that yields bytes read ahead before it reads on; writing goes straight through.
///
/// When the bytes are consumed their memory is given back, and what remains is one comparison per read.
#[derive(Debug)]
pub struct Prefixed<S> {
    /// Empty as soon as everything in it was yielded.
    prefix: Vec<u8>,
    /// How much of the prefix was yielded; less than its length unless it is empty.
    at: usize,
    stream: S,
}

impl<S> Prefixed<S> {
    /// A stream that yields `prefix` before anything else.
    pub const fn new(prefix: Vec<u8>, stream: S) -> Self {
        Self { prefix, at: 0, stream }
    }

    /// A stream of which nothing was read yet.
    pub const fn bare(stream: S) -> Self {
        Self::new(Vec::new(), stream)
    }

    /// The bytes read ahead and not yet yielded.
    pub fn ahead(&self) -> &[u8] {
        self.prefix.get(self.at..).unwrap_or_default()
    }

    /// Drops the next `count` bytes read ahead, or all if they are fewer.
    pub fn skip(&mut self, count: usize) {
        if count < self.ahead().len() {
            self.at += count;
        } else {
            self.prefix = Vec::new();
            self.at = 0;
        }
    }

    /// The stream beneath.
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream beneath; what is read from it directly comes after the bytes read ahead.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The bytes read ahead and not yet yielded, and the stream.
    pub fn into_parts(mut self) -> (Vec<u8>, S) {
        self.prefix.drain(..self.at);
        (self.prefix, self.stream)
    }
}

impl<S: AsyncRead + Unpin> Prefixed<S> {
    /// Reads ahead once, whatever the stream has, and says how many bytes came; 0 is its end.
    ///
    /// Holds no buffer while it waits, and loses nothing when it is dropped.
    ///
    /// # Errors
    /// The stream's own.
    pub async fn fill(&mut self) -> io::Result<usize> {
        poll_fn(|context| {
            let mut room = [MaybeUninit::uninit(); FILL_BYTES];
            let mut buffer = ReadBuf::uninit(&mut room);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            self.prefix.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
        .await
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let ahead = self.ahead();
        let count = ahead.len().min(buffer.remaining());
        buffer.put_slice(ahead.get(..count).unwrap_or_default());
        self.skip(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    #[tokio::test]
    async fn bytes_read_ahead_come_first_and_in_any_portions() {
        for portion in 1..=12 {
            let (mut near, far) = duplex(64);
            near.write_all(b" world").await.unwrap();
            drop(near);
            let mut stream = Prefixed::new(b"hello".to_vec(), far);
            let mut all = Vec::new();
            let mut room = vec![0; portion];
            loop {
                let count = stream.read(&mut room).await.unwrap();
                if count == 0 {
                    break;
                }
                all.extend_from_slice(&room[..count]);
            }
            assert_eq!(all, b"hello world", "in portions of {portion}");
        }
    }

    #[tokio::test]
    async fn the_memory_of_the_bytes_read_ahead_is_given_back() {
        let (_near, far) = duplex(64);
        let mut stream = Prefixed::new(b"hello".to_vec(), far);
        let mut room = [0; 4];
        stream.read_exact(&mut room).await.unwrap();
        assert_eq!(stream.ahead(), b"o");
        stream.read_exact(&mut room[..1]).await.unwrap();
        assert_eq!((stream.prefix.capacity(), stream.at), (0, 0));
    }

    #[tokio::test]
    async fn filling_appends_and_a_dropped_fill_loses_nothing() {
        let (mut near, far) = duplex(64);
        let mut stream = Prefixed::new(b"abc".to_vec(), far);
        stream.skip(1);
        tokio::select! {
            biased;
            _ = stream.fill() => panic!("there was nothing to read"),
            () = std::future::ready(()) => (),
        }
        near.write_all(b"def").await.unwrap();
        assert_eq!(stream.fill().await.unwrap(), 3);
        assert_eq!(stream.ahead(), b"bcdef");
        drop(near);
        assert_eq!(stream.fill().await.unwrap(), 0);
        assert_eq!(stream.into_parts().0, b"bcdef");
    }

    #[tokio::test]
    async fn one_fill_takes_no_more_than_its_bound() {
        let (mut near, far) = duplex(3 * FILL_BYTES);
        near.write_all(&[7; 3 * FILL_BYTES]).await.unwrap();
        let mut stream = Prefixed::bare(far);
        assert_eq!(stream.fill().await.unwrap(), FILL_BYTES);
        assert_eq!(stream.ahead().len(), FILL_BYTES);
    }

    #[tokio::test]
    async fn skipping_too_much_stops_at_what_is_there() {
        let (mut near, far) = duplex(64);
        let mut stream = Prefixed::new(b"abc".to_vec(), far);
        stream.skip(4);
        near.write_all(b"def").await.unwrap();
        let mut room = [0; 3];
        stream.read_exact(&mut room).await.unwrap();
        assert_eq!(&room, b"def");
    }

    #[tokio::test]
    async fn writing_goes_straight_through() {
        let (mut near, far) = duplex(64);
        let mut stream = Prefixed::new(b"not sent".to_vec(), far);
        assert!(stream.is_write_vectored());
        let slices = [io::IoSlice::new(b"an"), io::IoSlice::new(b"swer")];
        assert_eq!(stream.write_vectored(&slices).await.unwrap(), 6);
        stream.write_all(b"!").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut all = Vec::new();
        near.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"answer!");
    }
}
