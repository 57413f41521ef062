//! Copies bytes both ways between serenity and Discord until either ends, and sees to it that
//! each learns of the other's end at once and in the way that it can handle.
//!
//! Serenity is never reset, whatever Discord does: it sees an end of the stream. When it was
//! reset and the next connection fails, serenity 0.12 reads its dead socket over and over without
//! ever yielding, until its next heartbeat is due. Seen: for 41 s no timer of the whole runtime
//! went off. From an end of the stream it starts afresh.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::dial::Wire;

/// Copies until either side ends or the relay stops; what is left then has `linger` to arrive.
/// `running` is dropped as soon as one side has ended, and before serenity can know it.
pub(super) async fn pass<T>(
    mut client: TcpStream,
    wire: Box<dyn Wire>,
    stop: &mut watch::Receiver<bool>,
    linger: Duration,
    running: T,
) {
    let running = Mutex::new(Some(running));
    let (from_client, to_client) = client.split();
    let (from_wire, to_wire) = split(wire);
    {
        let mut down = Box::pin(copied(from_wire, to_client, &running, linger));
        let mut up = Box::pin(copied(from_client, to_wire, &running, linger));
        tokio::select! {
            () = &mut down => { let _late = timeout(linger, up).await; }
            () = &mut up => { let _late = timeout(linger, down).await; }
            () = stopped(stop) => {}
        }
    }
    drop(running);
    close(client, linger).await;
}

/// Copies until there is nothing more to read or nowhere to write it, and says so to whoever is
/// written to. An error is an end like any other.
async fn copied<R, W, T>(mut from: R, mut to: W, running: &Mutex<Option<T>>, linger: Duration)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let _ended = copy(&mut from, &mut to).await;
    drop(running.lock().unwrap_or_else(PoisonError::into_inner).take());
    // To one that is gone it cannot be said, and one that does not listen is not waited for.
    let _late = timeout(linger, to.shutdown()).await;
}

/// Closes serenity's side: says that nothing more comes, and reads what it still sends. A socket
/// that is closed with bytes unread resets the other side, and what that had not read yet is lost.
pub(super) async fn close(mut client: TcpStream, linger: Duration) {
    let _known = client.shutdown().await;
    let _late = timeout(linger, async {
        let mut ignored = [0; 1024];
        while client.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
    })
    .await;
}

/// Until the relay stops, or is gone.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _gone = stop.wait_for(|stopped| *stopped).await;
}
