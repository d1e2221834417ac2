//! The stretch of network between a server and PostgreSQL, in a test's hands:
//! it can stand still without a word, as in a fail-over that resets nothing, it can
//! be cut, as when PostgreSQL is stopped, and it can lose the answer to a COMMIT that
//! happened.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How PostgreSQL's client says it, as a simple query.
const COMMIT: &[u8] = b"COMMIT\0";

/// A link; dropped, it is cut.
pub(crate) struct Link {
    /// Where the server finds PostgreSQL.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    held: bool,
    cut: bool,
    closed: bool,
    /// The transaction whose COMMIT is to go unanswered holds these bytes.
    marker: Option<Vec<u8>>,
    /// COMMITs whose answers were lost.
    lost: usize,
    streams: Vec<TcpStream>,
}

/// What both directions of one connection know.
#[derive(Default)]
struct Connection {
    /// The marker went by in the transaction under way.
    marked: AtomicBool,
    /// The next answer is to be lost.
    swallow: AtomicBool,
}

impl Link {
    /// A link to a server at `host:port`.
    pub(crate) fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (server, of_link) = (server.to_owned(), Arc::clone(&shared));
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let (closed, cut) = {
                    let state = of_link.state();
                    (state.closed, state.cut)
                };
                if closed {
                    return;
                }
                if !cut && let Ok(far) = TcpStream::connect(&server) {
                    of_link.join(near, far);
                }
            }
        });
        Self { address, shared }
    }

    /// Nothing passes any more, in either direction; nothing is closed.
    pub(crate) fn hold(&self) {
        self.shared.state().held = true;
    }

    /// Every connection is closed, and each new one at once.
    pub(crate) fn cut(&self) {
        let mut state = self.shared.state();
        state.cut = true;
        for stream in state.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Everything passes again, what was held up first.
    pub(crate) fn resume(&self) {
        let mut state = self.shared.state();
        state.held = false;
        state.cut = false;
        drop(state);
        self.shared.changed.notify_all();
    }

    /// The next transaction that says these bytes commits, and its connection is
    /// lost before the answer arrives.
    pub(crate) fn lose_the_commit_of(&self, marker: &[u8]) {
        self.shared.state().marker = Some(marker.to_vec());
    }

    /// How many COMMITs went unanswered.
    pub(crate) fn lost(&self) -> usize {
        self.shared.state().lost
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.closed = true;
        state.held = false;
        for stream in state.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the accepting thread, so that it ends.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while_held(&self) {
        let waited = self.changed.wait_while(self.state(), |state| state.held);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn join(self: &Arc<Self>, near: TcpStream, far: TcpStream) {
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let copies = (near.try_clone().unwrap(), far.try_clone().unwrap());
        let ends = [near.try_clone().unwrap(), far.try_clone().unwrap()];
        self.state().streams.extend(ends);
        let connection = Arc::new(Connection::default());
        let (shared, of_there) = (Arc::clone(self), Arc::clone(&connection));
        thread::spawn(move || {
            pump(&shared, near, copies.1, |bytes| {
                shared.note(&of_there, bytes);
                true
            });
        });
        let shared = Arc::clone(self);
        thread::spawn(move || {
            pump(&shared, far, copies.0, |_| {
                let lost = connection.swallow.load(Ordering::SeqCst);
                shared.state().lost += usize::from(lost);
                !lost
            });
        });
    }

    /// Looks at what the server says to PostgreSQL.
    fn note(&self, connection: &Connection, bytes: &[u8]) {
        let says = |word: &[u8]| bytes.windows(word.len()).any(|part| part == word);
        let mut state = self.state();
        if state.marker.as_deref().is_some_and(says) {
            connection.marked.store(true, Ordering::SeqCst);
        }
        if says(COMMIT) && connection.marked.swap(false, Ordering::SeqCst) && state.marker.is_some()
        {
            state.marker = None;
            connection.swallow.store(true, Ordering::SeqCst);
        }
    }
}

/// Passes bytes on until either end closes or `pass` says no.
fn pump(
    shared: &Shared,
    mut from: TcpStream,
    mut to: TcpStream,
    mut pass: impl FnMut(&[u8]) -> bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        shared.wait_while_held();
        let bytes = &buffer[..read];
        if !pass(bytes) || to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
